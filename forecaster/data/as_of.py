"""Joining what becomes known onto bars: a value belongs to the first bar that closes when it is available."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def join_as_of(
    closes: pd.DatetimeIndex, table: pd.DataFrame, available: Mapping[str, pd.DatetimeIndex]
) -> pd.DataFrame:
    """Join each column of `table` onto bars by what was available at their close.

    Args:
        closes: (T,) closes of the bars, UTC, increasing.
        table: columns by the start of their own interval, UTC, increasing; NaN where nothing was measured.
        available: per column, (N,) moments from which on each of its values may be used, in any order: a value may be
            late, and a forecast comes before its interval.

    Returns:
        (T, K): per column, of the values available at the close, the one of the newest interval; NaN before the first.

    Raises:
        KeyError: a column has no availability; there is no safe default.
        ValueError: the times of `table` do not increase, or a column's availabilities are not N moments.
    """
    valid = pd.DatetimeIndex(table.index)
    if not (valid.is_monotonic_increasing and valid.is_unique):
        raise ValueError("the times of the table must increase strictly; sort it first")
    joined = {}
    for name in table.columns:
        moments = available[str(name)]
        if len(moments) != len(table) or moments.hasnans:
            raise ValueError(
                f"{name} must have {len(table)} moments of availability, had {len(moments)} or gaps in them"
            )
        values = table[name].to_numpy(dtype=np.float64)
        measured = np.flatnonzero(~np.isnan(values))
        order = measured[np.argsort(moments.as_unit("ns").asi8[measured], kind="stable")]
        newest = (
            np.maximum.accumulate(order) if len(order) else order
        )  # (n,): newest interval among the first n measured
        count = np.searchsorted(moments.as_unit("ns").asi8[order], closes.as_unit("ns").asi8, side="right")
        row = np.concatenate([[0], newest])[count]
        joined[str(name)] = np.where(count > 0, values[row] if len(values) else np.nan, np.nan)
    return pd.DataFrame(joined, index=closes)
