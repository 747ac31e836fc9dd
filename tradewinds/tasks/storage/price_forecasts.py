"""Forecasts of a day's prices at its gate closure, beside the network's: what it has to beat, and what may be mixed.

Rows are days here, and columns the slots of the local clock. All are fitted anew every week on all days known by then,
which the network is not. Prices are asinh(price / scale) throughout: in proportion up to about one scale, in logarithms
beyond. Knows the series and its days of delivery.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines.naive_and_ridge import best_penalty, ridge_forecast, ridge_weights
from forecaster.data.series import Series
from forecaster.day_ahead.days import longest_day, slots_of_day
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.storage.delivery import Delivery, delivery_days, price_paths

if TYPE_CHECKING:
    from forecaster.hidden_states import HiddenStates

Array = NDArray[np.float64]
Int = NDArray[np.int64]
REFIT_DAYS = 7  # days between two fits, each on all days known by then
WEEK = 7  # days back that the regressors reach
FEWEST_DAYS = 7  # days a regression is fitted on at least
WINDOWS = {"ridge": None, "ridge_8_weeks": 56, "ridge_12_weeks": 84}  # days each is fitted on, the last ones; None: all
UNCORRECTED_DAYS = 14  # days after the network stopped learning before its errors are learned from


def day_ahead_forecasts(prepared: Prepared, rows: range, scale: float) -> dict[str, Array]:
    """Forecast the days of delivery in `rows`.

    `yesterday` repeats the prices of the day before by the clock, and `week` the mean of the seven days before. `ridge`
    is one ridge regression from the prices of 1, 2 and 7 days before, the weekday and the exogenous
    values at the gate closure to the prices of the day, with the penalty that errs least on the last of the days it
    knows: the strongest plain forecast we know. `ridge_8_weeks` and `ridge_12_weeks` know the last weeks only.
    `change` and `change_week` regress the change from `yesterday` and from `week`, so that what the regression does not
    know is left at these, and not at the mean.

    Args:
        prepared: the request with its data.
        rows: rows of one part of the split.
        scale: a price of usual size.

    Returns:
        Per name (D, H) prices, slot by slot of each day; what lies past a day's end is repeated and unused. H are the
        slots of the longest day: 25 hours or 100 quarters; the clock has S, 24 or 96.

    Raises:
        RequestError: too few days lie before `rows`.

    Source:
        The regressors are those of the LEAR model without its day D-3, and several windows are its authors' advice
        (Lago et al. 2021, Applied Energy 293, 116983).
    """
    series, config = prepared.series, prepared.config.env
    every = delivery_days(series, config, range(0, rows.stop))
    wanted = delivery_days(series, config, rows)
    place = np.searchsorted(every.first, wanted.first)
    if place[0] < WEEK + FEWEST_DAYS:
        raise RequestError(
            f"{series.name}: {place[0]} days lie before {series.index[wanted.first[0]]:%Y-%m-%d}, and forecasts of its "
            f"prices need {WEEK + FEWEST_DAYS}; bring more bars, or give earlier parts a larger share of the split"
        )
    known = np.arcsinh(prices_by_clock(series, every) / scale)  # (E, S)
    ago = {
        lag: np.roll(known, lag, axis=0) for lag in range(1, WEEK + 1)
    }  # the first days wrap around, and are not used
    week = np.mean(list(ago.values()), axis=0)
    facts = [
        np.eye(7)[np.asarray(series.index[every.first].day_of_week)],
        series.exogenous.to_numpy(dtype=np.float64)[every.gate_rows],
    ]
    lagged = np.concatenate([ago[1], ago[2], ago[7], *facts], axis=1)
    longer = np.concatenate([ago[1], ago[2], ago[3], ago[7], week, *facts], axis=1)
    share = prepared.config.trainer.early_stopping_fraction
    forecasts = {"yesterday": ago[1][place], "week": week[place]}
    for name, days in WINDOWS.items():
        forecasts[name] = weekly_ridge(lagged, known, place, share=share, days=days)
    forecasts["change"] = ago[1][place] + weekly_ridge(lagged, known - ago[1], place, share=share)
    forecasts["change_week"] = week[place] + weekly_ridge(longer, known - week, place, share=share)
    return {name: by_slot_of_the_day(scale * np.sinh(one), wanted) for name, one in forecasts.items()}


def corrected_forecast(prepared: Prepared, states: "HiddenStates", rows: range, scale: float) -> Array:
    """Return the network's forecast of the days in `rows`, less what it has erred by of late: (D, H) prices.

    Its errors on all days since it stopped learning are regressed on its forecast and on yesterday's prices, anew every
    week; in the first two weeks it stands as it is.
    """
    series, config = prepared.series, prepared.config.env
    honest = delivery_days(series, config, range(prepared.split.agent.start, rows.stop))
    wanted = delivery_days(series, config, rows)
    longest, slots = longest_day(series.bar_length), slots_of_day(series.bar_length)
    paths = np.arcsinh(price_paths(series, states, honest.gate_rows)[:, :longest] / scale)
    price = np.arcsinh(series.close[:, 0] / scale)
    place_of_day = np.minimum(np.arange(longest)[None, :], honest.length[:, None] - 1)
    truth = price[honest.first[:, None] + place_of_day]
    yesterday = price[honest.first[:, None] + np.arange(-slots, 0)]
    place = np.searchsorted(honest.first, wanted.first)
    later = place >= UNCORRECTED_DAYS
    corrected = paths[place]
    if later.any():
        table = np.concatenate([paths, yesterday], axis=1)
        share = prepared.config.trainer.early_stopping_fraction
        corrected[later] += weekly_ridge(table, truth - paths, place[later], share=share, first=0)
    return np.asarray(scale * np.sinh(corrected))


def weekly_ridge(
    table: Array, target: Array, place: Int, *, share: float, days: int | None = None, first: int = WEEK
) -> Array:
    """Regress (E, H) `target` on (E, F) `table` and forecast the days `place` (D,), fitted anew every week.

    Args:
        table: a row a day.
        target: likewise.
        place: days to forecast, one after another.
        share: last share of the days known, on which the penalty is chosen; the fit is then on all of them.
        days: how many of the days known are fitted on, the last ones; None for all.
        first: first row that may be used.
    """
    forecast = np.empty((len(place), target.shape[1]))
    for begin in range(0, len(place), REFIT_DAYS):
        block = place[begin : begin + REFIT_DAYS]
        known = np.arange(first, block[0])  # the day before the block is known at the block's first gate closure
        known = known if days is None else known[-days:]
        held_out = max(1, round(share * len(known)))
        fit, stop = known[:-held_out], known[-held_out:]
        mean, spread = table[known].mean(axis=0), table[known].std(axis=0)
        scaled = (table - mean) / np.where(spread > 1e-9, spread, 1.0)
        penalty = best_penalty(scaled[fit], target[fit], scaled[stop], target[stop])
        weights = ridge_weights(scaled[known], target[known], penalty)
        week = np.resize(block, REFIT_DAYS)  # always as many rows: a product of fewer is summed in another order
        forecast[begin : begin + REFIT_DAYS] = ridge_forecast(weights, scaled[week])[: len(block)]
    return forecast


def prices_by_clock(series: Series, days: Delivery) -> Array:
    """Return (D, S) prices by the clock: of a slot that comes twice the second, for one left out that before."""
    slots = slots_of_day(days.bar_length)
    clock = np.full((len(days.first), slots), np.nan)
    price = series.close[days.rows.start : days.rows.stop, 0]
    clock[days.number[::-1], days.slot[::-1]] = price[::-1]
    for slot in range(1, slots):
        clock[:, slot] = np.where(np.isnan(clock[:, slot]), clock[:, slot - 1], clock[:, slot])
    return clock


def by_slot_of_the_day(clock: Array, days: Delivery) -> Array:
    """Turn (D, S) prices by the clock into (D, H) prices in the order of each day's own slots."""
    start = np.cumsum(days.length) - days.length
    place = start[:, None] + np.minimum(np.arange(longest_day(days.bar_length))[None, :], days.length[:, None] - 1)
    return np.asarray(np.take_along_axis(clock, days.slot[place], axis=1))
