"""A feature: what happened between a close and the next open."""

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series


def overnight_gap(series: Series) -> NDArray[np.float64]:
    """Return (T,) log of the open over the close before it; NaN at the first bar, which has none."""
    return np.append(np.nan, np.log(series.open[1:, 0] / series.close[:-1, 0]))
