"""Future covariates: what is known at a bar of the bars ahead, and how a network reads it.

Known are the times of the bars ahead, by habit, and columns whose values come before their bars: a day-ahead load
forecast, a weather forecast, a planned outage. They are the mirror of an availability lag: a value is read if the
column's lead has reached its moment, and is otherwise missing. Must not know series and their prices.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.calendar import Timetable, cycles

Array = NDArray[np.float64]
Int64 = NDArray[np.int64]
MISSING = "_missing"  # end of the name of a column that says where another has no value


@dataclass(frozen=True, eq=False)
class FutureCovariates:
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

    def between(self, first: pd.Timestamp, last: pd.Timestamp) -> "FutureCovariates":
        """Return what bars that start in [first, last] may read: no value that none of them knows."""
        index = pd.DatetimeIndex(self.table.index)
        start = max(int(index.searchsorted(first, side="right")) - 1, 0)
        stop = int(index.searchsorted(last + max(self.leads.values()), side="right"))
        return dataclasses.replace(self, table=self.table.iloc[start:stop])

    def extended(self, later: "FutureCovariates") -> "FutureCovariates":
        """Return this table with the rows of `later`, whose values count where both have one."""
        both = pd.concat([self.table, later.table[self.table.columns]])
        table = both[~both.index.duplicated(keep="last")].sort_index()
        return dataclasses.replace(self, table=table)

    def known(self, starts: Int64, now: Int64) -> Iterator[Array]:
        """Yield each column's values at the moments `starts` (B, N), as known at the close of the bars begun at `now`.

        Moments are nanoseconds in UTC; NaN where nothing is known.
        """
        stamps = pd.DatetimeIndex(self.table.index).asi8
        if len(stamps) == 0:
            yield from (np.full(starts.shape, np.nan) for _ in self.names)
            return
        row = np.searchsorted(stamps, starts, side="right") - 1
        begins = stamps[np.maximum(row, 0)]
        holds = (row >= 0) & (starts < begins + self.interval.as_unit("ns").value)
        for name in self.names:
            readable = holds & (begins - now[:, None] <= self.leads[name].as_unit("ns").value)
            yield np.where(readable, self.table[name].to_numpy(dtype=np.float64)[np.maximum(row, 0)], np.nan)

    def add_to(self, digest: "hashlib._Hash") -> None:
        """Add names, leads, times and values to a digest."""
        digest.update(repr((self.names, [str(self.leads[name]) for name in self.names], str(self.interval))).encode())
        digest.update(pd.DatetimeIndex(self.table.index).asi8.tobytes())
        digest.update(np.ascontiguousarray(self.table.to_numpy(dtype=np.float64)).tobytes())


@dataclass(frozen=True, eq=False)
class FutureTable:
    """What can be known at T bars of the bars ahead; gathered for a batch of rows, never laid out as (T, H, G).

    Attributes:
        starts: (T,) starts of the bars, nanoseconds in UTC.
        bar_length: of a bar.
        calendar: whether month, weekday and hour of the bars ahead are told.
        covariates: the columns that are known before their bars.
    """

    starts: Int64
    bar_length: pd.Timedelta
    calendar: bool
    covariates: tuple[FutureCovariates, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """G names: the calendar's, then of each column its level, its change from bar to bar, where it is missing."""
        calendar = tuple(cycles(pd.DatetimeIndex([], tz="UTC"), self.bar_length)) if self.calendar else ()
        columns = (name for part in self.covariates for name in part.names)
        return (*calendar, *(f"{name}{end}" for name in columns for end in ("", "_change", MISSING)))

    def gather(self, rows: Int64, horizon: int, timetable: Timetable) -> Array:
        """Return (B, H, G) of the H bars after each of `rows` (B,); NaN where a column is not known so far ahead."""
        now = self.starts[rows]  # (B,)
        starts = timetable.next_starts(now, horizon)  # (B, H)
        columns: list[Array] = []
        if self.calendar:
            points = cycles(pd.DatetimeIndex(starts.ravel(), tz="UTC"), self.bar_length)
            columns.extend(column.reshape(starts.shape) for column in points.values())
        for part in self.covariates:
            for values in part.known(np.column_stack((now, starts)), now):  # (B, 1 + H)
                level = values[:, 1:]
                columns.extend((level, np.diff(values), np.isnan(level).astype(np.float64)))
        return np.stack(columns, axis=-1) if columns else np.empty((*starts.shape, 0))


@dataclass(frozen=True)
class FutureReader:
    """How a fitted network reads the bars ahead.

    Attributes:
        names: G names.
        horizon: H.
        timetable: of the fit rows.
        mean: (G,) taken off each; of the feature of the same name on the fit rows.
        std: (G,) then divided by.
    """

    names: tuple[str, ...]
    horizon: int
    timetable: Timetable
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fitted(
        cls, table: FutureTable, horizon: int, rows: slice, scale: Mapping[str, tuple[float, float]]
    ) -> "FutureReader":
        """Learn the timetable from the bars `rows`, and take over the features' mean and deviation, by name."""
        index = pd.DatetimeIndex(table.starts[rows], tz="UTC")
        scales = [(0.0, 1.0) if name.endswith(MISSING) else scale.get(name, (0.0, 1.0)) for name in table.names]
        mean, std = zip(*scales, strict=True) if scales else ((), ())
        return cls(table.names, horizon, Timetable.learned(index, table.bar_length), mean, std)

    def read(self, table: FutureTable, rows: Int64) -> NDArray[np.float32]:
        """Return the network's inputs (B, H, G) for the rows (B,): scaled, and 0 where nothing is known.

        Raises:
            ValueError: the table has other columns than the network was fitted on.
        """
        if table.names != self.names:
            missing = sorted(set(self.names) ^ set(table.names)) or list(table.names)
            raise ValueError(f"the series must be known ahead as it was fitted on; they differ in {missing}")
        values = table.gather(rows, self.horizon, self.timetable)
        scaled = (values - np.array(self.mean)) / np.array(self.std)
        return np.where(np.isnan(scaled), 0.0, scaled).astype(np.float32)
