"""A mix of forecasts by weights that are learned as days come: at least 0, together 1, and of past days only.

Who errs less is weighed more, the sooner the plainer it is, and no forecast is dropped for good. Before anything is
known all weigh alike. Must not know who forecasts.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mixture = Callable[[Array, Array], tuple[Array, Array]]


def learned_mixture(truth: Array, forecasts: Array) -> tuple[Array, Array]:
    """Mix K forecasts of D days that follow one another.

    Args:
        truth: (D, S) prices.
        forecasts: (K, D, S) of them, each made before its day.

    Returns:
        (D, S) the mix, and (D, K) its weights: those of a day are of the days before it.

    Raises:
        ValueError: shapes differ, or a number is not finite.

    Source:
        Bernstein online aggregation on the slope of the absolute error (Wintenberger 2017, Machine Learning 106(1),
        eq. 6), with a rate eta_k for each forecast by its own past: r_k = slope (mix - forecast_k) is what following it
        would have gained, R_k += r_k (1 - eta_k r_k), and w_k ~ eta_k exp(eta_k R_k).
    """
    if forecasts.shape[1:] != truth.shape or len(forecasts) == 0:
        raise ValueError(
            f"forecasts (K, D, S) must be of the days and slots of truth (D, S), were {forecasts.shape} and "
            f"{truth.shape}"
        )
    if not (np.isfinite(truth).all() and np.isfinite(forecasts).all()):
        raise ValueError("truth and forecasts must be finite; leave out days that were not forecast")
    count, days = len(forecasts), len(truth)
    mix, weights = np.empty_like(truth), np.empty((days, count))
    regret, squares, largest = np.zeros(count), np.zeros(count), np.zeros(count)
    weight = np.full(count, 1.0 / count)
    for day in range(days):
        weights[day] = weight
        mix[day] = weight @ forecasts[:, day]
        slope = np.sign(mix[day] - truth[day])  # (S,) of the absolute error
        gain = (slope * (mix[day] - forecasts[:, day])).mean(axis=1)  # (K,) by following each a little more
        squares, largest = squares + gain**2, np.maximum(largest, np.abs(gain))
        rate = _rate(squares, largest, count)
        regret = regret + gain * (1.0 - rate * gain)
        power = np.log(rate) + rate * regret
        weight = np.exp(power - power.max())
        weight /= weight.sum()
    return mix, weights


def _rate(squares: Array, largest: Array, count: int) -> Array:
    """Return (K,) rates, the smaller the more has been seen; alike where nothing was."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(0.5 / np.maximum(largest, 1e-12), np.sqrt(np.log(max(count, 2)) / squares)))


def knows_what_comes(mixture: Mixture, truth: Array, forecasts: Array, day: int) -> bool:
    """Say whether weights of the days up to `day` are others where the prices from that day on are others."""
    other = truth.copy()
    other[day:] = truth[day:][::-1] - 10.0 * np.abs(truth).max()
    (_, weights), (_, elsewhere) = mixture(truth, forecasts), mixture(other, forecasts)
    return not np.array_equal(weights[: day + 1], elsewhere[: day + 1])
