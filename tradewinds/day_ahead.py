"""Forecasts of a day's prices at its gate closure that need no network: what an LSTM has to beat.

Rows are days here, and columns the hours of the local clock. Knows the series and its days of delivery.
"""

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines import best_penalty, ridge_forecast, ridge_weights
from forecaster.series import Series
from tradewinds.prepare import LONGEST_DAY, Prepared
from tradewinds.storage import Delivery, delivery_days

Array = NDArray[np.float64]
Int = NDArray[np.int64]
REFIT_DAYS = 7  # days between two fits of the ridge, each on all days known by then
LAGS = (1, 2, 7)  # days back whose 24 prices the ridge reads


def day_ahead_forecasts(prepared: Prepared, rows: range, scale: float) -> dict[str, Array]:
    """Forecast the days of delivery in `rows`.

    `yesterday` repeats the prices of the day before, by the hour of the clock. `ridge` is one ridge regression from
    the 72 prices of 1, 2 and 7 days before, the weekday and the exogenous values at the gate closure to the 24 prices
    of the day, all prices as asinh(price / scale). It is fitted anew every week on all days known by then, which the
    network is not, with the penalty that errs least on the last of them: the strongest plain forecast we know.

    Args:
        prepared: the request with its data.
        rows: rows of one part of the split.
        scale: a price of usual size.

    Returns:
        Per name (D, 25) prices, hour by hour of each day; what lies past a day's end is repeated and unused.

    Source:
        The regressors are those of the LEAR model without its day D-3 (Lago et al. 2021, Applied Energy 293, 116983).
    """
    config = prepared.config.env
    every = delivery_days(prepared.series, config, range(0, rows.stop))
    wanted = delivery_days(prepared.series, config, rows)
    clock = prices_by_clock(prepared.series, every)  # (E, 24)
    place = np.searchsorted(every.first, wanted.first)
    table = _regressors(prepared.series, every, np.arcsinh(clock / scale))
    target = np.arcsinh(clock / scale)
    ridge = np.empty((len(place), clock.shape[1]))
    for begin in range(0, len(place), REFIT_DAYS):
        block = place[begin : begin + REFIT_DAYS]
        known = np.arange(max(LAGS), block[0])  # the day before the block is known at the block's first gate closure
        held_out = max(1, round(prepared.config.trainer.early_stopping_fraction * len(known)))
        fit, stop = known[:-held_out], known[-held_out:]
        mean, spread = table[known].mean(axis=0), table[known].std(axis=0)
        scaled = (table - mean) / np.where(spread > 1e-9, spread, 1.0)
        penalty = best_penalty(scaled[fit], target[fit], scaled[stop], target[stop])
        weights = ridge_weights(scaled[known], target[known], penalty)
        ridge[begin : begin + REFIT_DAYS] = ridge_forecast(weights, scaled[block])
    ridge = scale * np.sinh(ridge)
    return {
        "yesterday": by_hour_of_the_day(clock[place - 1], wanted),
        "ridge": by_hour_of_the_day(ridge, wanted),
    }


def prices_by_clock(series: Series, days: Delivery) -> Array:
    """Return (D, 24) prices by the clock: of an hour that comes twice the first, for one left out that before."""
    clock = np.full((len(days.first), 24), np.nan)
    price = series.close[days.rows.start : days.rows.stop, 0]
    clock[days.number[::-1], days.hour[::-1]] = price[::-1]
    for hour in range(1, 24):
        clock[:, hour] = np.where(np.isnan(clock[:, hour]), clock[:, hour - 1], clock[:, hour])
    return clock


def by_hour_of_the_day(clock: Array, days: Delivery) -> Array:
    """Turn (D, 24) prices by the clock into (D, 25) prices in the order of each day's own hours."""
    start = np.cumsum(days.length) - days.length
    place = start[:, None] + np.minimum(np.arange(LONGEST_DAY)[None, :], days.length[:, None] - 1)
    return np.asarray(np.take_along_axis(clock, days.hour[place], axis=1))


def _regressors(series: Series, days: Delivery, clock: Array) -> Array:
    """(D, F) of each day: prices of days before, weekday, exogenous values; the first 7 days are not to be used."""
    lagged = [np.roll(clock, lag, axis=0) for lag in LAGS]
    weekday = np.eye(7)[(np.asarray(series.index[days.first].day_of_week))]
    exogenous = series.exogenous.to_numpy(dtype=np.float64)[days.gate_rows]
    return np.concatenate([*lagged, weekday, exogenous], axis=1)
