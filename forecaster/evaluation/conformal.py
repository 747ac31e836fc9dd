"""Intervals that keep their promise out of sample: conformal quantiles in units of volatility, corrected online.

Markets change their volatility, so that intervals measured once are too wide for years and then too narrow. Two
remedies, both causal. Residuals are divided by the volatility known when the forecast was made. And every quantile
moves a little after each outcome, away from the side that was missed. What is said at the close of bar t rests on
bars up to t, and on nothing later. Formulas: docs/metrics.md, section 1.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
MEMORY = 0.97  # share of the old variance kept each bar: J.P. Morgan, RiskMetrics (1996), section 5.3
STEP = 0.025  # of a mean absolute residual that a quantile moves at most after an outcome
CALMEST = 1e-3  # of the volatility so far: what stands still for a while may move again


def volatility(changes: Array) -> Array:
    """Return the exponentially weighted root mean square (T,) of changes (T,), up to and with each bar; positive.

    Row 0 has no bar before it and no change; it is given the first one's, which no forecast is made from.
    """
    squares = pd.Series(changes**2)
    squares.iloc[0] = squares.iloc[1] if len(squares) > 1 else 0.0
    recent = squares.ewm(alpha=1.0 - MEMORY).mean().to_numpy()
    so_far = squares.expanding().mean().to_numpy()
    return np.asarray(np.sqrt(np.maximum(recent, CALMEST**2 * so_far)) + 1e-12)


def online_quantiles(
    quantiles: Sequence[Array],
    truth: Array,
    *,
    before: Sequence[Array],
    known: Array,
    levels: Array,
    scale: Array,
    scale_before: Array,
) -> Array:
    """Correct quantile forecasts of N decisions in a row, each by what was known at its bar.

    Every quantile and bar ahead has a shift. It starts at the split-conformal one of the calibration decisions; an
    outcome below the corrected quantile of level q moves it down by (1 - q) steps, one above up by q steps.

    Args:
        quantiles: of S forecasters, each (Q, N, H) as forecast, or (1, N, H), a point in every quantile's place.
        truth: (N, H) outcomes; row n, column h - 1 is used from decision n + h on.
        before: of the same S, each (Q, M, H) or (1, M, H), forecasts of the calibration decisions, whose outcomes were
            all known by then.
        known: (M, H) their outcomes.
        levels: (Q,) chances to fall below.
        scale: (N,) volatility at each decision, positive.
        scale_before: (M,) at the calibration decisions.

    Returns:
        (S, Q, N, H) corrected quantiles, in no enforced order; in memory a decision's lie beside one another.

    Source:
        Scaled residuals: Lei et al. (2018), JASA 113, section 5.2. Quantile forecasts: Romano, Patterson and Candes
        (2019), arXiv:1905.03222, one shift a level. Online: Angelopoulos, Candes and Tibshirani (2023), Conformal PID
        control, arXiv:2307.16895, section 2.1, quantile tracking, with outcomes h bars late.
    """
    (count, horizon), size = truth.shape, (len(quantiles), len(levels))
    shift, step = np.empty((2, horizon, *size))  # shift moves
    result = np.empty((count, horizon, *size))
    for number, (ahead, past) in enumerate(zip(quantiles, before, strict=True)):
        residuals = (known - past) / scale_before[:, None]  # (Q, M, H) or (1, M, H)
        shift[:, number] = conformal_quantiles(residuals, levels).T
        step[:, number] = STEP * np.abs(residuals).mean(axis=1).T
        result[:, :, number] = np.moveaxis(ahead, 0, -1)
    bars = np.arange(horizon)
    for row in range(count):
        there = bars[:row]  # of which an outcome became known at this bar's close: of the decision h bars before it
        source = row - 1 - there
        is_below = truth[source, there, None, None] < result[source, there]  # (H', S, Q)
        shift[:row] += step[:row] * (levels - is_below)
        result[row] += shift * scale[row]
    return result.transpose(2, 3, 0, 1)


def conformal_quantiles(residuals: Array, levels: Array) -> Array:
    """Return by level the (Q, H) residuals of rank k out of M, so that a new one falls beyond with chance `level`.

    k = floor((M + 1) level) below the median and ceil((M + 1) level) above it, within 1 and M; the middle for 0.5.

    Args:
        residuals: (Q, M, H) of each level, or (1, M, H) of all levels alike.
        levels: (Q,).

    Source:
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 2.2.
    """
    ordered, count = np.sort(residuals, axis=1), residuals.shape[1]
    middle = np.median(ordered, axis=1)
    rank = np.where(levels < 0.5, np.floor((count + 1) * levels), np.ceil((count + 1) * levels))
    place = np.clip(rank, 1, count).astype(np.int64) - 1
    own = np.arange(len(levels)) if len(ordered) > 1 else np.zeros(len(levels), dtype=np.int64)
    return np.where((levels == 0.5)[:, None], middle[own], ordered[own, place])


def least_outcomes(levels: Sequence[float]) -> int:
    """Return how many outcomes it takes that a new one falls beyond each of these quantiles with the chance it says.

    Of fewer the outermost residual stands for what lies further out, and the interval is too narrow.
    """
    return int(np.ceil(round(1.0 / min(min(level, 1.0 - level) for level in levels), 9))) - 1
