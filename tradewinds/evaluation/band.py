"""How far luck alone spreads an equity curve: the band that equity curves of the same returns in other orders fill."""

import numpy as np
import pandas as pd
from arch.bootstrap import optimal_block_length
from numpy.typing import NDArray

Array = NDArray[np.float64]
DRAWS, MOST_VALUES = 200, 40_000_000  # bootstrap draws, and values drawn at most: a long span takes fewer draws
POINTS = 400  # bars at which the band is given
FEWEST = 20  # bars below which there is none


def equity_band(equity: Array, index: pd.DatetimeIndex, *, seed: int) -> pd.DataFrame:
    """Return the 2.5 and 97.5 % quantiles of equity when the bar returns come in blocks of random order.

    Args:
        equity: (T,) from an opening of 1 on.
        index: (T,) starts of the bars.
        seed: of the bootstrap.

    Returns:
        Columns `low` and `high` at no more than 400 bars; empty for fewer than 20 bars, or an equity that never moved.

    Source:
        Politis and Romano (1994), The stationary bootstrap, JASA 89(428); block length: Politis and White (2004).
    """
    growth = np.diff(np.log(np.maximum(equity, 1e-12)))
    if len(growth) < FEWEST or float(np.std(growth)) <= 1e-12:
        return pd.DataFrame({"low": [], "high": []}, index=index[:0])
    rng = np.random.default_rng(seed)
    block = max(float(optimal_block_length(growth)["stationary"].iloc[0]), 1.0)
    rows = np.unique(np.linspace(0, len(growth), min(POINTS, len(growth) + 1)).astype(int))
    draws = int(np.clip(MOST_VALUES // len(growth), 20, DRAWS))
    curves = np.empty((draws, len(rows)))
    for draw in range(draws):
        shuffled = growth[_stationary(len(growth), block, rng)]
        curves[draw] = np.concatenate(([0.0], np.cumsum(shuffled)))[rows]
    low, high = np.exp(np.quantile(curves, [0.025, 0.975], axis=0))
    return pd.DataFrame({"low": low, "high": high}, index=index[rows])


def profit_band(daily: pd.Series, *, seed: int) -> pd.DataFrame:
    """Return the same of money earned so far, when the days' profits (D,) come in blocks of random order."""
    values = daily.to_numpy(np.float64)
    if len(values) < FEWEST or float(np.std(values)) <= 1e-12:
        return pd.DataFrame({"low": [], "high": []}, index=pd.DatetimeIndex(daily.index)[:0])
    rng = np.random.default_rng(seed)
    block = max(float(optimal_block_length(values)["stationary"].iloc[0]), 1.0)
    curves = [values[_stationary(len(values), block, rng)].cumsum() for _ in range(DRAWS)]
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    return pd.DataFrame({"low": low, "high": high}, index=daily.index)


def _stationary(length: int, block: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """(T,) rows in blocks of geometric length that begin anywhere and wrap around."""
    begins = rng.random(length) < 1.0 / block
    begins[0] = True
    first = np.flatnonzero(begins)
    start = rng.integers(0, length, len(first))
    offset = np.arange(length) - np.repeat(first, np.diff(np.append(first, length)))
    return np.asarray((np.repeat(start, np.diff(np.append(first, length))) + offset) % length)
