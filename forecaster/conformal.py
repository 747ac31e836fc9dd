"""Intervals that keep their promise out of sample: conformal quantiles, in units of today's volatility, corrected online.

Markets change their volatility, so that intervals measured once are too wide for years and then too narrow. Two
remedies, both causal. Residuals are divided by the volatility known when the forecast was made. And the level of every
quantile moves after each outcome, away from the side that was missed. What is said at the close of bar t rests on bars
up to t, and on nothing later. Formulas: docs/metrics.md, section 1.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
MEMORY = 0.97  # share of the old variance kept each bar: J.P. Morgan, RiskMetrics (1996), section 5.3
STEP = 0.005  # of a level after an outcome: Gibbs and Candes (2021), section 4
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
        (2019), arXiv:1905.03222, one shift a level. Online: Gibbs and Candes (2021), arXiv:2106.00170, eq. 2, one level
        a quantile and bar ahead, updated h bars late; levels stay in [0, 1], where the paper lets intervals be infinite.
    """
    residuals = np.sort((known - before) / scale_before[:, None], axis=1)  # (Q, M, H)
    count, horizon = residuals.shape[1:]
    level = np.repeat(levels[:, None], horizon, axis=1)  # (Q, H), moving
    ahead, result = np.arange(horizon), np.empty_like(quantiles)
    for row in range(quantiles.shape[1]):
        source = row - 1 - ahead  # the decision whose outcome h bars ahead became known at this bar's close
        there = ahead[source >= 0]
        if len(there):
            missed = truth[source[there], there] < result[:, source[there], there]  # (Q, H')
            level[:, there] += STEP * (levels[:, None] - missed)
            np.clip(level, 0.0, 1.0, out=level)
        place = np.clip((count + 1) * level - 1.0, 0.0, count - 1.0)  # rank among the residuals, from 0
        low = place.astype(np.int64)
        pair = np.stack([low, np.minimum(low + 1, count - 1)], axis=1)  # (Q, 2, H)
        beside = np.take_along_axis(residuals, pair, axis=1)
        share = place - low
        shift = beside[:, 0] * (1.0 - share) + beside[:, 1] * share
        result[:, row] = quantiles[:, row] + shift * scale[row]
    return result
