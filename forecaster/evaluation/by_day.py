"""Measures of a cross-section, bar by bar, and what they are on average. Formulas: docs/metrics.md, section 1.

Instruments of one bar move together: a bar is one observation, whatever the number of instruments. Knows arrays of N
bars and A instruments, NaN where an instrument is not scored.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.regression.linear_model import OLS

Array = NDArray[np.float64]
FEWEST = 3  # instruments of a bar that are compared
FEWEST_BARS = 10  # bars that a mean is tested over
DECILES = 10
A_GROUP = 5  # instruments of a group on the median bar, if there are so many


def correlations(forecast: Array, truth: Array) -> Array:
    """Return (N,) correlations over the instruments of each bar; NaN where fewer than three differ."""
    there = np.isfinite(forecast) & np.isfinite(truth)
    x, y = _centred(forecast, there), _centred(truth, there)
    scale = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    size = np.sqrt((np.where(there, forecast, 0.0) ** 2).sum(axis=1) * (np.where(there, truth, 0.0) ** 2).sum(axis=1))
    defined = (there.sum(axis=1) >= FEWEST) & (scale > 1e-12 * size)
    return np.where(defined, (x * y).sum(axis=1) / np.where(defined, scale, 1.0), np.nan)


def rank_correlations(forecast: Array, truth: Array) -> Array:
    """Return (N,) Spearman correlations over the instruments of each bar; ties share the mean of their ranks."""
    there = np.isfinite(forecast) & np.isfinite(truth)
    first, second = (pd.DataFrame(np.where(there, values, np.nan)).rank(axis=1) for values in (forecast, truth))
    return correlations(first.to_numpy(), second.to_numpy())


def number_of_groups(there: NDArray[np.bool_]) -> int:
    """Return into how many groups instruments are sorted: tenths of the median bar, or of five instruments, or two."""
    median = float(np.median(there.sum(axis=1))) if len(there) else 0.0
    return int(np.clip(median // A_GROUP, 2, DECILES))


def group_means(forecast: Array, truth: Array, groups: int) -> Array:
    """Return (N, G) mean truths of each bar's instruments, sorted by forecast into groups, the least forecast first.

    Instruments that are forecast the same are in one group; a group that is empty is NaN.
    """
    there = np.isfinite(forecast) & np.isfinite(truth)
    order = pd.DataFrame(np.where(there, forecast, np.nan)).rank(axis=1).to_numpy()
    count = there.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        place = np.floor((order - 0.5) / np.maximum(count, 1) * groups)
    means = np.full((len(truth), groups), np.nan)
    for group in range(groups):
        members = place == group
        number = members.sum(axis=1)
        total = np.where(members, truth, 0.0).sum(axis=1)
        means[:, group] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    means[count[:, 0] < FEWEST] = np.nan
    return means


def hits(forecast: Array, truth: Array) -> tuple[int, int]:
    """Count the instruments forecast on the right side of their bar's median, and those on any side of it."""
    there = np.isfinite(forecast) & np.isfinite(truth)
    usable = there.sum(axis=1) >= FEWEST
    first, second = (_side(np.where(there, values, np.nan)[usable]) for values in (forecast, truth))
    sided = (first != 0.0) & (second != 0.0)
    return int((first == second)[sided].sum()), int(sided.sum())


def newey_west(values: Array, horizon: int) -> tuple[float | None, float | None]:
    """Return the mean of (N,) values, NaN left out, and its t-statistic; None where it cannot be computed.

    Values of bars in a row have something in common, at least where their horizons overlap.

    Source:
        Newey and West (1987), Econometrica 55(3), Bartlett weights over max(H - 1, floor(4 (N / 100)^(2/9))) lags
        (Newey and West 1994, Review of Economic Studies 61(4)), and N / (N - 1) for the mean that was estimated.
    """
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return None, None
    mean = float(known.mean())
    if len(known) < max(FEWEST_BARS, 2 * horizon) or float(known.std()) <= 1e-12 * abs(mean):
        return mean, None
    lags = max(horizon - 1, int(4.0 * (len(known) / 100.0) ** (2.0 / 9.0)))
    fit = OLS(known, np.ones_like(known)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
    return mean, float(fit.tvalues[0])


def _centred(values: Array, there: NDArray[np.bool_]) -> Array:
    known = np.where(there, values, 0.0)
    mean = known.sum(axis=1, keepdims=True) / np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, known - mean, 0.0)


def _side(values: Array) -> Array:
    """Return (N, A) signs against each bar's median; 0 on it, and where an instrument is not there."""
    if len(values) == 0:
        return values
    return np.nan_to_num(np.sign(values - np.nanmedian(values, axis=1, keepdims=True)), nan=0.0)
