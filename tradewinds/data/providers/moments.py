"""Times as they stand beside texts and in names of pictures: ISO 8601, of a zone that is named somewhere."""

import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.text import counted, shown
from tradewinds.data.readers.times import CALENDAR, in_calendar
from tradewinds.data.readers.zones import zone_of

BEGINS = re.compile(r"\s*\d{4}-?\d\d-?\d\d", re.ASCII)
DATE = re.compile(r"\s*\d{4}-?\d\d-?\d\d\s*$")
HOUR = re.compile(r"[^\d+-]*\d")  # what follows a date where it has one; a zone begins with its sign


def moments_of(
    cells: Sequence[str],
    where: Sequence[str],
    *,
    zone: str | None,
    group: str,
    dates: bool = False,
    ends: bool = False,
) -> pd.DatetimeIndex:
    """Return times in UTC.

    An hour that a change of clocks skips or repeats counts as the later one: nothing is known before its time.

    Args:
        cells: as they are written.
        where: each stands, for messages.
        zone: of times that name none; None refuses them.
        group: of the settings, `text` or `pictures`.
        dates: whether a date alone is one of UTC, where no zone is given.
        ends: whether a date without an hour is the end of its day, the next midnight of its zone, or its beginning.

    Raises:
        RequestError: a time that is none, names no zone, or lies outside the years 1700 to 2200.
    """
    example = "2024-03-21T0930Z" if group == "pictures" else "2024-03-21T09:30:00Z"  # names of files hold no colons
    local: Any = UTC if zone is None else zone_of(zone, group)
    moments = np.empty(len(cells), dtype=np.int64)
    for number, cell in enumerate(cells):
        moment = _moment(cell)
        if moment is None:
            raise RequestError(f"{where[number]}: {shown(cell)} is no time; write it as {example}")
        if not in_calendar(moment):
            raise RequestError(f"{where[number]}: {shown(cell)} {CALENDAR}; correct it, or leave it out")
        if moment.tz is None and zone is None and not (dates and DATE.match(cell)):
            raise RequestError(
                f"{where[number]}: {shown(cell)} names no zone; write it as {example}, or say the zone with "
                f"{group}.time_zone=UTC"
            )
        if ends and names_no_hour(cell):
            moment += pd.Timedelta(days=1)
        if moment.tz is None:
            moment = moment.tz_localize(local, ambiguous=False, nonexistent="shift_forward")
        moments[number] = moment.tz_convert("UTC").as_unit("ns").value
    return pd.DatetimeIndex(moments, tz="UTC")


def is_moment(cell: str, zone: str | None) -> bool:
    """Say whether `moments_of` would read a time, whose zone is `zone` where it names none."""
    moment = _moment(cell)
    return moment is not None and in_calendar(moment) and (moment.tz is not None or zone is not None)


def names_no_hour(cell: str) -> bool:
    """Say whether a time is a date alone."""
    date = BEGINS.match(cell)
    return date is not None and HOUR.match(cell, date.end()) is None


def tell_dates(cells: Sequence[str], what: str) -> list[str]:
    """Return a note of how many times name no hour, and what that means; none where all do.

    Args:
        cells: as they are written.
        what: they are, such as `published_at of news.csv`.
    """
    number = sum(map(names_no_hour, cells))
    if not number:
        return []
    means = "it counts as the end of that day" if number == 1 else "they count as the end of their day"
    return [f"{what}: {counted(number, 'time')} {'names' if number == 1 else 'name'} no hour, so {means}"]


def _moment(cell: str) -> pd.Timestamp | None:
    if not BEGINS.match(cell):  # pandas takes "now", "today" and 7 for times, too
        return None
    try:
        moment = pd.Timestamp(cell.strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if isinstance(moment, pd.Timestamp) else None


def told_apart(moments: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return sorted moments that increase strictly: what is of one moment is parted by nanoseconds, in its order."""
    stamps = moments.as_unit("ns").asi8.copy()
    for row in range(1, len(stamps)):
        stamps[row] = max(stamps[row], stamps[row - 1] + 1)
    return pd.DatetimeIndex(stamps, tz="UTC")


def until(moments: pd.DatetimeIndex, last: str | None) -> NDArray[np.bool_]:
    """Return (N,) which moments lie at or before a setting `last`, a date to its end."""
    if last is None:
        return np.ones(len(moments), dtype=bool)
    end = pd.Timestamp(last, tz="UTC") + (pd.Timedelta(1) if "T" in last else pd.Timedelta(days=1))
    return np.asarray(moments < end)
