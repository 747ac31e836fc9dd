"""How much of a Sharpe ratio many trials explain: probabilistic, deflated, and how often the best trial disappoints.

Formulas and references: docs/metrics.md, section 3; each is tested against ffn's to 1e-12. Must not know files.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tradewinds.evaluation.reasons import FEWEST, FLAT

Array = NDArray[np.float64]


def bar_sharpe(returns: Array) -> float:
    """Return mean / std (ddof 1) of (T,) bar returns, not annualised; 0 where they do not vary: flat is no risk."""
    if len(returns) < 2:
        return 0.0
    deviation = float(np.std(returns, ddof=1))
    return float(np.mean(returns)) / deviation if deviation > FLAT else 0.0


def probabilistic_sharpe(returns: Array, hurdle: float = 0.0) -> float | None:
    """Return the chance that the true Sharpe ratio exceeds `hurdle`, given T returns that are not normal.

    Args:
        returns: (T,) bar returns.
        hurdle: Sharpe ratio of a bar, not annualised.

    Returns:
        A probability; None for fewer than 20 bars, or returns that do not vary.

    Source:
        Bailey and Lopez de Prado (2012), The Sharpe ratio efficient frontier, eq. 14:
        Phi((SR - SR0) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)), with unbiased skewness g3 and kurtosis g4.
    """
    if len(returns) < FEWEST or float(np.std(returns, ddof=1)) <= FLAT:
        return None
    ratio = bar_sharpe(returns)
    skewness, kurtosis = float(stats.skew(returns, bias=False)), float(stats.kurtosis(returns, bias=False)) + 3.0
    variance = 1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2
    if variance <= 0.0:
        return None
    return float(stats.norm.cdf((ratio - hurdle) * np.sqrt(len(returns) - 1) / np.sqrt(variance)))


def expected_best_sharpe(trials: Array, count: int | None = None, *, bars: int = 0) -> float:
    """Return the Sharpe ratio of a bar that the best of N trials without skill is expected to reach by luck.

    Args:
        trials: (K,) Sharpe ratios of a bar of what was tried and is known.
        count: N, all that was tried; None for K.
        bars: of a trial; by their number luck spreads the ratios where fewer than two are known.

    Source:
        Bailey and Lopez de Prado (2014), The deflated Sharpe ratio, eq. 1; c is Euler's constant, s the trials'
        standard deviation (ddof 1), or 1 / sqrt(bars - 1) where fewer than two are known:
        s ((1 - c) Phi^-1(1 - 1/N) + c Phi^-1(1 - 1/(N e))); 0 for a single trial.
    """
    count = len(trials) if count is None else count
    if count < 2:
        return 0.0
    spread = float(np.std(trials, ddof=1)) if len(trials) > 1 else 1.0 / max(bars - 1, 1) ** 0.5
    tails = stats.norm.ppf([1.0 - 1.0 / count, 1.0 - 1.0 / (count * np.e)])
    return float(spread * ((1.0 - np.euler_gamma) * tails[0] + np.euler_gamma * tails[1]))


def deflated_sharpe(returns: Array, trials: Array, count: int | None = None) -> float | None:
    """Return the chance that skill remains once all trials are counted: `probabilistic_sharpe` over the best by luck.

    Args:
        returns: (T,) bar returns of the trial that is reported.
        trials: (K,) Sharpe ratios of a bar of all trials that have one, its own among them.
        count: of all trials; None for K.
    """
    return probabilistic_sharpe(returns, expected_best_sharpe(trials, count, bars=len(returns)))


def overfitting_probability(returns: Array, blocks: int = 16) -> float:
    """Return how often the trial that is best in one half of the blocks is not above the median in the other half.

    Args:
        returns: (T, N) bar returns of N trials on the same bars; rows that do not fill the last block are left out.
        blocks: S, even, at most T; all S over S/2 ways to halve them are taken.

    Returns:
        The probability of backtest overfitting.

    Source:
        Bailey, Borwein, Lopez de Prado and Zhu (2017), The probability of backtest overfitting, by combinatorially
        symmetric cross-validation. Each half is judged from sums over blocks, so that all 12,870 halves of 16 blocks
        take a second. A trial that does not vary in a half counts as a Sharpe ratio of 0 there.
    """
    size = len(returns) // blocks
    centred = returns[: size * blocks] - returns.mean(axis=0)  # small numbers: their squares cancel less
    parts = centred.reshape(blocks, size, -1)
    halves = np.array(list(itertools.combinations(range(blocks), blocks // 2)))
    chosen = np.zeros((len(halves), blocks))
    np.put_along_axis(chosen, halves, 1.0, axis=1)
    count = size * blocks // 2

    def sharpe(weights: Array) -> Array:
        total = weights @ parts.sum(axis=1)  # (C, S) @ (S, N) -> (C, N)
        variance = (weights @ (parts**2).sum(axis=1) - total**2 / count) / (count - 1)
        spread = np.sqrt(np.maximum(variance, 0.0))
        mean = total / count + returns.mean(axis=0)
        return np.asarray(np.divide(mean, spread, out=np.zeros_like(mean), where=spread > FLAT))

    inside, outside = sharpe(chosen), sharpe(1.0 - chosen)
    best = outside[np.arange(len(halves)), inside.argmax(axis=1)][:, None]
    rank = (outside < best).sum(axis=1) + ((outside == best).sum(axis=1) + 1.0) / 2.0
    return float((rank / (returns.shape[1] + 1.0) <= 0.5).mean())
