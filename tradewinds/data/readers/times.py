"""Cells into moments: read with certainty or refused. Neither format nor zone nor hour is guessed.

Which number is the day and which the month is decided by the whole column, where only one order is possible.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.forms import form_of, forms_of
from tradewinds.data.readers.grammar import (
    WORDS,
    Ints,
    TimeParts,
    counted_in,
    counts,
    nanoseconds,
    shape_of,
    taken_apart,
)
from tradewinds.data.readers.hours import time_of_day, turns_of
from tradewinds.data.readers.intervals import starts_of
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import ABSENT, shown, typed
from tradewinds.data.readers.zones import in_utc, unzoned, zone_in

UNIX = {"unix": 10**9, "unix_ms": 10**6, "unix_us": 10**3, "unix_ns": 1}  # formats of our own: UTC, by nanoseconds
ORDERS = {"day_first": ("a", "b"), "month_first": ("b", "a")}  # formats of our own: which number is the day
FIRST, LAST = pd.Timestamp("1700-01-01"), pd.Timestamp("2200-12-31T23:59:59")  # what a nanosecond clock can count
CALENDAR = "is no moment of the calendar from 1700 to 2200"


def in_calendar(moment: pd.Timestamp) -> bool:
    """Say whether a moment lies in the years that are read, whatever its zone."""
    return FIRST.year <= moment.year <= LAST.year


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What a request says of how times are written.

    Attributes:
        zone: of times that name none; None where it is not said.
        form: of strptime, or one of UNIX or ORDERS; None lets the cells tell.
        clock_change: `real`, or `ignored` where every day has 24 hours.
        group: of the request, `series` or `weather`, for messages.
        repair: with `dst`, an hour that a clock change repeats is told apart by its place in the file.
    """

    zone: str | None = None
    form: str | None = None
    clock_change: str = "real"
    group: str = "series"
    repair: Collection[str] = ()


@dataclass(frozen=True, eq=False)
class Times:
    """A column of times, read.

    Attributes:
        index: (N,) UTC, in the file's order.
        zone: they were written in; UTC where they name their own.
        zone_source: who says so.
        words: how they are written.
        notes: what a person should know.
    """

    index: pd.DatetimeIndex
    zone: str
    zone_source: str
    words: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Moments:
    """(N,) nanoseconds since 1970, whether they are of UTC already, how they are written, and what was noticed."""

    stamps: Ints
    aware: bool
    words: str
    notes: tuple[str, ...] = ()


def read_times(
    cells: Any, origin: Origin, *, column: str, writing: Writing, hours: tuple[str, Any] | None = None
) -> Times:
    """Read (N,) cells as times.

    Args:
        cells: as they stand.
        origin: where they stand.
        column: their column's name.
        writing: what is said of them.
        hours: name and cells of another column that holds the time of day, or None.

    Raises:
        RequestError: a time that cannot be read with certainty.
    """
    trimmed = pc.utf8_trim_whitespace(cells)
    empty = np.asarray(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(ABSENT))))
    origin.refuse_first(
        empty, lambda row: f"column {column}", "is empty; remove the row if it is a separator or a total"
    )
    trimmed, in_cells = unzoned(trimmed)
    moments = _moments(trimmed, origin, f"column {column}", writing)
    turns = None if hours is None else turns_of(hours[1])
    if hours is not None:
        stamps, words, notes = time_of_day(moments.stamps, origin, *hours)
        moments = _Moments(stamps, moments.aware, f"{moments.words} and {words}", (*moments.notes, *notes))
    index = pd.DatetimeIndex(moments.stamps.view("datetime64[ns]"))
    if moments.aware:
        return Times(index.tz_localize("UTC"), "UTC", "the stamps", moments.words, moments.notes)
    named = zone_in(column) or (zone_in(hours[0]) if hours else None)
    zone = in_cells or writing.zone or named
    source = f"{writing.group}.time_zone" if writing.zone else "the column's name" if named else "dates need none"
    source = "the cells" if in_cells else source
    local, written = localised(index, origin, column=column, zone=zone, writing=writing, turns=turns)
    return Times(local, written, source, moments.words, moments.notes)


