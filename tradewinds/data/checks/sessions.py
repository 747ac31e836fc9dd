"""An exchange's sessions: which days must have a bar, and which cannot."""

from functools import lru_cache

import numpy as np
import pandas as pd

from forecaster.data.instruments import DAY
from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.checks.bars import Bars

ALWAYS, NONE = "24/7", "none"


def check_sessions(bars: Bars, calendar: str, *, length: pd.Timedelta, max_missing: float) -> list[str]:
    """Compare the days of the bars with the sessions of an exchange; a bar a week or longer is left alone.

    Args:
        bars: of one instrument.
        calendar: ISO 10383 code such as XNYS, 24/7, or none.
        length: of a bar.
        max_missing: share of sessions that may be absent.

    Returns:
        A sentence if sessions are absent.

    Raises:
        RequestError: a bar on a day when the exchange was closed, more absent sessions than that, or no such exchange.
    """
    if length > DAY or calendar in ("", NONE):
        return []
    if calendar == ALWAYS:
        steps = np.diff(bars.index.asi8) // length.as_unit("ns").value
        absent, expected = int((steps - 1).sum()), int(steps.sum()) + 1
        rows = np.flatnonzero(steps > 1)
        names = [f"{bars.index[row] + length:%Y-%m-%d %H:%M}" for row in rows[:3]]
        return _absent(bars, absent, expected, names, "bars of 24/7", max_missing)
    sessions, closed, local = exchange_sessions(calendar, bars.index[0], bars.index[-1])
    dated = length == DAY and bool((bars.index == bars.index.normalize()).all())  # labelled by date, at 00:00 UTC
    days = bars.index.tz_convert("UTC" if dated else local).tz_localize(None).normalize()
    off = np.asarray(days.isin(closed))
    bars.refuse(
        "close",
        off,
        f"is of a day when {calendar} was closed; remove the row, or correct series.calendar, or set it to none",
    )
    inside = sessions[(sessions >= days[0]) & (sessions <= days[-1])]
    lost = inside[~inside.isin(days)]
    return _absent(
        bars, len(lost), len(inside), [f"{day:%Y-%m-%d}" for day in lost[:3]], f"sessions of {calendar}", max_missing
    )


def _absent(bars: Bars, absent: int, expected: int, first: list[str], what: str, most: float) -> list[str]:
    if absent == 0:
        return []
    more = ", ..." if absent > len(first) else ""
    words = f"{absent} of {expected} {what} are missing: {', '.join(first)}{more}"
    if absent > most * expected:
        raise RequestError(
            f"{bars.origin.name}: {words}; that is more than data.max_missing={most:g}: bring the missing ones, "
            "or correct series.calendar"
        )
    return [f"{bars.origin.name}: {words}"]


@lru_cache(maxsize=32)
def _calendar(code: str, first: pd.Timestamp, last: pd.Timestamp) -> tuple[pd.DatetimeIndex, str]:
    import exchange_calendars

    names = exchange_calendars.get_calendar_names(include_aliases=True)
    if code not in names:
        raise RequestError(
            f"series.calendar must be 24/7 or an exchange's ISO code such as XNYS, was '{code}'{nearest(code, names)}"
        )
    try:
        calendar = exchange_calendars.get_calendar(code, start=first, end=last)
    except (ValueError, NotImplementedError, exchange_calendars.errors.CalendarError) as error:
        reason = str(error).split("\n")[0]
        raise RequestError(
            f"the calendar of {code} does not cover {first:%Y-%m-%d} to {last:%Y-%m-%d}: {reason}; "
            "set series.calendar=none"
        ) from None
    return pd.DatetimeIndex(calendar.sessions).tz_localize(None), str(calendar.tz)


def exchange_sessions(
    code: str, first: pd.Timestamp, last: pd.Timestamp
) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex, str]:
    """Return the sessions around [first, last], the days between them that are none, and the exchange's zone.

    Raises:
        RequestError: no such exchange, or its calendar does not reach that far.
    """
    start = pd.Timestamp(year=first.year, month=1, day=1)
    end = pd.Timestamp(year=last.year, month=12, day=31)
    sessions, zone = _calendar(code, start, end)
    days = pd.date_range(start, end)
    return sessions, days[~days.isin(sessions)], zone
