"""What every stage of the real pipeline said at every bar, in order, so that two worlds can be compared."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.pipeline import encoding
from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared

STAGES = (
    "series",
    "features",
    "scaler",
    "forecaster_fit",
    "hidden_states",
    "forecasts",
    "scores",
    "agent_fit",
    "observations",
    "actions",
    "fills",
    "equity",
    "metrics",
)
ROUNDING = 1e-9  # relative: linear baselines forecast all rows in one product, whose sums depend on how many there are
Values = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Trace:
    """Per stage, tables of one row a bar, each with the row of the series that its first row belongs to.

    Attributes:
        tables: by stage.
        models: the models behind them, with the states of this world.
        decisions: what the agent decided, or None where nobody did.
        instruments: the A that are acted on at once, or none: by them (T, A), (T, A, D) and blocks of columns are told.
    """

    tables: TraceTables
    models: Models | None = None
    decisions: pd.DataFrame | None = None
    instruments: tuple[str, ...] = field(default=())


class Difference(NamedTuple):
    """Where two traces part.

    Attributes:
        stage: one of `STAGES`.
        row: the first at which they do.
        whose: the first instrument of which they do, in words that begin a sentence; empty where there is but one, or
            what differs is of all together.
    """

    stage: str
    row: int
    whose: str


def trace(prepared: Prepared, models: Models, rows: range, *, true: Trace | None = None, row: int = 0) -> Trace:
    """Walk the path from the series to the money with models that are fitted already.

    Args:
        prepared: the series of some world.
        models: the forecaster, and the agent if there is one; the states are encoded anew.
        rows: the bars the agent is played on.
        true: the trace of the true world, for what need not be walked a second time; None for nothing.
        row: up to which the worlds are the same.
    """
    series, fitted = prepared.series, models.forecaster
    assert fitted is not None
    columns: list[Values | None] = [getattr(series, name) for name in ("open", "high", "low", "close", "volume")]
    if len(prepared.panel.instruments) > 1:  # a world may have gaps and ends that another has not
        shape = series.close.shape
        columns += [np.ones(shape, dtype=bool) if series.traded is None else series.traded]
        columns += [np.zeros(shape, dtype=bool) if series.delisted is None else series.delisted]
    common = series.exogenous.to_numpy(np.float64)[:, None]  # (T, 1, K): of no instrument
    tables: TraceTables = {"series": [(0, table) for table in (*columns, common) if table is not None]}
    features, scaled = encoding.read_bars(fitted, series)
    tables["features"], tables["scaler"] = [(0, features.values)], [(0, scaled)]
    before = None if true is None or true.models is None else true.models.states
    states = (
        encoding.encode_bars(fitted, series)
        if before is None
        else encoding.encode_again(fitted, series, before, row=row)
    )
    tables["hidden_states"] = [(0, states.hidden_state)]
    tables["forecasts"] = [
        (0, table) for table in (states.forecast, states.quantiles, states.chances) if table is not None
    ]
    models = replace(models, states=states)
    acted, decisions = prepared.task.trace(prepared, models, rows)
    return Trace(tables | acted, models, decisions, series.instruments if prepared.several else ())


def first_difference(
    one: Trace, other: Trace, *, last_row: int, first_row: int = 0, shift: int = 0, tolerance: float = 0.0
) -> Difference | None:
    """Return the first stage in which two traces differ at or before `last_row`, its first such row, and of whom.

    None if they do not. A stage that only one of them reached, for want of bars, is not compared.

    Args:
        one: the trace of the true world.
        other: that of another.
        last_row: of `one`.
        first_row: rows of `one` before this are not compared.
        shift: row r of `one` is row r - shift of `other`.
        tolerance: relative difference that counts as none; 0 asks for the same bits, but of the scores.
    """
    for stage in (name for name in STAGES if name in one.tables and name in other.tables):
        allowed = max(tolerance, ROUNDING if stage == "scores" else 0.0)
        pairs = zip(one.tables[stage], other.tables[stage], strict=True)
        places = [
            (row, _whose(stage, ours[1], column, one.instruments))
            for ours, theirs in pairs
            for row, column in _differing(ours, theirs, last_row, first_row, shift, allowed)
        ]
        if places:
            return Difference(stage, *min(places, key=lambda place: place[0]))
    return None


def _whose(stage: str, table: Values, column: int, instruments: tuple[str, ...]) -> str:
    """Name the instrument of a column of a table (T, ...) whose other axes are laid out one after another."""
    size = len(instruments)
    if size == 0 or stage == "equity":
        return ""
    asset = None
    if stage in ("actions", "fills"):  # (T, A), or of every strategy (T, S, A)
        asset = column % size if table.shape[-1] == size else None
    elif table.ndim == 2:  # (T, A), or a block of columns each and what is common to all
        block = table.shape[1] // size
        asset = column // block if block and column < block * size else None
    elif table.shape[1] == size:  # (T, A, ...)
        asset = column // (int(np.prod(table.shape[1:])) // size)
    return "" if asset is None else f"of {instruments[asset]}: "


def _differing(
    ours: tuple[int, Values], theirs: tuple[int, Values], last_row: int, first_row: int, shift: int, tolerance: float
) -> Iterator[tuple[int, int]]:
    """Yield the first row of two tables at which they differ, if there is one, and its first such column."""
    start = max(ours[0], theirs[0] + shift, first_row)
    stop = min(last_row + 1, ours[0] + len(ours[1]), theirs[0] + shift + len(theirs[1]))
    if start >= stop:
        return
    left = ours[1][start - ours[0] : stop - ours[0]].astype(np.float64).reshape(stop - start, -1)
    right = theirs[1][start - shift - theirs[0] : stop - shift - theirs[0]].astype(np.float64).reshape(stop - start, -1)
    if left.shape != right.shape:
        yield start, 0
        return
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    if tolerance:
        same |= np.abs(left - right) <= tolerance * np.maximum(1.0, np.abs(left))
    wrong = np.flatnonzero(~same.all(axis=1))
    if len(wrong):
        yield start + int(wrong[0]), int((~same[wrong[0]]).argmax())
