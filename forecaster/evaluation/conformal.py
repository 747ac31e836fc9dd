"""Intervals that keep their promise out of sample: conformal quantiles in units of volatility, corrected online.

Markets change their volatility, so that intervals measured once are too wide for years and then too narrow. Two
remedies, both causal. Residuals are divided by the volatility known when the forecast was made. And every quantile
moves a little after each outcome, away from the side that was missed. What is said at the close of bar t rests on
bars up to t, and on nothing later. Formulas: docs/metrics.md, section 1.
"""

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
    quantiles: Array,
    truth: Array,
    *,
    before: Array,
    known: Array,
    levels: Array,
    scale: Array,
    scale_before: Array,
) -> Array:
    """Correct quantile forecasts of N decisions in a row, each by what was known at its bar.

    Every quantile and bar ahead has a shift. It starts at the split-conformal one of the calibration decisions; an
    outcome below the corrected quantile of level q moves it down by (1 - q) steps, one above up by q steps.

    Args:
        quantiles: (Q, N, H) as forecast, or a point in every quantile's place.
        truth: (N, H) outcomes; row n, column h - 1 is used from decision n + h on.
        before: (Q, M, H) forecasts of the calibration decisions, whose outcomes were all known by then.
        known: (M, H) their outcomes.
        levels: (Q,) chances to fall below.
        scale: (N,) volatility at each decision, positive.
        scale_before: (M,) at the calibration decisions.

    Returns:
        (Q, N, H) corrected quantiles, in no enforced order.

    Source:
        Scaled residuals: Lei et al. (2018), JASA 113, section 5.2. Quantile forecasts: Romano, Patterson and Candes
        (2019), arXiv:1905.03222, one shift a level. Online: Angelopoulos, Candes and Tibshirani (2023), Conformal PID
        control, arXiv:2307.16895, section 2.1, quantile tracking, with outcomes h bars late.
    """
    residuals = (known - before) / scale_before[:, None]  # (Q, M, H)
    pairs = zip(residuals, levels, strict=True)
    shift = np.stack([conformal_quantile(part, level) for part, level in pairs])  # (Q, H), moving
    step = STEP * np.abs(residuals).mean(axis=1)  # (Q, H)
    ahead, result = np.arange(known.shape[1]), np.empty_like(quantiles)
    for row in range(quantiles.shape[1]):
        source = row - 1 - ahead  # the decision whose outcome h bars ahead became known at this bar's close
        there = ahead[source >= 0]
        is_below = truth[source[there], there] < result[:, source[there], there]  # (Q, H')
        shift[:, there] += step[:, there] * (levels[:, None] - is_below)
        result[:, row] = quantiles[:, row] + shift * scale[row]
    return result


def conformal_quantile(residuals: Array, level: float) -> Array:
    """Return the (H,) residuals of rank k out of (M, H), counted so that a new one falls beyond with chance `level`.

    k = floor((M + 1) level) below the median and ceil((M + 1) level) above it, within 1 and M; the middle for 0.5.

    Source:
        Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World, section 2.2.
    """
    ordered, count = np.sort(residuals, axis=0), len(residuals)
    if level == 0.5:
        return np.asarray(np.median(ordered, axis=0))
    rank = np.floor((count + 1) * level) if level < 0.5 else np.ceil((count + 1) * level)
    return np.asarray(ordered[int(np.clip(rank, 1, count)) - 1])
