"""Where a moment stands in the year, the week and the day, and when the next bars start, by habit.

Nothing here looks at a later bar: the next bars start in the slots of the week in which bars have started on the fit
rows; that a market will be shut next Tuesday is not known, and does not leak.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Int64 = NDArray[np.int64]
SECOND = 1_000_000_000
DAY = 86_400
WEEK = 7 * DAY
DAYS_OF_YEAR = 365.2425
MONTH = pd.Timedelta(days=28)  # bars as long as that are counted in calendar months


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


def seasons(index: pd.DatetimeIndex) -> dict[str, Array]:
    """Return sine and cosine (T,) of the season of moments (T,), once and twice a year, by name."""
    days = index.day_of_year.to_numpy(dtype=np.float64) - 1.0 + index.hour.to_numpy(dtype=np.float64) / 24.0
    waves = {"year": 2.0 * np.pi * days / DAYS_OF_YEAR, "half_year": 4.0 * np.pi * days / DAYS_OF_YEAR}
    return {f"{name}_{wave.__name__}": wave(angle) for name, angle in waves.items() for wave in (np.sin, np.cos)}


@dataclass(frozen=True)
class Timetable:
    """When the next bars start, as far as that can be known.

    Attributes:
        bar_seconds: seconds of a bar.
        slots: seconds after Monday 00:00 UTC at which bars start, increasing; empty where one follows another without
            a pause.
        month_ends: whether every bar starts on the last day of a month, however long that is.
    """

    bar_seconds: float
    slots: tuple[int, ...] = ()
    month_ends: bool = False

    @classmethod
    def learned(cls, index: pd.DatetimeIndex, bar_length: pd.Timedelta) -> "Timetable":
        """Learn the slots from the starts of bars: those that were used at least half as often as the commonest.

        Bars longer than a day, or seen for less than two weeks, follow one another without a pause.
        """
        seconds = bar_length.total_seconds()
        stamps = index.as_unit("ns").asi8 // SECOND
        if bar_length >= MONTH and bool(index.is_month_end.all()):
            return cls(seconds, month_ends=True)
        if seconds > DAY or len(stamps) == 0 or stamps[-1] - stamps[0] < 2 * WEEK:
            return cls(seconds)
        phases, count = np.unique(_phase(stamps), return_counts=True)
        slots = phases[2 * count >= count.max()]
        gaps = np.diff(slots, append=slots[0] + WEEK)
        return cls(seconds) if bool((gaps == seconds).all()) else cls(seconds, tuple(slots.tolist()))

    def next_starts(self, starts: Int64, horizon: int) -> Int64:
        """Return the starts (B, H) of the next H bars after bars that start at `starts` (B,), nanoseconds in UTC."""
        length = round(self.bar_seconds * SECOND)
        steps = np.arange(1, horizon + 1)
        if length >= MONTH.as_unit("ns").value:
            month = starts.astype("datetime64[ns]").astype("datetime64[M]") + int(self.month_ends)
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


def _phase(seconds: Int64) -> Int64:
    """Return seconds after Monday 00:00 UTC; the epoch was a Thursday."""
    return np.asarray((seconds + 3 * DAY) % WEEK)
