"""Which bars a series' own calendar holds after its last one.

An exchange's holidays are known where the series names the exchange. Otherwise the weekdays of its last weeks are its
calendar, and within the day the hours of its last week.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.checks.sessions import ALWAYS, NONE, exchange_sessions

DAY = pd.Timedelta(days=1)
WEEKS = 8  # of daily bars, in which each weekday that has bars had one


def bars_due(series: Series, until: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the starts of the bars that follow a series' last one and close by `until`, UTC."""
    last, length = series.close_time[-1], series.bar_length
    if until <= last:
        return pd.DatetimeIndex([], tz="UTC")
    if length > DAY or series.calendar == ALWAYS:
        return pd.date_range(last, periods=int((until - last) // length), freq=length)
    days = pd.date_range(series.index[-1].normalize(), until.normalize())
    slots = _slots(series)
    starts = pd.DatetimeIndex(np.concatenate([day.value + slots[day.weekday()] for day in days]), tz="UTC")
    due = starts[(starts > series.index[-1]) & (starts + length <= until)]
    middle = (due + length / 2).normalize()  # a session that starts at a local midnight starts on the day before in UTC
    return due[~middle.isin(_closed_days(series, until))]


def next_bars(series: Series, count: int) -> pd.DatetimeIndex:
    """Return the starts of the `count` bars that follow a series' last one, UTC."""
    span = max(2 * count * series.bar_length, 14 * DAY)
    while len(due := bars_due(series, series.close_time[-1] + span)) < count:
        span = 2 * span
    return due[:count]


def calendar_words(series: Series) -> str:
    """Return the series' calendar in words."""
    if series.calendar not in ("", NONE):
        return f"the calendar {series.calendar}"
    return "its calendar"


def _slots(series: Series) -> list[NDArray[np.int64]]:
    """Return by weekday the times of the day at which bars start, ns after 00:00 UTC."""
    index, is_daily = series.index, series.bar_length >= DAY
    recent = index[index > index[-1] - DAY * (7 * WEEKS if is_daily else 7)]
    times = (recent - recent.normalize()).as_unit("ns").asi8
    if is_daily:  # a local midnight moves with the clock, and there is one bar a day all the same
        times = np.full_like(times, times[-1])
    weekday = np.asarray(recent.day_of_week)
    return [np.unique(times[weekday == day]) for day in range(7)]


def _closed_days(series: Series, until: pd.Timestamp) -> pd.DatetimeIndex:
    if series.calendar in ("", NONE):
        return pd.DatetimeIndex([], tz="UTC")
    try:
        return exchange_sessions(series.calendar, series.index[-1], until)[1].tz_localize("UTC")
    except RequestError:  # its sessions are not known that far
        return pd.DatetimeIndex([], tz="UTC")
