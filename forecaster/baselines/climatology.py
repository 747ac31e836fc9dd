"""Climatology: what is usual at this time of the day and of the year, whatever the weather is now.

For what is no price and comes back to where it was. Least squares on the bars up to the network's last fit row; sines
and cosines of the day, and of the year where a year of bars is known. Knows NumPy, pandas and the calendar.

Source:
    von Storch and Zwiers (1999), Statistical Analysis in Climate Research, section 18.1: the forecast any other is
    measured against; harmonics of the annual and the daily cycle as in section 10.3.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series

Array = NDArray[np.float64]
DAY, YEAR = 86_400.0, 365.2425 * 86_400.0
OF_THE_DAY, OF_THE_YEAR = 4, 2  # waves


def climatology(series: Series, rows: NDArray[np.int64], horizon: int, *, until: pd.Timestamp) -> Array:
    """Return the (N, H) changes that lead from each row's value to what is usual at the bars after it.

    Args:
        series: T bars of one instrument.
        rows: (N,) decision rows.
        horizon: H.
        until: what closed later is not learned from.
    """
    step = series.bar_length.total_seconds()
    seconds = series.index.as_unit("ns").asi8 / 1e9
    known = int(series.close_time.searchsorted(until, side="right"))
    of_a_year = known > 1 and seconds[known - 1] - seconds[0] >= YEAR
    waves = _waves(seconds[:known], step, of_a_year=of_a_year)
    weights = np.linalg.lstsq(waves, series.close[:known, 0], rcond=None)[0]
    ahead = np.concatenate([seconds, seconds[-1] + step * np.arange(1, horizon + 1)])
    usual = _waves(ahead, step, of_a_year=of_a_year) @ weights  # (T + H,)
    told = usual[rows[:, None] + 1 + np.arange(horizon)]
    return np.diff(told, axis=1, prepend=series.close[rows, :1])


def _waves(seconds: Array, step: float, *, of_a_year: bool) -> Array:
    """(N, K) of moments: 1, and the waves that bars of so many seconds can tell."""
    cycles = [(DAY, OF_THE_DAY)] if step < DAY else []
    cycles += [(YEAR, OF_THE_YEAR)] if of_a_year else []
    columns = [np.ones_like(seconds)]
    for length, count in cycles:
        for wave in range(1, count + 1):
            angle = 2.0 * np.pi * wave * seconds / length
            columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)
