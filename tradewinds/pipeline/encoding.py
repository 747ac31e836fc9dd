"""Forecasters and their states of one instrument or of several, by the same words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import forecaster.hidden_states as encoding
from forecaster.config import FeatureConfig
from forecaster.data.features import FeatureTable
from forecaster.data.panel import build_panel_features
from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster, load_forecaster, load_panel
from forecaster.hidden_states import HiddenStates, load_hidden_states, read_features
from forecaster.panel_states import PanelStates, encode_panel, load_panel_states

Array = NDArray[np.float64]
Panel: TypeAlias = Mapping[str, FittedForecaster]  # by instrument; they share one network
States: TypeAlias = HiddenStates | PanelStates


def load_forecasters(folder: Path, series: Series) -> FittedForecaster | Panel:
    """Load the forecaster of a series' one instrument, or those of all of its instruments.

    Raises:
        ValueError: an instrument is none of those it was fitted on.
    """
    if len(series.instruments) == 1:
        return load_forecaster(folder, series.instruments[0])
    panel = load_panel(folder)
    strangers = [name for name in series.instruments if name not in panel]
    if strangers:
        raise ValueError(f"it was not fitted on {', '.join(strangers[:4])}")
    return {name: panel[name] for name in series.instruments}


def encode_bars(fitted: FittedForecaster | Panel, series: Series, rows: range | None = None) -> States:
    """Return states and forecasts of every bar, or of `rows` at least."""
    if isinstance(fitted, Mapping):
        return encode_panel(fitted, series, rows=rows)
    return encoding.encode(fitted, series, rows)


def load_states(folder: Path, *, several: bool) -> States:
    """Read the states that were written for one instrument, or for several."""
    return load_panel_states(folder) if several else load_hidden_states(folder)


def read_bars(fitted: FittedForecaster | Panel, series: Series) -> tuple[FeatureTable, Array]:
    """Return the features (T, F) that are read of every bar, as they are and in the network's units.

    Of several instruments they stand side by side, each column named with its instrument.

    Raises:
        ValueError: the series has other features or another bar length than the forecaster was fitted on.
    """
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
