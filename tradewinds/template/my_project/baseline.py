"""A forecast beside the network's: the mean of the same bar of the last seasons."""

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series

SEASONS = 4


def season_mean(series: Series, rows: NDArray[np.int64], horizon: int) -> NDArray[np.float64]:
    """Return (N, H) changes: of each bar ahead, the mean of the bars whole seasons before it that are known by then.

    Of decisions N at `rows`, as log returns or differences, whichever the series is forecast in.
    """
    changes, season = series.changes()[:, 0], series.season_bars
    ahead = rows[:, None] + 1 + np.arange(horizon)  # (N, H), the bars forecast
    back = -(-(ahead - rows[:, None]) // season) * season  # (N, H), to the last such bar that is known
    past = ahead[..., None] - back[..., None] - season * np.arange(SEASONS)  # (N, H, SEASONS)
    there = past >= 1
    return np.asarray(np.where(there, changes[np.maximum(past, 0)], 0.0).sum(-1) / np.maximum(there.sum(-1), 1))
