"""What an equity curve did month by month, and where it hurt most. Definitions: docs/metrics.md, section 2."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
WORST = 5  # drawdowns that are listed


def monthly_returns(equity: Array, index: pd.DatetimeIndex) -> dict[str, list[float | None]]:
    """Return, by year, twelve simple returns; None for a month in which the span has no bar.

    Args:
        equity: (T,) from the opening on.
        index: (T,) starts of the bars, UTC; a bar counts to the month it starts in.

    Returns:
        From the last equity of the month before, or the opening, to the last of the month: they compound to the total.
    """
    last = pd.Series(equity).groupby([index.year, index.month]).last()
    before = last.shift(fill_value=equity[0])
    returns = (last / before - 1.0).where(before > 0.0, 0.0).unstack().reindex(columns=range(1, 13))
    rows = returns.astype(object).where(returns.notna(), None).to_numpy().tolist()
    return dict(zip(map(str, returns.index), rows, strict=True))


def worst_drawdowns(equity: Array, index: pd.DatetimeIndex, count: int = WORST) -> list[dict[str, Any]]:
    """Return the deepest falls below a peak, each from its peak to the first bar that stood as high again.

    Args:
        equity: (T,) from the opening on.
        index: (T,) starts of the bars, UTC.
        count: how many at most.

    Returns:
        Deepest first: `depth` as a share of the peak, the bars of `peak`, `trough` and `recovery` (None if it never
        recovered) as ISO times, and `bars` from peak to recovery, or to the end.
    """
    peak = np.maximum.accumulate(equity)
    below = equity < peak
    drawdowns: list[dict[str, Any]] = []
    for start in np.flatnonzero(below & ~np.concatenate(([False], below[:-1]))).tolist():
        after = np.flatnonzero(~below[start:])
        end = start + int(after[0]) if len(after) else len(equity)
        trough = int(start + equity[start:end].argmin())
        top = start - 1
        drawdowns.append(
            {
                "depth": float(1.0 - equity[trough] / peak[trough]),
                "peak": index[top].isoformat(),
                "trough": index[trough].isoformat(),
                "recovery": index[end].isoformat() if end < len(equity) else None,
                "bars": min(end, len(equity) - 1) - top,
            }
        )
    return sorted(drawdowns, key=lambda drawdown: float(drawdown["depth"]), reverse=True)[:count]
