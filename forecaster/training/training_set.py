"""What a network is fitted on: windows and labels of A instruments, their scales, and the rivals fitted beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.baselines.dlinear import fit_dlinear
from forecaster.baselines.naive_and_ridge import fit_ridge, ridge_forecast
from forecaster.config import FORESEEING, ForecasterConfig, ModelConfig
from forecaster.data.datamodule import WindowData, WindowRows, window_rows
from forecaster.data.features import FeatureTable, build_features, scale, scale_of, static_features
from forecaster.data.future_covariates import FutureReader, FutureTable
from forecaster.data.selection import Reading, selected_reading
from forecaster.data.series import Series
from forecaster.data.windows import labels
from forecaster.training.linear_base import LinearBase, fit_base, fit_selected

Array = NDArray[np.float64]
YEAR = pd.Timedelta(days=365)  # of fit rows, without which a season would be made up for the rest of the year


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """All that a network is fitted on, of A instruments.

    Attributes:
        past: the series up to the last of the forecaster's rows.
        tables: per instrument its features.
        parts: per instrument its scaled features, changes, labels of the fit rows, and facts.
        static: (A, S) what does not change.
        data: windows and labels, as the training meets them.
        future: what is known of the bars ahead.
        reader: how that is read; None for networks that do not.
        reading: which features the network reads; None: all.
    """

    past: Series
    tables: list[FeatureTable]
    parts: "list[InstrumentPart]"
    static: Array
    data: WindowData
    future: FutureTable
    reader: FutureReader | None
    reading: Reading | None


def training_set(series: Series, config: ForecasterConfig, rows: range) -> TrainingSet:
    """Return what `fit_panel` fits a network on; arguments as there.

    Raises:
        ValueError: too few rows, rows outside the series, an instrument that `features.static` does not describe, or a
            column without a value on the fit rows.
    """
    model_config = config.model
    if not 0 <= rows.start < rows.stop <= len(series.index):
        raise ValueError(f"rows must lie within the {len(series.index)} bars of the series, were {rows}")
    past = series.rows(range(0, rows.stop))  # the future does not exist from here on
    tables = [build_features(past.instrument(name), config.features) for name in series.instruments]
    first_row = max(table.first_row for table in tables)
    sizes = {"context_length": model_config.context_length, "horizon": model_config.horizon}
    stop_fraction = config.trainer.early_stopping_fraction
    decisions = window_rows(rows, first_row=first_row, stop_fraction=stop_fraction, **sizes)
    changes = past.changes()
    parts = [
        _scale(table, changes[:, number], decisions, max(first_row, rows.start), model_config)
        for number, table in enumerate(tables)
    ]
    static, _ = static_features(series.instruments, config.features)
    future, reader = past.future_table(calendar=config.features.calendar), None
    if model_config.kind in FORESEEING:
        scales = zip(parts[0].facts["mean"].tolist(), parts[0].facts["std"].tolist(), strict=True)
        fit_bars = slice(max(first_row, rows.start), int(decisions.fit[-1]) + 1)
        by_name = dict(zip(tables[0].names, scales, strict=True))  # the calendar and announcements are everyone's
        reader = FutureReader.fitted(future, model_config.horizon, fit_bars, by_name)
    first, last = past.index[decisions.fit[0]], past.index[decisions.fit[-1]]
    of_a_year = last - first >= YEAR
    reading = _reading(tables[0], parts, decisions, of_a_year=of_a_year) if config.features.selection else None
    inputs = [part.scaled if reading is None else reading.read(part.scaled) for part in parts]
    data = WindowData(
        np.stack([scaled.astype(np.float32) for scaled in inputs]),
        static.astype(np.float32),
        np.stack([(part.changes / part.facts["target_scale"]).astype(np.float32) for part in parts]),
        decisions,
        **sizes,
    )
    return TrainingSet(past, tables, parts, static, data, future, reader, reading)


def _reading(
    table: FeatureTable, parts: Sequence["InstrumentPart"], decisions: WindowRows, *, of_a_year: bool
) -> Reading:
    """Select what the network reads of A instruments, by their fit rows together; a year of them knows a season."""
    scaled = np.concatenate([part.scaled[decisions.fit] for part in parts])
    change = np.concatenate([part.fit_target[:, 0] / part.facts["target_scale"] for part in parts])
    if not of_a_year:
        scaled[:, table.season] = 0.0
    season = table.season if of_a_year else ()
    return selected_reading(scaled, change, season=season, plain=table.plain, means=table.means)


def linear_base(lessons: TrainingSet, model: ModelConfig) -> tuple[LinearBase | None, bool]:
    """Fit the forecast whose errors the network is taught, if there is one, and say whether it may go without."""
    if model.linear_base:
        return LinearBase(fit_base(lessons.data)), False
    if lessons.reading is None or not lessons.reading.selected or model.head == "bins":
        return None, False
    return fit_selected(lessons.data, lessons.reading.selected), True


@dataclass(frozen=True, eq=False)
class InstrumentPart:
    """One instrument's share of a fit: scaled features (T, F), changes (T,), fit labels (N, H), own facts."""

    scaled: Array
    changes: Array
    fit_target: Array
    facts: dict[str, Any]


def _scale(
    table: FeatureTable, changes: Array, decisions: WindowRows, first_row: int, model: ModelConfig
) -> InstrumentPart:
    """Scale an instrument by its fit rows, from `first_row` on, and fit the baselines that need a fit."""
    mean, std = scale_of(table.values[first_row : decisions.fit[-1] + 1], table.names)
    fit_target = labels(changes, decisions.fit, model.horizon)
    stop_target = labels(changes, decisions.stop, model.horizon)
    scaled = scale(table.values, mean, std, table.names)
    ridge = fit_ridge(scaled[decisions.fit], fit_target, scaled[decisions.stop], stop_target)
    told = ridge_forecast(ridge, scaled[decisions.fit])
    facts = {
        "mean": mean,
        "std": std,
        "target_scale": float(fit_target.std()) or 1.0,
        "naive_mae": float(np.abs(fit_target).mean()),
        "ridge": ridge,
        "ridge_limits": np.stack([told.min(axis=0), told.max(axis=0)]),
        "dlinear": fit_dlinear(
            changes, decisions.fit, decisions.stop, context_length=model.context_length, horizon=model.horizon
        ),
    }
    return InstrumentPart(scaled, changes, fit_target, facts)
