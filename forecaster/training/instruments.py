"""Each instrument's own scales and rivals, fitted on its own rows; the panel's where those are few, or stand still."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines.dlinear import fit_dlinear
from forecaster.baselines.naive_and_ridge import fit_ridge, ridge_forecast
from forecaster.config import ModelConfig
from forecaster.data.features import FeatureTable, scale, scale_of
from forecaster.data.windows import labels
from forecaster.training.linear_base import MOST_WINDOWS

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Numbers = TypeVar("Numbers", NDArray[np.int64], NDArray[np.float64])
OWN_ROWS = 60  # fit rows without which an instrument is scaled and forecast as the panel is: a quarter of daily bars


@dataclass(frozen=True, eq=False)
class OwnRows:
    """Rows of one instrument: the bars its features are scaled by, and the decision rows that fit and that stop."""

    bars: Rows
    fit: Rows
    stop: Rows

    @property
    def enough(self) -> bool:
        """Whether an instrument is scaled and forecast by itself."""
        return len(self.fit) >= OWN_ROWS and len(self.stop) >= 2


def is_described(table: FeatureTable, rows: OwnRows) -> bool:
    """Whether every feature has a value on some of an instrument's own bars; a column may be missing on them all."""
    return not bool(np.isnan(table.values[rows.bars]).all(axis=0).any())


def has_moved(changes: Array, rows: OwnRows, horizon: int) -> bool:
    """Whether an instrument moved in what its fit rows tell of; one that never did has no unit of its own."""
    return bool(labels(changes, rows.fit, horizon).any())


@dataclass(frozen=True, eq=False)
class InstrumentPart:
    """One instrument's share of a fit.

    Attributes:
        scaled: (T, F) features; NaN before its warm-up is over.
        changes: (T,).
        fit_target: (N, H) labels of its fit rows.
        facts: what a `FittedForecaster` keeps of it: mean, std, target_scale, naive_mae, ridge, ridge_limits, dlinear.
        rows: its rows.
    """

    scaled: Array
    changes: Array
    fit_target: Array
    facts: dict[str, Any]
    rows: OwnRows


@dataclass(frozen=True, eq=False)
class Scaling:
    """In which units an instrument is read and forecast: (F,) `mean` and `std` of features, and one of changes."""

    mean: Array
    std: Array
    target_scale: float


def unit_of(model: ModelConfig, std: Array, target: Array) -> float:
    """Return the unit of an instrument's changes: the deviation of its labels.

    Where a window is scaled by itself it is that of the change among the features, so that what the network says in
    deviations of the window means the same in either.
    """
    return float(std[0]) if model.scaling == "context" else float(target.std()) or 1.0


def own_part(
    table: FeatureTable, changes: Array, rows: OwnRows, model: ModelConfig, kept: Scaling | None = None
) -> InstrumentPart:
    """Scale an instrument by its own bars, or as before, and fit the baselines that need a fit on its own rows."""
    mean, std = scale_of(table.values[rows.bars], table.names) if kept is None else (kept.mean, kept.std)
    fit_target, stop_target = (labels(changes, part, model.horizon) for part in (rows.fit, rows.stop))
    scaled = scale(table.values, mean, std, table.names)
    ridge = fit_ridge(scaled[rows.fit], fit_target, scaled[rows.stop], stop_target)
    told = ridge_forecast(ridge, scaled[rows.fit])
    facts = {
        "mean": mean,
        "std": std,
        "target_scale": unit_of(model, std, fit_target) if kept is None else kept.target_scale,
        "naive_mae": float(np.abs(fit_target).mean()),
        "ridge": ridge,
        "ridge_limits": np.stack([told.min(axis=0), told.max(axis=0)]),
        "dlinear": fit_dlinear(
            changes, rows.fit, rows.stop, context_length=model.context_length, horizon=model.horizon
        ),
    }
    return InstrumentPart(scaled, changes, fit_target, facts, rows)


def pooled_parts(
    tables: Sequence[FeatureTable],
    changes: Array,
    rows: Sequence[OwnRows],
    parts: Sequence[InstrumentPart | None],
    model: ModelConfig,
    kept: Sequence[Scaling | None],
) -> list[InstrumentPart]:
    """Fill in the parts of instruments with too few rows of their own, or none that moved: None of (A,) `parts`.

    They are scaled by the mean and deviation of all instruments' bars, and forecast by one ridge and one DLinear that
    are fitted on all instruments' rows, each in its own units. Of many rows every second, third and so on is used.

    Args:
        tables: of A instruments.
        changes: (T, A).
        rows: of each.
        parts: of each.
        model: context length and horizon.
        kept: of each the scaling it had before, which it keeps; None: there is none.
    """
    if all(part is not None for part in parts):
        return [part for part in parts if part is not None]
    horizon, names, num_bars = model.horizon, tables[0].names, len(changes)
    bars, fit, stop = (
        thinned([getattr(own, kind) for own in rows]) for kind in ("bars", "fit", "stop")
    )  # of each, (A,) lists of rows
    mean, std = scale_of(np.concatenate([table.values[own] for table, own in zip(tables, bars, strict=True)]), names)
    truth = np.concatenate([labels(changes[:, number], own.fit, horizon) for number, own in enumerate(rows)])
    common = Scaling(mean, std, unit_of(model, std, truth))
    scaling = [common if own is None else own for own in kept]
    units = np.array(
        [
            own.target_scale if part is None else part.facts["target_scale"]
            for own, part in zip(scaling, parts, strict=True)
        ]
    )
    scaled = [
        scale(table.values, own.mean, own.std, names) if part is None else part.scaled
        for table, own, part in zip(tables, scaling, parts, strict=True)
    ]
    # One instrument after another: no window and no label of an instrument's own rows reaches into the next.
    line = (changes / units).T.reshape(-1)  # (A * T,)
    ends = [np.concatenate([number * num_bars + own for number, own in enumerate(part)]) for part in (fit, stop)]
    read = [np.concatenate([values[own] for values, own in zip(scaled, part, strict=True)]) for part in (fit, stop)]
    ridge = fit_ridge(read[0], labels(line, ends[0], horizon), read[1], labels(line, ends[1], horizon))
    told = ridge_forecast(ridge, read[0])
    dlinear = fit_dlinear(line, ends[0], ends[1], context_length=model.context_length, horizon=horizon)

    def facts(own: Scaling) -> dict[str, Any]:
        unit = own.target_scale
        return {
            "mean": own.mean,
            "std": own.std,
            "target_scale": unit,
            "naive_mae": float(np.abs(truth).mean()),
            "ridge": ridge * unit,
            "ridge_limits": np.stack([told.min(axis=0), told.max(axis=0)]) * unit,
            "dlinear": np.vstack([dlinear[:-1], dlinear[-1:] * unit]),  # it reads changes in their unit
        }

    return [
        InstrumentPart(
            scaled[number],
            changes[:, number],
            labels(changes[:, number], own.fit, horizon),
            facts(scaling[number]),
            own,
        )
        if part is None
        else part
        for number, (own, part) in enumerate(zip(rows, parts, strict=True))
    ]


def thinned(rows: Sequence[Numbers]) -> list[Numbers]:
    """Return every second, third and so on of what several instruments have, so that a regression's worth is left."""
    step = 1 if len(rows) == 1 else max(-(-sum(map(len, rows)) // MOST_WINDOWS), 1)
    return [own[::step] for own in rows]
