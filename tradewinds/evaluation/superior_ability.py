"""Hansen's test of superior predictive ability: is the best of many better than a benchmark, beyond luck?

By the stationary bootstrap of arch, draw for draw; what is ours is that a span of 200,000 periods is tested in seconds:
the long-run variance comes from one Fourier transform, not from a loop over all lags. Definitions: docs/metrics.md, 3.
"""

from collections.abc import Sequence

import numpy as np
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from numpy.typing import NDArray

Array = NDArray[np.float64]


def block_length(series: Array) -> float:
    """Return the mean length of a block, in periods and at least 1, that the dependence in a (T,) series asks for.

    Source:
        Politis and White (2004), Econometric Reviews 23(1), as corrected in 28(4).
    """
    return max(float(optimal_block_length(series)["stationary"].iloc[0]), 1.0)


def superior_ability(leads: Sequence[Array], *, draws: int, seed: int) -> float:
    """Return the consistent p-value of the test that none of K models earns more than the benchmark.

    Args:
        leads: K times (T,) what a model earned beyond the benchmark, period by period; each varies.
        draws: bootstrap draws.
        seed: of the bootstrap.

    Returns:
        How often the best of the models would lead so far if none were better; models that are clearly worse do not
        make it harder for the others.

    Source:
        Hansen (2005), JBES 23(4), section 3: the p-value of the largest mean, not studentised; eq. 11 for who is
        clearly worse. Blocks are the longest that a lead asks for.
    """
    block = int(np.ceil(max(map(block_length, leads))))
    bootstrap = StationaryBootstrap(block, *leads, seed=seed)
    means = np.array([lead.mean() for lead in leads])
    periods = len(leads[0])
    clearly = np.array([long_run_variance(lead, 1.0 / block) for lead in leads]) / periods
    worse = means < -np.sqrt(2.0 * clearly * np.log(np.log(periods)))
    drawn = np.array([[lead.mean() for lead in redrawn] for redrawn, _ in bootstrap.bootstrap(draws)])  # (draws, K)
    luck = (drawn - np.where(worse, 0.0, means)).max(axis=1)
    return float((luck > means.max()).mean())


def long_run_variance(series: Array, chance: float) -> float:
    """Return T times the variance of the mean of a (T,) series under the stationary bootstrap.

    Args:
        series: T periods.
        chance: that a new block begins at a period, 1 / mean block length.

    Source:
        Politis and Romano (1994), JASA 89(428), lemma 1: g(0) + 2 sum over i < T of k(i) g(i), with k(i) = (1 - i / T)
        (1 - p)^i + (i / T) (1 - p)^(T - i) and g(i) = 1 / T sum over t of x[t] x[t + i], x less its mean; all g at once
        by Wiener and Khinchin.
    """
    periods = len(series)
    spectrum = np.fft.rfft(series - series.mean(), 2 * periods)  # as many zeros behind it: no lag wraps around
    covariance = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:periods] / periods
    lag = np.arange(1, periods)
    weight = (1.0 - lag / periods) * (1.0 - chance) ** lag + lag / periods * (1.0 - chance) ** (periods - lag)
    return float(covariance[0] + 2.0 * (weight * covariance[1:]).sum())
