"""Scores of day-ahead forecasts by the conventions of the field. Of arrays (D, S), and of states.

Source: Lago, Marcjasz, De Schutter and Weron (2021), Applied Energy 293, 116983, section 5; Giacomini and White (2006),
Econometrica 74(6).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from forecaster.data.series import Series
from forecaster.day_ahead.days import slots_of_day
from forecaster.hidden_states import HiddenStates

Array = NDArray[np.float64]
WEEK = 7
INTERVAL = 0.9
PAST_DAYS = 91  # whose misses at the same slot make an interval


@dataclass(frozen=True)
class DayAheadScore:
    """Errors of one forecast.

    Attributes:
        mae: in the unit of the price.
        rmae: of the same slot a week before it is 1.
        rmse: in the unit of the price.
        smape: in percent, 0 to 200.
        by_slot: (S,) MAE.
        crps: of the quantiles that its errors before say, in the unit of the price; None where there are too few.
        coverage: of their 90 % interval.
    """

    mae: float
    rmae: float
    rmse: float
    smape: float
    by_slot: tuple[float, ...]
    crps: float | None
    coverage: float | None


def day_ahead_score(truth: Array, forecast: Array, week_before: Array, *, past_days: int) -> DayAheadScore:
    """Score (D, S) forecasts.

    Args:
        truth: (D, S) prices.
        forecast: (D, S).
        week_before: (D, S) prices of a week before each.
        past_days: days of errors that an interval is made of; days with fewer behind them have none.
    """
    error = np.abs(truth - forecast)
    size = (np.abs(truth) + np.abs(forecast)) / 2.0
    crps, coverage = _intervals(truth, forecast, past_days)
    return DayAheadScore(
        mae=float(error.mean()),
        rmae=float(error.mean() / np.abs(truth - week_before).mean()),
        rmse=float(np.sqrt(((truth - forecast) ** 2).mean())),
        smape=float(100.0 * np.divide(error, size, out=np.zeros_like(error), where=size > 0.0).mean()),
        by_slot=tuple(error.mean(axis=0).tolist()),
        crps=crps,
        coverage=coverage,
    )


def _intervals(truth: Array, forecast: Array, past_days: int) -> tuple[float | None, float | None]:
    """Return CRPS and coverage of forecasts whose distribution is that of their last errors at the same slot.

    CRPS is twice the integral of the pinball loss over all levels, here its mean over 20 of them, 0.025 to 0.975.
    """
    if len(truth) <= past_days:
        return None, None
    levels, error = (np.arange(20) + 0.5) / 20.0, truth - forecast
    losses, inside = [], []
    for day in range(past_days, len(truth)):
        past = error[day - past_days : day]
        quantiles = forecast[day] + np.quantile(past, levels, axis=0)  # (Q, S)
        low, high = forecast[day] + np.quantile(past, (0.5 - INTERVAL / 2.0, 0.5 + INTERVAL / 2.0), axis=0)
        missed = truth[day] - quantiles
        losses.append(np.maximum(levels[:, None] * missed, (levels[:, None] - 1.0) * missed).mean())
        inside.append(((truth[day] >= low) & (truth[day] <= high)).mean())
    return float(2.0 * np.mean(losses)), float(np.mean(inside))


def score_days(series: Series, states: HiddenStates, rows: range) -> dict[str, dict[str, float]]:
    """Score forecasts of days, and the day before, on the days that lie in `rows` with their gate row.

    Returns:
        Of `network` and `day_before` their `value_mae` and `value_rmse`, in the unit of the price, and `n`, of hours.

    Raises:
        ValueError: no day lies there.
    """
    slots = slots_of_day(series.bar_length)
    gates = np.flatnonzero(np.isfinite(states.forecast[:, 0]))
    gates = gates[(gates >= max(rows.start, slots - 1)) & (gates + slots < rows.stop)]
    if len(gates) == 0:
        raise ValueError(f"rows [{rows.start}, {rows.stop}) hold no whole day; bring more bars")
    steps, price = np.arange(1, slots + 1), series.close[:, 0]
    truth = price[gates[:, None] + steps]
    told = price[gates, None] + states.forecast[gates, :slots].astype(np.float64).cumsum(axis=1)
    forecasts = {"network": told, "day_before": price[gates[:, None] + steps - slots]}
    return {
        name: {
            "value_mae": float(np.abs(truth - one).mean()),
            "value_rmse": float(np.sqrt(((truth - one) ** 2).mean())),
            "n": float(truth.size),
        }
        for name, one in forecasts.items()
    }


def diebold_mariano(ours: Array, theirs: Array) -> tuple[float, float]:
    """Return the statistic of the daily losses (D,) or of a slot's, and the p-value that ours is not the better.

    Losses are those of forecasts made a day ahead, whose differences are not correlated under the hypothesis.
    """
    difference = theirs - ours
    spread = float(difference.std())
    if spread == 0.0:
        return 0.0, 0.5
    statistic = float(difference.mean() / (spread / np.sqrt(len(difference))))
    return statistic, float(1.0 - norm.cdf(statistic))


def giacomini_white(ours: Array, theirs: Array) -> tuple[float, float]:
    """Return the statistic of conditional predictive ability, and the p-value that ours is not the better.

    The instruments are 1 and the difference of the day before; where theirs is the better, p is 1.
    """
    difference = theirs - ours
    today, before = difference[1:], difference[:-1]
    moments = np.stack([today, today * before], axis=1)  # (D - 1, 2)
    mean, covariance = moments.mean(axis=0), moments.T @ moments / len(moments)
    statistic = float(len(moments) * mean @ np.linalg.pinv(covariance) @ mean)
    p_value = float(1.0 - chi2.cdf(statistic, 2))
    return statistic, p_value if difference.mean() > 0.0 else 1.0
