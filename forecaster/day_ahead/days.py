"""The days of a series whose bars are decided a day at a time: prices by the clock, and what is known at each gate.

A day lies between two local midnights. It is decided on the bar before its first, its gate row: all prices up to there
are known, as a day's are found by one auction on the day before. Every day has S slots of the clock. Where clocks
change it has fewer bars, and the slot that is left out repeats the one before; or more, and a slot that comes twice
counts once. A series that ends with a day's last bar has a row for the day that comes next. Must not know networks.
Page: docs/day_ahead.md.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.calendar import DAYS_OF_YEAR
from forecaster.data.series import Series

Array = NDArray[np.float64]
Int = NDArray[np.int64]
DAY = pd.Timedelta(days=1).as_unit("ns")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PRICE_DAYS = (1, 2, 3, 7)  # days back whose prices are read by the hour
UNIT_DAYS = 28  # days before the first that has units of its own
FIRST = UNIT_DAYS + max(PRICE_DAYS)  # days before the first that is learned from, or forecast
FEWEST = 14  # days to learn from
HOLIDAYS = ("holiday", "holiday_before", "holiday_after")


@dataclass(frozen=True, eq=False)
class DayTable:
    """D days that follow one another, of S slots each.

    Attributes:
        dates: (D,) local dates, days since 1970.
        first: (D,) row of each day's first bar; -1 of a day without bars, or that begins with a hole.
        slot: (D, N) slot of each of a day's bars by the clock, of the longest day's N; -1 beyond its last.
        bars: (D,) bars that are there.
        price: (D, S); NaN where there is no bar.
        ahead: (D, S, K) columns that are known before their bars, as far as they are at the gate; NaN beyond.
        gate: (D, P) other columns, as they are known at the gate.
        facts: (D, C) what the calendar says.
        names: of the K columns, of the P, and of the C.
    """

    dates: Int
    first: Int
    slot: Int
    bars: Int
    price: Array
    ahead: Array
    gate: Array
    facts: Array
    names: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

    @property
    def length(self) -> Int:
        """(D,) bars of each day by the clock."""
        return np.asarray((self.slot >= 0).sum(axis=1))

    @property
    def whole(self) -> NDArray[np.bool_]:
        """(D,) whether all of them are there."""
        return np.asarray(self.bars == self.length)

    def of_bars(self, day: int, by_slot: Array) -> Array:
        """Return the values of a day's bars, in their order, from (S,) of its slots."""
        return np.asarray(by_slot[self.slot[day, : self.length[day]]])


def slots_of_day(bar_length: pd.Timedelta) -> int:
    """Return S, the bars of a day without a change of clocks.

    Raises:
        ValueError: bars are no whole part of an hour, or longer.
    """
    hour = pd.Timedelta(hours=1)
    if bar_length > hour or hour % bar_length != pd.Timedelta(0):
        raise ValueError(f"bars must be an hour, or a whole part of one, to make days of delivery; were {bar_length}")
    return int(DAY / bar_length)


def longest_day(bar_length: pd.Timedelta) -> int:
    """Return the bars of a day on which clocks are turned back by an hour."""
    slots = slots_of_day(bar_length)
    return slots + slots // 24


