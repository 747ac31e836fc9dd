"""What an agent may see of a bar: no state of a forecaster that was fitted on that same bar (docs/leakage.md)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecaster.data.features import FeatureTable
from forecaster.data.panel import build_panel_features
from tradewinds.pipeline.task import Prepared

if TYPE_CHECKING:
    from tradewinds.pipeline.encoding import States


def observed(name: str, prepared: Prepared, states: "States") -> NDArray[np.float32]:
    """Return (T, F) what `hidden_state`, `forecast`, `chances` or `features` of `rollout.observe` stands for.

    Of several instruments it is (T, A, F), each one's own.
    """
    if name == "features":
        config = prepared.config.features
        tables = [_plain(table) for table in build_panel_features(prepared.series, config)]
        return np.stack(tables, axis=1) if prepared.several else tables[0]
    if name == "chances":
        chances = states.chances
        assert chances is not None  # else the request was refused
        return chances.reshape(*states.forecast.shape[:-1], -1)  # (T, H, K) -> (T, H * K)
    return states.forecast if name == "forecast" else states.hidden_state


def _plain(table: FeatureTable) -> NDArray[np.float32]:
    values = table.values[:, : table.plain]  # what is only there to be selected is the forecaster's alone
    return np.nan_to_num(values, nan=0.0).astype(np.float32)


def first_unseen(states: "States", row: int, *, horizon: int, embargo: int) -> int:
    """Return the first of the rows up to `row`, without a gap, that `assert_unseen` lets pass."""
    t = np.arange(row)
    broken = _learned_too_far(states, t, horizon, embargo) | (t < states.first_row)
    return int(np.flatnonzero(broken)[-1]) + 1 if broken.any() else 0


def _learned_too_far(states: "States", rows: NDArray[np.int64], horizon: int, embargo: int) -> NDArray[np.bool_]:
    """(R,) whether the forecaster behind a row knew what it may not.

    One that was fitted once had learned its last label before the row and the embargo; one that is fitted anew as bars
    come has learned no price that was not known at the row.
    """
    label_end = getattr(states, "label_end", None)
    if label_end is not None:
        return np.asarray(label_end[rows] > rows)
    return np.asarray(states.fit_end[rows] + horizon + embargo >= rows)


def assert_unseen(states: "States", rows: range, *, horizon: int, embargo: int) -> None:
    """Check that the forecaster behind each of `rows` had stopped learning before it.

    Raises:
        ValueError: some row t has fit_end + horizon + embargo >= t, or label_end > t where it is fitted anew as bars
            come; or lies before the first encoded row.
    """
    t = np.arange(rows.start, rows.stop)
    broken = t[_learned_too_far(states, t, horizon, embargo)]
    label_end = getattr(states, "label_end", None)
    if len(broken) and label_end is not None:
        row = int(broken[0])
        raise ValueError(
            f"row {row} may not reach the agent: its forecaster was fitted anew on prices up to row "
            f"{int(label_end[row])}, which must be known at the row"
        )
    if len(broken):
        row = int(broken[0])
        raise ValueError(
            f"row {row} may not reach the agent: its forecaster was fitted up to row {int(states.fit_end[row])}, "
            f"and fit_end + horizon ({horizon}) + embargo ({embargo}) must be less than the row"
        )
    if rows.start < states.first_row:
        raise ValueError(f"row {rows.start} has no hidden state; the first encoded row is {states.first_row}")
