"""Columns whose values are known before their bars: a day-ahead load forecast, a weather forecast, a planned outage.

The mirror of an availability lag. Knows times and values; not the bars they will be read at (`future`).
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True, eq=False)
class KnownAhead:
    """G columns by the start of their own interval.

    Attributes:
        table: (N, G) values, UTC, increasing; NaN where there is none. It may run on beyond the last bar.
        leads: per column, how long after the start of a bar the start of an interval may lie, for its value to be known
            when that bar closes; positive.
        interval: for how long after its start a value holds.

    Raises:
        ValueError: times not in UTC or not increasing, a column without a positive lead, an infinite value.
    """

    table: pd.DataFrame
    leads: Mapping[str, pd.Timedelta]
    interval: pd.Timedelta

    def __post_init__(self) -> None:
        index = pd.DatetimeIndex(self.table.index)
        zero = pd.Timedelta(0)
        wrong = [str(name) for name in self.table.columns if self.leads.get(str(name), zero) <= zero]
        if str(index.tz) != "UTC" or not (index.is_monotonic_increasing and index.is_unique):
            raise ValueError("times of what is known ahead must be in UTC and increase strictly; sort them first")
        if wrong:
            raise ValueError(f"leads must be positive for every column known ahead, were not for {', '.join(wrong)}")
        if np.isinf(self.table.to_numpy(dtype=np.float64)).any():
            raise ValueError("what is known ahead must be finite, or NaN where it is not known; had an infinite value")
        object.__setattr__(self, "table", self.table.set_axis(index.as_unit("ns")))

    @property
    def names(self) -> tuple[str, ...]:
        """G names."""
        return tuple(map(str, self.table.columns))

    def between(self, first: pd.Timestamp, last: pd.Timestamp) -> "KnownAhead":
        """Return what bars that start in [first, last] may read: no value that none of them knows."""
        index = pd.DatetimeIndex(self.table.index)
        start = max(int(index.searchsorted(first, side="right")) - 1, 0)
        stop = int(index.searchsorted(last + max(self.leads.values()), side="right"))
        return dataclasses.replace(self, table=self.table.iloc[start:stop])

    def extended(self, later: "KnownAhead") -> "KnownAhead":
        """Return this table with the rows of `later`, whose values count where both have one."""
        both = pd.concat([self.table, later.table[self.table.columns]])
        table = both[~both.index.duplicated(keep="last")].sort_index()
        return dataclasses.replace(self, table=table)

    def add_to(self, digest: "hashlib._Hash") -> None:
        """Add names, leads, times and values to a digest."""
        digest.update(repr((self.names, [str(self.leads[name]) for name in self.names], str(self.interval))).encode())
        digest.update(pd.DatetimeIndex(self.table.index).asi8.tobytes())
        digest.update(np.ascontiguousarray(self.table.to_numpy(dtype=np.float64)).tobytes())
