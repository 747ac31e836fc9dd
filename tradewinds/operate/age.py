"""How old a series is, in bars that its own calendar has closed since; and a refusal of what is too old.

An exchange's holidays are known where the series names the exchange. Otherwise the weekdays of its last weeks are its
calendar, and within the day the hours of its last week.
"""

from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import GateError, RequestError
from tradewinds.data.checks.sessions import ALWAYS, NONE, exchange_sessions
from tradewinds.pipeline.task import Prepared

DAY = pd.Timedelta(days=1)
WEEKS = 8  # of daily bars, in which each weekday that has bars had one


def is_live(prepared: Prepared) -> bool:
    """Whether bars are to be added to the series at all: a shipped sample and a made-up world end where they end."""
    return bool(getattr(prepared.config.series, "IS_LIVE", True))


def bars_missed(series: Series, moment: datetime) -> int:
    """Return how many bars of the series' calendar have closed after its last one, up to `moment`."""
    now, last, length = pd.Timestamp(moment), series.close_time[-1], series.bar_length
    if now <= last:
        return 0
    if length > DAY or series.calendar == ALWAYS:
        return int((now - last) // length)
    days = pd.date_range(series.index[-1].normalize(), now.normalize())
    slots = _slots(series)
    starts = pd.DatetimeIndex(np.concatenate([day.value + slots[day.weekday()] for day in days]), tz="UTC")
    due = starts[(starts > series.index[-1]) & (starts + length <= now)]
    middle = (due + length / 2).normalize()  # a session that starts at a local midnight starts on the day before in UTC
    return int((~middle.isin(_closed_days(series, now))).sum())


def refuse_old(prepared: Prepared, moment: datetime) -> str:
    """Refuse a series that is older than `signal.max_age` allows.

    Returns:
        A sentence where the series is none that grows, else nothing.

    Raises:
        GateError: it is too old.
    """
    last, most = prepared.last_close, prepared.config.signal.max_age
    if not is_live(prepared):
        return f"{prepared.series.name} is no live source: it ends {last:%Y-%m-%d}, and its age is not judged"
    missed = bars_missed(prepared.series, moment)
    if most is not None and missed > most:
        raise GateError(
            f"{prepared.series.name}: {prepared.age}: {missed} bars of {_calendar_words(prepared.series)} have closed "
            f"since, and signal.max_age allows {most:g}; bring the series up to date, or ask the champion all the same "
            f"with signal.max_age={missed}"
        )
    return ""


def _slots(series: Series) -> list[NDArray[np.int64]]:
    """Return by weekday the times of the day at which bars start, ns after 00:00 UTC."""
    index, is_daily = series.index, series.bar_length >= DAY
    recent = index[index > index[-1] - DAY * (7 * WEEKS if is_daily else 7)]
    times = (recent - recent.normalize()).as_unit("ns").asi8
    if is_daily:  # a local midnight moves with the clock, and there is one bar a day all the same
        times = np.full_like(times, times[-1])
    weekday = np.asarray(recent.day_of_week)
    return [np.unique(times[weekday == day]) for day in range(7)]


def _closed_days(series: Series, now: pd.Timestamp) -> pd.DatetimeIndex:
    if series.calendar in ("", NONE):
        return pd.DatetimeIndex([], tz="UTC")
    try:
        return exchange_sessions(series.calendar, series.index[-1], now)[1].tz_localize("UTC")
    except RequestError:  # its sessions are not known that far
        return pd.DatetimeIndex([], tz="UTC")


def _calendar_words(series: Series) -> str:
    if series.calendar not in ("", NONE):
        return f"the calendar {series.calendar}"
    return "its calendar"