def localised(
    index: pd.DatetimeIndex,
    origin: Origin,
    *,
    column: str,
    zone: str | None,
    writing: Writing,
    turns: NDArray[np.int8] | None = None,
) -> tuple[pd.DatetimeIndex, str]:
    """Turn (N,) times without a zone into UTC; `turns` tells which of two an hour is that the clocks repeat, 1 or 2.

    Raises:
        RequestError: times of day without a zone, an unknown zone, or an hour that a clock change skips or repeats.
    """
    if zone is None:
        if (index != index.normalize()).any():
            if 0 < index.duplicated().sum() <= 0.02 * len(index) + 4:  # as one hour, or its quarters, once a year
                raise RequestError(
                    f"{origin.name}, column {column}: the times name no zone and some stand twice, as when clocks are "
                    f"put back; give the zone they were written in, such as {writing.group}.time_zone=Europe/Berlin"
                )
            raise RequestError(
                f"{origin.name}, column {column}: the times name no zone; give {writing.group}.time_zone=UTC, or the "
                f"zone they were written in, such as {writing.group}.time_zone=America/Chicago"
            )
        return index.tz_localize("UTC").as_unit("ns"), "UTC"
    return in_utc(
        index,
        origin,
        zone=zone,
        repair=writing.repair,
        clock_change=writing.clock_change,
        group=writing.group,
        turns=turns,
    )


def looks_like_times(cells: Any) -> bool:
    """Say whether most of some cells are times of any writing, or counts since 1970."""
    trimmed = pc.utf8_trim_whitespace(cells)
    filled = trimmed.filter(pc.invert(pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(ABSENT)))))
    if len(filled) == 0:
        return False
    filled, _ = unzoned(filled)
    if not any(map(_may_be_a_time, filled.slice(0, 5).to_pylist())):
        return False
    starts = starts_of(filled)
    parts = taken_apart(filled if starts is None else starts[0])
    good = parts.fits & ("a" in parts.parts or nanoseconds(parts.parts)[1])
    return 2 * int(good.sum()) > len(filled) or 2 * int(counts(filled)[1].sum()) > len(filled)


def _may_be_a_time(text: str) -> bool:
    start = re.split(r" +[-\u2013\u2014] +|/(?=\d{4}-)|(?<=:\d\d)[-\u2013\u2014]", text)[0]
    return re.fullmatch(r"\d{9,19}(\.\d*)?", text) is not None or bool(shape_of(text) or shape_of(start))


def tells_the_day_only(cells: Any) -> bool:
    """Say whether cells are dates without a time of day."""
    parts = taken_apart(pc.utf8_trim_whitespace(cells))
    return bool(parts.fits.any()) and not bool((parts.clocked & parts.fits).any())


def _moments(cells: Any, origin: Origin, where: str, writing: Writing) -> _Moments:
    starts = starts_of(cells)
    if starts is not None:
        cells, ends = starts
        good = np.asarray(pc.match_substring_regex(ends, r"^\d.*\d( *[AaPp][Mm])?( *Z)?$"))
        origin.refuse_first(~good, lambda row: f"{where}: {shown(ends[row].as_py())}", "is no end of an interval")
    if writing.form is not None and writing.form not in ORDERS:
        return _by_form(cells, origin, where, writing)
    parts = taken_apart(cells)
    count, counted, units = counts(cells)
    stamps, good = (count, counted) if "a" in parts.parts else nanoseconds(parts.parts)
    if counted.sum() > (parts.fits & good).sum():
        _refuse_unlike(~counted, cells, origin, where, writing)
        index = pd.DatetimeIndex(count.view("datetime64[ns]"))
        origin.refuse_first(np.asarray(index > LAST), lambda row: f"{where}: {shown(cells[row].as_py())}", CALENDAR)
        return _Moments(count, True, " and ".join(sorted(units)) + " since 1970")
    _refuse_unlike(~parts.fits, cells, origin, where, writing)
    words = WORDS[parts.shape]
    if "a" in parts.parts:
        order = writing.form or _order(parts, cells, origin, where, writing)
        day, month = ORDERS[order]
        stamps, good = nanoseconds({**parts.parts, "d": parts.parts[day], "m": parts.parts[month]})
        words = {"day_first": "dd/mm/yyyy", "month_first": "mm/dd/yyyy"}[order]
    origin.refuse_first(~good, lambda row: f"{where}: {shown(cells[row].as_py())}", CALENDAR)
    if parts.zoned.any() and not parts.zoned.all():
        origin.refuse_first(
            parts.zoned != parts.zoned[0],
            lambda row: f"{where}: {shown(cells[row].as_py())}",
            "names a zone or not, unlike the rows before; use one",
        )
    words += " hh:mm" if parts.clocked.any() else ""
    stamps, notes = _from_ends(stamps, parts)
    words = f"start - end, {words}" if starts is not None else words
    return _Moments(stamps - parts.offset * 60 * 10**9, bool(parts.zoned.any()), words, notes)


