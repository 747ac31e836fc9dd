"""A metric of a strategy, in the manner of Calmar's: growth a year over the deepest fall."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def growth_over_drawdown(curve: Array, increments: Array, per_year: float) -> float | None:
    """Return log growth a year over the largest drawdown; None of a strategy that never fell, or lost everything.

    Args:
        curve: (T,) equity, in units of the opening equity.
        increments: (P,) simple returns of the bars; not read.
        per_year: bars in a year.
    """
    drawdown = float((1.0 - curve / np.maximum.accumulate(curve)).max()) if (curve > 0.0).all() else 0.0
    if drawdown == 0.0:
        return None
    return float(np.log(curve[-1] / curve[0])) * per_year / (len(curve) - 1) / drawdown
