"""What is known at a bar of the bars ahead: when they will start, by habit, and what was announced of them.

Nothing here looks at a later bar. When the next bars start is said by the slots of the week in which bars have started
on the fit rows; that a market will be shut next Tuesday is not known, and does not leak. A value announced for a moment
is read if the column's lead has reached that moment, and is otherwise missing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import FeatureConfig
from forecaster.data.calendar import cycles
from forecaster.data.future_covariates import KnownAhead
from forecaster.data.series import Series

Array = NDArray[np.float64]
Int64 = NDArray[np.int64]
SECOND = 1_000_000_000
DAY = 86_400
WEEK = 7 * DAY
MONTH = pd.Timedelta(days=28)  # bars as long as that are counted in calendar months
MISSING = "_missing"  # end of the name of a column that says where another has no value


@dataclass(frozen=True)
class Timetable:
    """When the next bars start, as far as that can be known.

    Attributes:
        bar_seconds: seconds of a bar.
        slots: seconds after Monday 00:00 UTC at which bars start, increasing; empty where one follows another without
            a pause.
    """

    bar_seconds: float
    slots: tuple[int, ...] = ()

    @classmethod
    def seen(cls, index: pd.DatetimeIndex, bar_length: pd.Timedelta) -> "Timetable":
        """Learn the slots from the starts of bars: those that were used at least half as often as the commonest.

        Bars longer than a day, or seen for less than two weeks, follow one another without a pause.
        """
        seconds = bar_length.total_seconds()
        stamps = index.as_unit("ns").asi8 // SECOND
        if seconds > DAY or len(stamps) == 0 or stamps[-1] - stamps[0] < 2 * WEEK:
            return cls(seconds)
        found, count = np.unique(_phase(stamps), return_counts=True)
        slots = found[2 * count >= count.max()]
        gaps = np.diff(slots, append=slots[0] + WEEK)
        return cls(seconds) if bool((gaps == seconds).all()) else cls(seconds, tuple(slots.tolist()))

    def next_starts(self, starts: Int64, horizon: int) -> Int64:
        """Return the starts (B, H) of the next H bars after bars that start at `starts` (B,), nanoseconds in UTC."""
        length = round(self.bar_seconds * SECOND)
        steps = np.arange(1, horizon + 1)
        if length >= MONTH.as_unit("ns").value:
            month = starts.astype("datetime64[ns]").astype("datetime64[M]")
            within = starts - month.astype("datetime64[ns]").astype(np.int64)
            ahead = month[:, None] + steps * max(round(self.bar_seconds / (30.44 * DAY)), 1)
            return np.asarray(ahead.astype("datetime64[ns]").astype(np.int64) + within[:, None])
        if not self.slots:
            return np.asarray(starts[:, None] + length * steps)
        slots, bar = np.array(self.slots), max(int(self.bar_seconds), 1)
        following, distance = self._next(slots, slots, bar)
        slot, elapsed = self._next(slots, _phase(starts // SECOND), bar)
        seconds = np.empty((len(starts), horizon), dtype=np.int64)
        for step in range(horizon):
            seconds[:, step] = elapsed
            slot, elapsed = following[slot], elapsed + distance[slot]
        return np.asarray(starts[:, None] + seconds * SECOND)

    @staticmethod
    def _next(slots: Int64, phases: Int64, bar: int) -> tuple[Int64, Int64]:
        """Return for each phase (N,) of the week its first slot a bar or more later, and in how many seconds."""
        closes = (phases + bar) % WEEK
        slot = np.searchsorted(slots, closes) % len(slots)
        return slot, bar + (slots[slot] - closes) % WEEK


@dataclass(frozen=True, eq=False)
class FutureTable:
    """What can be known at T bars of the bars ahead; gathered for a batch of rows, never laid out as (T, H, G).

    Attributes:
        starts: (T,) starts of the bars, nanoseconds in UTC.
        bar_length: of a bar.
        calendar: whether month, weekday and hour of the bars ahead are told.
        ahead: the columns that are known before their bars.
    """

    starts: Int64
    bar_length: pd.Timedelta
    calendar: bool
    ahead: tuple[KnownAhead, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """G names: the calendar's, then of each column its level, its change from bar to bar, where it is missing."""
        calendar = tuple(cycles(pd.DatetimeIndex([], tz="UTC"), self.bar_length)) if self.calendar else ()
        columns = (name for part in self.ahead for name in part.names)
        return (*calendar, *(f"{name}{end}" for name in columns for end in ("", "_change", MISSING)))

    def gather(self, rows: Int64, horizon: int, timetable: Timetable) -> Array:
        """Return (B, H, G) of the H bars after each of `rows` (B,); NaN where a column is not known so far ahead."""
        now = self.starts[rows]  # (B,)
        starts = timetable.next_starts(now, horizon)  # (B, H)
        columns: list[Array] = []
        if self.calendar:
            found = cycles(pd.DatetimeIndex(starts.ravel(), tz="UTC"), self.bar_length)
            columns.extend(column.reshape(starts.shape) for column in found.values())
        for part in self.ahead:
            for values in _read(part, np.column_stack((now, starts)), now):  # (B, 1 + H)
                level = values[:, 1:]
                columns.extend((level, np.diff(values), np.isnan(level).astype(np.float64)))
        return np.stack(columns, axis=-1) if columns else np.empty((*starts.shape, 0))


def build_future(series: Series, config: FeatureConfig) -> FutureTable:
    """Return what can be known of the bars ahead at each bar of a series."""
    return FutureTable(series.index.asi8, series.bar_length, config.calendar, series.ahead)


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
        return cls(table.names, horizon, Timetable.seen(index, table.bar_length), mean, std)

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

    def plain(self) -> dict[str, Any]:
        """Return it as plain data that `reader_from` reads back."""
        return asdict(self)


def reader_from(plain: Mapping[str, Any]) -> FutureReader:
    """Return what `FutureReader.plain` wrote."""
    table = plain["timetable"]
    timetable = Timetable(table["bar_seconds"], tuple(table["slots"]))
    lists = {name: tuple(plain[name]) for name in ("names", "mean", "std")}
    return FutureReader(horizon=plain["horizon"], timetable=timetable, **lists)


def _phase(seconds: Int64) -> Int64:
    """Return seconds after Monday 00:00 UTC; the epoch was a Thursday."""
    return np.asarray((seconds + 3 * DAY) % WEEK)


def _read(part: KnownAhead, starts: Int64, now: Int64) -> Iterator[Array]:
    """Yield each column's values at the moments `starts` (B, N), as known at the close of the bars begun at `now`."""
    stamps = pd.DatetimeIndex(part.table.index).asi8
    if len(stamps) == 0:
        yield from (np.full(starts.shape, np.nan) for _ in part.names)
        return
    row = np.searchsorted(stamps, starts, side="right") - 1
    begins = stamps[np.maximum(row, 0)]
    holds = (row >= 0) & (starts < begins + part.interval.as_unit("ns").value)
    for name in part.names:
        known = holds & (begins - now[:, None] <= part.leads[name].as_unit("ns").value)
        yield np.where(known, part.table[name].to_numpy(dtype=np.float64)[np.maximum(row, 0)], np.nan)