def day_table(series: Series, holidays: Collection[date] = ()) -> DayTable:
    """Lay a series of one instrument out by its local days (`Series.day_zone`).

    Args:
        series: T bars, of which the first and the last day may be cut.
        holidays: local dates; none are told where there are none.

    Raises:
        ValueError: the series has no zone or several instruments, or bars that make no days.
    """
    zone, slots = series.day_zone, slots_of_day(series.bar_length)
    if zone is None or len(series.instruments) != 1:
        raise ValueError("day_table needs one instrument, and day_zone, the zone whose midnights part its days")
    local = _local(series.index, zone, series.bar_length)
    dates, bars = np.arange(local.day[0], local.day[-1] + 1), len(series.index)
    if (series.index[-1] + series.bar_length).tz_convert(zone).normalize() == series.index[-1] + series.bar_length:
        dates = np.append(dates, dates[-1] + 1)  # the day that comes next
    midnights = _midnights(np.append(dates, dates[-1] + 1), zone)
    clock = _local(
        pd.date_range(midnights[0], midnights[-1], freq=series.bar_length, inclusive="left"), zone, series.bar_length
    )
    length = np.bincount(clock.day - dates[0], minlength=len(dates))
    places = np.full((len(dates), max(longest_day(series.bar_length), int(length.max()))), -1)
    places[clock.day - dates[0], np.arange(len(clock.day)) - np.repeat(length.cumsum() - length, length)] = clock.slot
    row = local.day - dates[0]  # (T,) of the table, of every bar
    starts, first = np.flatnonzero(np.append(True, row[1:] != row[:-1])), np.full(len(dates), -1)
    first[row[starts]] = np.where(local.slot[starts] == 0, starts, -1)
    if local.day[-1] < dates[-1]:
        first[-1] = bars
    count = np.bincount(row, minlength=len(dates))
    whole = count == length
    price = np.full((len(dates), slots), np.nan)
    _, once = np.unique(row * slots + local.slot, return_index=True)  # of a slot that comes twice the first
    price[row[once], local.slot[once]] = series.close[once, 0]
    for hole in range(1, slots):  # only clocks leave a slot out of a whole day
        missing = whole & np.isnan(price[:, hole])
        price[missing, hole] = price[missing, hole - 1]
    gates = first - 1
    ahead, ahead_names = _ahead(series, dates, gates, slots)
    known_ahead = set(ahead_names)
    others = [str(name) for name in series.exogenous.columns if str(name) not in known_ahead]
    gate = np.full((len(dates), len(others)), np.nan)
    decided = gates >= 0
    gate[decided] = series.exogenous[others].to_numpy(dtype=np.float64)[gates[decided]]
    facts, fact_names = _facts(dates, holidays)
    names = (ahead_names, tuple(others), fact_names)
    return DayTable(dates, first, places, count, price, ahead, gate, facts, names)


class _Local(NamedTuple):
    """(T,) local dates of bars, days since 1970, and their slots."""

    day: Int
    slot: Int


def _local(index: pd.DatetimeIndex, zone: str, bar_length: pd.Timedelta) -> _Local:
    clock = index.tz_convert(zone).tz_localize(None).as_unit("ns").asi8
    return _Local(clock // DAY.value, clock % DAY.value // _nanoseconds(bar_length))


def _midnights(dates: Int, zone: str) -> pd.DatetimeIndex:
    """Return the first moments of local dates."""
    naive = pd.DatetimeIndex(dates * DAY.value)
    local = naive.tz_localize(zone, ambiguous=np.ones(len(dates), dtype=bool), nonexistent="shift_forward")
    return local.tz_convert("UTC")


def _nanoseconds(length: pd.Timedelta) -> int:
    return int(length.as_unit("ns").value)


def _ahead(series: Series, dates: Int, gates: Int, slots: int) -> tuple[Array, tuple[str, ...]]:
    """Return (D, S, K) values of each slot as they are known at the gate rows (D,), and the K names."""
    names = tuple(name for part in series.future_covariates for name in part.names)
    stamps = dates[:, None] * DAY.value + np.arange(slots) * _nanoseconds(series.bar_length)
    local = pd.DatetimeIndex(stamps.ravel()).tz_localize(
        series.day_zone, ambiguous=np.ones(stamps.size, dtype=bool), nonexistent="shift_forward"
    )
    starts = local.tz_convert("UTC").as_unit("ns").asi8.reshape(stamps.shape)
    decided = gates >= 0
    now = series.index.asi8[gates[decided]]
    values = np.full((*stamps.shape, len(names)), np.nan)
    column = 0
    for part in series.future_covariates:
        for known in part.known(starts[decided], now):
            values[decided, :, column] = known
            column += 1
    return values, names


def _facts(dates: Int, holidays: Collection[date]) -> tuple[Array, tuple[str, ...]]:
    """Return (D, C) weekday, season and holidays, if any, and the C names."""
    index = pd.DatetimeIndex(dates * DAY.value)
    angle = 2.0 * np.pi * (index.day_of_year.to_numpy(dtype=np.float64) - 1.0) / DAYS_OF_YEAR
    columns = [*np.eye(7)[index.day_of_week].T, np.sin(angle), np.cos(angle)]
    names: tuple[str, ...] = (*WEEKDAYS, "season_sin", "season_cos")
    if holidays:
        free = np.array([(day - date(1970, 1, 1)).days for day in holidays])
        columns += [np.isin(dates + shift, free).astype(np.float64) for shift in (0, -1, 1)]
        names = (*names, *HOLIDAYS)
    return np.stack(columns, axis=1), names
