"""States whose forecasts are copied from what came: forecasters of which it is certain what they know, and when."""

from dataclasses import replace

import numpy as np

from forecaster.data.series import Series
from forecaster.panel_states import PanelStates
from tradewinds.pipeline.encoding import States


def knowing_all(states: States, series: Series) -> States:
    """Return states that forecast every bar ahead as it came."""
    return _copied(states, series, late=0, ahead=states.forecast.shape[-1])


def knowing_next(states: States, series: Series) -> States:
    """Return states that forecast the next bar as it came, and of later ones no change."""
    return _copied(states, series, late=0, ahead=1)


def knowing_late(states: States, series: Series, bars: int) -> States:
    """Return states that forecast each bar as it came if they are read some bars later than they were issued.

    Read in time they say of every bar what came `bars` before it; or after it, for fewer than 0.
    """
    return _copied(states, series, late=bars, ahead=states.forecast.shape[-1])


def _copied(states: States, series: Series, *, late: int, ahead: int) -> States:
    horizon, size = states.forecast.shape[-1], len(series.index)
    bars = np.arange(size)[:, None] + 1 + np.arange(horizon)[None, :] - late  # (T, H)
    there = (bars >= 0) & (bars < size) & (np.arange(horizon) < ahead)
    came = np.moveaxis(series.changes()[np.clip(bars, 0, size - 1)], 1, 2)  # (T, H, A) -> (T, A, H)
    told = np.where(there[:, None, :], came, 0.0).astype(np.float32)
    forecast = told if isinstance(states, PanelStates) else told[:, 0]
    forecast[np.isnan(states.forecast)] = np.nan
    return replace(states, forecast=forecast)
