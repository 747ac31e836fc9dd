"""Forecasters and their states by the same words: of one instrument or of several, of bars or of whole days.

Here, and nowhere else, it is decided by the kind of the network who fits, saves, loads and encodes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import forecaster.hidden_states as encoding
from forecaster.config import DAYWISE, FeatureConfig, ForecasterConfig
from forecaster.data.features import FeatureTable
from forecaster.data.panel import build_panel_features
from forecaster.data.series import Series
from forecaster.day_ahead.fitted import DayForecaster, fit_days, load_days
from forecaster.fitted import FACTS, FittedForecaster, adopted, fit_panel, load_forecaster, load_panel, save_panel
from forecaster.hidden_states import HiddenStates, load_hidden_states, read_features
from forecaster.panel_states import PanelStates, encode_panel, load_panel_states
from forecaster.training.trainer import Progress
from tradewinds.core.console import Console
from tradewinds.pipeline.walk_file import walk_on

Array = NDArray[np.float64]
Fitted: TypeAlias = FittedForecaster | DayForecaster
Panel: TypeAlias = Mapping[str, FittedForecaster]  # by instrument; they share one network
States: TypeAlias = HiddenStates | PanelStates


def fit(
    series: Series,
    config: ForecasterConfig,
    rows: range,
    *,
    seed: int,
    progress: Progress | None = None,
    start: Path | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> dict[str, Any]:
    """Fit the network of a request on `rows`, and return a forecaster of each instrument.

    Args:
        series: of A instruments.
        config: features, network, training.
        rows: the forecaster's part.
        seed: of all that is drawn.
        progress: called after each epoch.
        start: folder of a forecaster whose weights the training begins from; None begins anew, as networks of days do.
        checkpoint: folder in which the training is written down; of networks of days nothing is.
        resume: such a folder, to go on from.

    Raises:
        ValueError: too few rows, columns that a network cannot read, or several instruments for one that reads days.
    """
    if config.model.kind not in DAYWISE:
        initial = None if start is None else load_panel(start)
        places = {"checkpoint": checkpoint, "resume": resume}
        return fit_panel(series, config, rows, seed=seed, progress=progress, initial=initial, **places)
    if len(series.instruments) != 1:
        raise ValueError(
            f"a network that reads days reads one instrument, the series has {', '.join(series.instruments)}; choose "
            f"it with series.instruments=[{series.instruments[0]}]"
        )
    return {series.instruments[0]: fit_days(series, config, rows, seed=seed, progress=progress)}


def save(panel: Mapping[str, Any], folder: Path) -> None:
    """Write what `fit` returned into an existing folder."""
    first = next(iter(panel.values()))
    if isinstance(first, DayForecaster):
        first.save(folder)
    else:
        save_panel(panel, folder)


def load_forecasters(
    folder: Path, series: Series, walk: Path | None = None, *, renamed: bool = False, adopting: range | None = None
) -> Fitted | Panel:
    """Load the forecaster of a series' one instrument, or those of all of its instruments.

    Args:
        folder: where they were written.
        series: of these instruments.
        walk: where it was written how far a forecaster had walked that is fitted anew as days come.
        renamed: whether the one instrument that it was fitted on may bear another name here.
        adopting: bars of a series that it was not fitted on, in whose units a network of bars reads it; None: it was.

    Raises:
        ValueError: an instrument is none of those it was fitted on, or cannot be read as such.
    """
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if facts["config"]["model"]["kind"] in DAYWISE:
        return load_days(folder, walk)
    if adopting is not None:
        others = adopted(load_panel(folder), series, adopting)
        return others if len(others) > 1 else others[series.instruments[0]]
    panel = load_panel(folder)
    if renamed and len(panel) == len(series.instruments) == 1:
        return replace(*panel.values(), instrument=series.instruments[0])
    if len(series.instruments) == 1:
        return load_forecaster(folder, series.instruments[0])
    strangers = [name for name in series.instruments if name not in panel]
    if strangers:
        raise ValueError(f"it was not fitted on {', '.join(strangers[:4])}")
    return {name: panel[name] for name in series.instruments}


def encode_bars(fitted: Fitted | Panel, series: Series, rows: range | None = None) -> States:
    """Return states and forecasts of every bar, or of `rows` at least."""
    if isinstance(fitted, Mapping):
        return encode_panel(fitted, series, rows=rows)
    if isinstance(fitted, DayForecaster):
        return fitted.encode(series, rows)
    return encoding.encode(fitted, series, rows)


def encode_on(
    fitted: Fitted | Panel, series: Series, earlier: States | None, folder: Path | None, console: Console
) -> States:
    """Return states of every bar of a series; a long walk is shown, and written down on its way.

    Args:
        fitted: the forecaster.
        series: T bars.
        earlier: states of its first bars, encoded before by this forecaster; None where there are none.
        folder: where a walk is written down, and where one is looked for that was cut off (`walk_file`); None: nowhere.
        console: where it is shown.
    """
    known = 0 if earlier is None else len(earlier.index)
    if isinstance(fitted, DayForecaster) and fitted.recalibrates and not isinstance(earlier, PanelStates):
        return walk_on(fitted, series, earlier, folder, console)
    later = encode_bars(fitted, series, range(known, len(series.index)) if known else None)
    return later if earlier is None else later.preceded_by(earlier)  # type: ignore[arg-type]  # both of one, or several


def encode_again(
    fitted: Fitted | Panel, series: Series, states: States, *, row: int, asked: range | None = None
) -> States:
    """Return states of a series that is another after `row`.

    Args:
        fitted: the forecaster.
        series: in another world.
        states: in the true one.
        row: up to which both are the same.
        asked: whose states are asked for; None for all.

    Returns:
        The states of the rows asked for; where that is a long walk, those of the last days before `row` and of what
        comes after it. They are preceded by what they are in the true world.
    """
    if not isinstance(fitted, DayForecaster) or isinstance(states, PanelStates):
        again, known = encode_bars(fitted, series, asked), states.until(0 if asked is None else min(asked.start, row))
        return again.preceded_by(known)  # type: ignore[arg-type]  # both of one instrument, or both of several
    since, stop = max(0, row - fitted.bars_again), len(series.index) if asked is None else asked.stop
    return fitted.encode(series, range(since, stop)).preceded_by(states.until(since))


def at_rest(fitted: Fitted | Panel) -> Fitted | Panel:
    """Return a forecaster as it is now, that is not fitted anew any more."""
    return fitted.at_rest() if isinstance(fitted, DayForecaster) else fitted


def encode_grown(fitted: Fitted | Panel, series: Series, folder: Path) -> States:
    """Return states of every bar of a series that may have grown since states of it were written to `folder`.

    They are encoded anew, but where that would be a long walk through days that have not changed since.
    """
    if not isinstance(fitted, DayForecaster):
        return encode_bars(fitted, series)
    earlier = load_hidden_states(folder)
    known = len(earlier.index)
    if not earlier.index.equals(series.index[:known]) or not fitted.goes_on(series, known):
        return encode_bars(fitted, series)
    return fitted.encode(series, range(known, len(series.index))).preceded_by(earlier)


def forecast_last(fitted: Fitted, series: Series) -> NDArray[np.float32]:
    """Return the (H,) changes forecast at the close of a series' last bar.

    Raises:
        ValueError: too few bars, or others than it was fitted on.
    """
    if isinstance(fitted, DayForecaster):
        last = len(series.index) - 1
        return np.asarray(fitted.encode(series, range(last, last + 1)).forecast[last])
    return encoding.last_forecast(fitted, series)


def save_states(fitted: Fitted | Panel, states: States, folder: Path) -> None:
    """Write states into an existing folder, and how far a forecaster has walked that is fitted anew as days come."""
    states.save(folder)
    if isinstance(fitted, DayForecaster):
        fitted.save_walk(folder)


def load_states(folder: Path, *, several: bool) -> States:
    """Read the states that were written for one instrument, or for several."""
    return load_panel_states(folder) if several else load_hidden_states(folder)


def read_bars(fitted: Fitted | Panel, series: Series) -> tuple[FeatureTable, Array]:
    """Return the features (T, F) that are read of every bar, as they are and in the network's units.

    Of several instruments they stand side by side, each column named with its instrument.

    Raises:
        ValueError: the series has other features or another bar length than the forecaster was fitted on.
    """
    if isinstance(fitted, DayForecaster):
        table = fitted.features(series)
        return table, table.values
    if not isinstance(fitted, Mapping):
        return read_features(fitted, series)
    tables = build_panel_features(series, next(iter(fitted.values())).config.features)
    pairs = list(zip(series.instruments, tables, strict=True))
    return joint(pairs), np.concatenate([fitted[name].scaled(table.values) for name, table in pairs], axis=1)


def built_bars(series: Series, config: FeatureConfig) -> FeatureTable:
    """Return the features (T, F) that a forecaster of a series would read; of several instruments side by side."""
    tables = build_panel_features(series, config)
    return tables[0] if len(tables) == 1 else joint(list(zip(series.instruments, tables, strict=True)))


def joint(tables: Sequence[tuple[str, FeatureTable]]) -> FeatureTable:
    """Put the features of several instruments side by side."""
    names = tuple(f"{column}.{name}" for name, table in tables for column in table.names)
    values = np.concatenate([table.values for _, table in tables], axis=1)
    return FeatureTable(values, names, min(table.first_row for _, table in tables), len(names))


def of_instruments(fitted: Mapping[str, Any], series: Series) -> Any:
    """Return of forecasters by name that of a series' only instrument, or those of all of its instruments."""
    names = series.instruments
    return fitted[names[0]] if len(names) == 1 else {name: fitted[name] for name in names}
