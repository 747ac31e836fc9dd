"""Where an instrument stands among the others of its bar: ranks and z-scores over what trades then and nothing else."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import FeatureConfig
from forecaster.data.series import Series

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
FLAT = 1e-12  # a cross-section that spreads no further than this is one value


def cross_section_features(series: Series, config: FeatureConfig) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Compare each of A instruments with the others, bar by bar.

    What is compared is the change of the bar, log return or difference, and the sum of the last n changes for every n
    of `config.momentum_bars`, of those that trade in the bar and have n changes of their own. An instrument that does
    not trade in a bar is in the middle of it: 0.

    Args:
        series: T bars.
        config: how they are compared, `cross_section`, and the sums.

    Returns:
        By name a (T, A) table, such as `momentum_20_rank`; and (A,) the first rows at which all of them are defined, T
        or more where none is. Before these rows the tables are NaN.
    """
    num_bars, num_assets = series.close.shape
    traded = np.ones((num_bars, num_assets), dtype=bool) if series.traded is None else series.traded
    first_bars = np.where(traded.any(axis=0), traded.argmax(axis=0), num_bars)
    row = np.arange(num_bars)[:, None]
    changes = changes_of(series)
    word = "log_return" if series.is_price else "difference"
    windows = {word: 1} | {f"momentum_{bars}": bars for bars in config.momentum_bars}
    first_rows = first_bars + max(windows.values())
    tables: dict[str, Array] = {}
    for name, bars in windows.items():
        compared = traded & (row >= first_bars + bars)
        values = trailing_sums(changes, bars)
        for measure in config.cross_section:
            place = ranks(values, compared) if measure == "rank" else zscores(values, compared)
            tables[f"{name}_{measure}"] = np.where(row >= first_rows, place, np.nan)
    return tables, first_rows


def changes_of(series: Series) -> Array:
    """Return (T, A) log returns of prices, or differences: what an instrument's momentum is the sum of."""
    return series.log_return() if series.is_price else series.changes()


def trailing_sums(values: Array, bars: int) -> Array:
    """Return (T, A) sums of the last `bars` rows of (T, A), each of its own; of fewer in the first rows."""
    sums = values.copy()
    for back in range(1, min(bars, len(values))):
        sums[back:] += values[:-back]
    return sums


def ranks(values: Array, there: Bools) -> Array:
    """Return (T, A) ranks of a bar's values among those that are `there`, from -0.5 to 0.5; 0 for the others.

    Of m values the k-th, counted from the least, has (k - 0.5) / m - 0.5; ties share the mean of their ranks.
    """
    order = pd.DataFrame(np.where(there, values, np.nan)).rank(axis=1).to_numpy()
    count = np.maximum(there.sum(axis=1, keepdims=True), 1)
    return np.where(there, (order - 0.5) / count - 0.5, 0.0)


def zscores(values: Array, there: Bools) -> Array:
    """Return (T, A) deviations of a bar's values from the mean of those that are `there`, in standard deviations.

    0 for the others, and where all values of a bar are the same.
    """
    count = np.maximum(there.sum(axis=1), 1)
    mean = _sum(np.where(there, values, 0.0)) / count
    centred = np.where(there, values - mean[:, None], 0.0)
    spread = np.sqrt(_sum(centred**2) / count)
    return np.where(spread[:, None] > FLAT, centred / np.maximum(spread, FLAT)[:, None], 0.0)


def _sum(values: Array) -> Array:
    """Return (T,) sums over (T, A), one instrument after another: one that is not there, 0, changes no bit."""
    total = np.zeros(len(values))
    for column in values.T:
        total += column
    return total
