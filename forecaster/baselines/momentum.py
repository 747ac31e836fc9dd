"""Rules that rank instruments by their own past, and forecast no number: momentum and reversal. Knows NumPy.

Sources: Jegadeesh and Titman (1993), Returns to buying winners and selling losers, Journal of Finance 48(1), and
Asness, Moskowitz and Pedersen (2013), Value and momentum everywhere, Journal of Finance 68(3), section I.B, for the
year but its last month; Jegadeesh (1990), Evidence of predictable behavior of security returns, Journal of Finance
45(3), for the month that comes back.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
MONTHS = 12


def momentum_12_1(changes: Array, first_bars: Rows, rows: Rows, bars_per_year: float) -> Array:
    """Return (N, A) changes of the year before each of `rows` (N,), but for those of its last month.

    Args:
        changes: (T, A) log returns or differences.
        first_bars: (A,) first bar of each instrument; NaN where less than a year of its own lies behind a row.
        rows: (N,) decision rows.
        bars_per_year: 252 for daily bars of an exchange, of which the last 21 are left out.
    """
    year, month = _bars(bars_per_year)
    return _past(changes, first_bars, rows, year) - _past(changes, first_bars, rows, month)


def reversal_1m(changes: Array, first_bars: Rows, rows: Rows, bars_per_year: float) -> Array:
    """Return (N, A) changes of the month before each of `rows` (N,), turned about; arguments as `momentum_12_1`."""
    return -_past(changes, first_bars, rows, _bars(bars_per_year)[1])


def _bars(bars_per_year: float) -> tuple[int, int]:
    """Return the bars of a year and of a month."""
    return max(round(bars_per_year), MONTHS), max(round(bars_per_year / MONTHS), 1)


def _past(changes: Array, first_bars: Rows, rows: Rows, bars: int) -> Array:
    """Return (N, A) sums of the `bars` changes up to each row; NaN where an instrument's own are fewer."""
    sums = np.concatenate([np.zeros((1, changes.shape[1])), np.cumsum(changes, axis=0)])
    own = rows[:, None] - first_bars >= bars
    return np.where(own, sums[rows + 1] - sums[np.maximum(rows + 1 - bars, 0)], np.nan)
