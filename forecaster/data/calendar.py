"""Where a moment stands in the year, the week and the day: each a point on a circle."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cycles(index: pd.DatetimeIndex, bar_length: pd.Timedelta) -> dict[str, Array]:
    """Return sine and cosine (T,) of month, weekday and hour of moments (T,), by name.

    Which cycles vary is decided by the bar's length, not by the data.
    """
    phases: dict[str, tuple[Array, int]] = {"month": (index.month.to_numpy(dtype=np.float64) - 1.0, 12)}
    if bar_length <= pd.Timedelta(days=1):
        phases["weekday"] = (index.day_of_week.to_numpy(dtype=np.float64), 7)
    if bar_length < pd.Timedelta(days=1):
        phases["hour"] = (index.hour.to_numpy(dtype=np.float64) + index.minute.to_numpy(dtype=np.float64) / 60.0, 24)
    columns: dict[str, Array] = {}
    for name, (phase, length) in phases.items():
        angle = 2.0 * np.pi * phase / length
        columns[f"{name}_sin"], columns[f"{name}_cos"] = np.sin(angle), np.cos(angle)
    return columns