def _from_ends(stamps: Ints, parts: TimeParts) -> tuple[Ints, tuple[str, ...]]:
    """Put times that end their intervals, as 01:00 to 24:00 do, at their start."""
    hours = parts.parts.get("H")
    if hours is None or not (hours == 24).any() or len(stamps) < 3:
        return stamps, ()
    if (parts.clocked & (hours == 0) & (parts.parts["M"] == 0)).any():
        return stamps, ()
    steps, numbers = np.unique(np.abs(np.diff(stamps)), return_counts=True)
    return stamps - int(steps[numbers.argmax()]), (
        "a day ends at 24:00: the times are read as ends of their intervals",
    )


def sure_order(cells: Any) -> str | None:
    """Return which number of a column's dates is the day, where the column leaves one order; None elsewhere."""
    trimmed, _ = unzoned(pc.utf8_trim_whitespace(cells))
    starts = starts_of(trimmed)
    parts = taken_apart(trimmed if starts is None else starts[0])
    if "a" not in parts.parts:
        return None
    a, b = parts.parts["a"], parts.parts["b"]
    day_first, month_first = bool((b[parts.fits] <= 12).all()), bool((a[parts.fits] <= 12).all())
    return None if day_first == month_first else "day_first" if day_first else "month_first"


def _order(parts: TimeParts, cells: Any, origin: Origin, where: str, writing: Writing) -> str:
    """Return which number is the day; refuse where the whole column leaves both possible."""
    a, b = parts.parts["a"], parts.parts["b"]
    day_first, month_first = (a <= 31) & (b <= 12), (a <= 12) & (b <= 31)
    if day_first.all() and month_first.all() and (a != b).any():
        row = int(np.flatnonzero(a != b)[0])
        forms = forms_of(cells, row)
        raise RequestError(
            f"{origin.row(row)}, {where}: {shown(cells[row].as_py())} does not say which number is the day; type "
            f"{typed(f'{writing.group}.time_format', forms[0])} if the day comes first, or "
            f"{typed(f'{writing.group}.time_format', forms[1])} if the month does"
        )
    return "day_first" if day_first.sum() >= month_first.sum() else "month_first"


def _refuse_unlike(odd: NDArray[np.bool_], cells: Any, origin: Origin, where: str, writing: Writing) -> None:
    """Refuse the first cell that is written unlike the others."""
    if not odd.any():
        return
    row, like = int(np.argmax(odd)), np.flatnonzero(~odd)
    text = shown(cells[row].as_py())
    if len(like) == 0:
        form, key = form_of(cells), f"{writing.group}.time_format"
        elsewhere = f"give {key} in the signs of strptime if it is one, or {writing.group}.time_column if it is another"
        cure = elsewhere if form is None else f"type {typed(key, form)}"
        law = f"is not a time such as 2024-01-31 or 2024-01-31T13:00:00Z; {cure}"
    else:
        before = like[like < row]
        side, other = ("before", before[-1]) if len(before) else ("after", like[0])
        law = f"is written unlike the rows {side} ({shown(cells[int(other)].as_py())}); write all of them alike"
        law += "" if re.search(r"\d", text) else ", and remove the row if it is a separator or a total"
    more = f" (and {int(odd.sum()) - 1} more rows)" if odd.sum() > 1 else ""
    raise RequestError(f"{origin.row(row)}, {where}: {text} {law}{more}")


def _by_form(cells: Any, origin: Origin, where: str, writing: Writing) -> _Moments:
    form = str(writing.form)
    aware = form in UNIX or "%z" in form
    try:
        if form in UNIX:
            stamps, good = counted_in(cells, UNIX[form])
            index = pd.DatetimeIndex(stamps.view("datetime64[ns]")).where(good)
        else:
            index = pd.DatetimeIndex(pd.to_datetime(cells.to_pylist(), format=form, errors="coerce", utc=aware))
    except (ValueError, TypeError, OverflowError, re.error) as error:
        words = " ".join(str(error).split())[:120]
        raise RequestError(
            f"{writing.group}.time_format must be a format such as %d/%m/%Y, was '{form}' ({words})"
        ) from None
    bare = pd.DatetimeIndex(index).tz_localize(None)
    origin.refuse_first(
        np.asarray(index.isna() | (bare < FIRST) | (bare > LAST)),
        lambda row: f"{where}: {shown(cells[row].as_py())}",
        f"is not written as {writing.group}.time_format={form} says",
    )
    return _Moments(bare.as_unit("ns").asi8.copy(), aware, form)
