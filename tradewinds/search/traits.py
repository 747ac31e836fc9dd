"""What a series is like, in a few numbers that do not depend on its unit: by them earlier searches are weighed.

Knows no search.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series

Array = NDArray[np.float64]
LONG = 16  # bars of which sums are compared with single ones
VOLATILE = 5  # lags of absolute changes


def traits_of(series: Series, rows: range) -> dict[str, float]:
    """Return traits of some rows, the mean over instruments.

    Args:
        series: whose changes are looked at.
        rows: those that a forecaster may learn from.

    Returns:
        `bars` and `bars_a_day`, their logarithms to base ten; `columns`, that of 1 more than there are beside the
        bars; `memory`, the autocorrelation of changes from bar to bar; `season`, that after a season; `clusters`,
        that of their absolute values, the mean of five lags; `tails`, the logarithm of their kurtosis over the
        normal's; `drift`, that of the variance of 16 bars over 16 times one bar's: below 0 where a series turns back.
    """
    changes = series.changes()[rows.start : rows.stop]
    each = [_of_changes(column, series.season_bars) for column in changes.T]
    return {
        "bars": float(np.log10(len(rows))),
        "bars_a_day": float(np.log10(pd.Timedelta(days=1) / series.bar_length)),
        "columns": float(np.log10(1 + series.exogenous.shape[1])),
        **{name: float(np.mean([one[name] for one in each])) for name in each[0]},
    }


def _of_changes(changes: Array, season: int) -> dict[str, float]:
    """Return the traits of the changes of one instrument."""
    deviation = changes - changes.mean()
    spread = deviation.std()
    unit = deviation / spread if spread > 0.0 else np.zeros_like(deviation)
    size = np.abs(unit)
    sums = np.convolve(unit, np.ones(LONG), mode="valid")
    ratio = float(np.mean(sums**2)) / LONG if len(sums) else 1.0
    return {
        "memory": _autocorrelation(unit, 1),
        "season": _autocorrelation(unit, season) if season > 1 else 0.0,
        "clusters": float(np.mean([_autocorrelation(size, lag) for lag in range(1, VOLATILE + 1)])),
        "tails": float(np.log(max(float(np.mean(unit**4)) / 3.0, 0.1))),
        "drift": float(np.log(max(ratio, 1e-3))),
    }


def _autocorrelation(values: Array, lag: int) -> float:
    """Return the correlation with what was `lag` before; 0 where nothing varies or nothing is left."""
    centred = values - values.mean()
    power = float(centred @ centred)
    return float(centred[lag:] @ centred[:-lag]) / power if power > 0.0 and len(values) > lag else 0.0
