"""What a network is fitted on: windows and labels of A instruments, their scales, and the rivals fitted beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import FORESEEING, ForecasterConfig, ModelConfig
from forecaster.data.datamodule import WindowData, WindowRows, window_rows
from forecaster.data.features import FeatureTable, senses_read, static_features
from forecaster.data.future_covariates import FutureReader, FutureTable
from forecaster.data.panel import all_ahead, build_panel_features, whole_contexts, with_common
from forecaster.data.selection import Reading, selected_reading
from forecaster.data.senses import FEWEST_READ, SenseTables, refuse_long
from forecaster.data.series import Series
from forecaster.networks.heads import has_centre
from forecaster.training.instruments import (
    OWN_ROWS,
    InstrumentPart,
    OwnRows,
    Scaling,
    has_moved,
    is_described,
    own_part,
    pooled_parts,
    thinned,
)
from forecaster.training.linear_base import LinearBase, fit_base, fit_selected

Array = NDArray[np.float64]
YEAR = pd.Timedelta(days=365)  # of fit rows, without which a season would be made up for the rest of the year


@dataclass(frozen=True, eq=False)
class Units:
    """In which units a network reads and speaks, where they were fixed before.

    Attributes:
        scaling: by instrument.
        reader: how future covariates are read; None for networks that do not.
        reading: which features the network reads; None: all.
    """

    scaling: Mapping[str, Scaling]
    reader: FutureReader | None
    reading: Reading | None


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
    parts: list[InstrumentPart]
    static: Array
    data: WindowData
    future: FutureTable
    reader: FutureReader | None
    reading: Reading | None


def training_set(series: Series, config: ForecasterConfig, rows: range, kept: Units | None = None) -> TrainingSet:
    """Return what `fit_panel` fits a network on; arguments as there, and the units to keep.

    Raises:
        ValueError: too few rows, rows outside the series, an instrument that `features.static` does not describe, or a
            column without a value on the fit rows.
    """
    model = config.model
    if not 0 <= rows.start < rows.stop <= len(series.index):
        raise ValueError(f"rows must lie within the {len(series.index)} bars of the series, were {rows}")
    past = with_common(series.rows(range(0, rows.stop)))  # the future does not exist from here on
    senses = senses_read(past, config.features)
    refuse_long(senses, model.context_length)
    tables = build_panel_features(past, config.features)
    first_rows = [table.first_row for table in tables]
    if past.traded is None:
        first_rows = [max(first_rows)] * len(tables)
    sizes = {"context_length": model.context_length, "horizon": model.horizon}
    stop_fraction = config.trainer.early_stopping_fraction
    decisions = window_rows(rows, first_row=min(first_rows), stop_fraction=stop_fraction, **sizes)
    changes, usable = past.changes(), _usable(past, first_rows, **sizes)
    own_rows = [
        _own_rows(decisions, max(first_row, rows.start), past, number, usable, purge=model.horizon)
        for number, first_row in enumerate(first_rows)
    ]
    _refuse_few(own_rows, rows)
    scaling = [None if kept is None else kept.scaling.get(name) for name in series.instruments]
    own = [
        own_part(table, changes[:, number], own_rows[number], model, scaling[number])
        if has_moved(changes[:, number], own_rows[number], model.horizon)
        and (past.traded is None or (own_rows[number].enough and is_described(table, own_rows[number])))
        else None
        for number, table in enumerate(tables)
    ]
    parts = pooled_parts(tables, changes, own_rows, own, model, scaling)
    static, _ = static_features(series.instruments, config.features)
    future, reader = past.future_table(calendar=config.features.calendar), None
    if model.kind in FORESEEING and kept is not None:
        reader = kept.reader
    elif model.kind in FORESEEING:
        longest = int(np.argmax([len(part.rows.fit) for part in parts]))
        scales = zip(*(parts[longest].facts[name].tolist() for name in ("mean", "std")), strict=True)
        fit_bars = slice(max(min(first_rows), rows.start), int(decisions.fit[-1]) + 1)
        by_name = dict(zip(tables[0].names, scales, strict=True))  # the calendar and announcements are everyone's
        reader = FutureReader.fitted(future, model.horizon, fit_bars, by_name)
    first, last = past.index[decisions.fit[0]], past.index[decisions.fit[-1]]
    of_a_year = last - first >= YEAR
    if kept is not None:
        reading = kept.reading
    else:
        reading = _reading(tables[0], parts, of_a_year=of_a_year) if config.features.selection else None
    inputs = (part.scaled if reading is None else reading.read(part.scaled) for part in parts)
    data = WindowData(
        np.stack([scaled.astype(np.float32) for scaled in inputs]),
        static.astype(np.float32),
        np.stack([(part.changes / part.facts["target_scale"]).astype(np.float32) for part in parts]),
        decisions,
        **sizes,
        usable=usable,
        levels=series.target == "level",
        senses=SenseTables.of(senses, [table.senses for table in tables]),
    )
    for sense, values in zip(senses, data.senses.learned(data.bars), strict=True):
        if len(values) < FEWEST_READ:
            raise ValueError(
                f"{sense.name}: {len(values)} of {len(data.bars)} bars that are learned from have any, and "
                f"{FEWEST_READ} must; bring more of those bars, or leave it out"
            )
    return TrainingSet(past, tables, parts, static, data, future, reader, reading)


def _usable(past: Series, first_rows: Sequence[int], *, context_length: int, horizon: int) -> NDArray[np.bool_] | None:
    """Return (A, T) the rows at which a window and its label are an instrument's own; None if every one trades always.

    A bar within the window at which it did not trade is carried; one within the label is no label.
    """
    if past.traded is None:
        return None
    whole = whole_contexts(past, first_rows, context_length) & all_ahead(past.has_change, horizon)
    return np.ascontiguousarray(whole.T)


def _own_rows(
    decisions: WindowRows, first_bar: int, past: Series, number: int, usable: NDArray[np.bool_] | None, *, purge: int
) -> OwnRows:
    """Return an instrument's own share of the decision rows, and the bars up to the last fit row that it has.

    One that ended before the rows that stop is stopped by the last of those that fit.
    """
    bars, fit, stop = np.arange(first_bar, int(decisions.fit[-1]) + 1), decisions.fit, decisions.stop
    if usable is None or past.traded is None:
        return OwnRows(bars, fit, stop)
    fit, stop = fit[usable[number, fit]], stop[usable[number, stop]]
    last = len(fit) - max(2, len(fit) // 8)
    if len(stop) < 2 and last - purge + 1 >= OWN_ROWS:
        fit, stop = fit[: last - purge + 1], fit[last:]
    return OwnRows(bars[past.traded[bars, number]], fit, stop)


def _refuse_few(own_rows: Sequence[OwnRows], rows: range) -> None:
    fit, stop = (sum(len(getattr(own, kind)) for own in own_rows) for kind in ("fit", "stop"))
    if min(fit, stop) < 2:
        raise ValueError(
            f"the forecaster's rows [{rows.start}, {rows.stop}) hold {fit} windows to fit and {stop} to stop, of "
            f"{len(own_rows)} instruments; a window and its label must be bars that one instrument traded. Bring more "
            "rows, or lower model.context_length or model.horizon"
        )


def _reading(table: FeatureTable, parts: Sequence[InstrumentPart], *, of_a_year: bool) -> Reading:
    """Select what the network reads of A instruments, by their fit rows together; a year of them knows a season."""
    fit = thinned([part.rows.fit for part in parts])
    target = thinned([part.fit_target[:, 0] / part.facts["target_scale"] for part in parts])
    scaled = np.concatenate([part.scaled[rows] for part, rows in zip(parts, fit, strict=True)])
    change = np.concatenate(target)
    if not of_a_year:
        scaled[:, table.season] = 0.0
    season = table.season if of_a_year else ()
    return selected_reading(scaled, change, season=season, plain=table.plain, means=table.means)


def linear_base(lessons: TrainingSet, model: ModelConfig) -> tuple[LinearBase | None, bool]:
    """Fit the forecast whose errors the network is taught, if there is one, and say whether it may go without."""
    if model.scaling == "context":
        return None, False
    if model.linear_base:
        return LinearBase(fit_base(lessons.data)), False
    if lessons.reading is None or not lessons.reading.selected or not has_centre(model):
        return None, False
    return fit_selected(lessons.data, lessons.reading.selected), True
