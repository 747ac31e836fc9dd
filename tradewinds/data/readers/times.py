"""Texts into moments: read with certainty or refused. Neither format nor zone nor hour is guessed."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import moment, number, shown

ZONE = re.compile(r"[T ]\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$", re.ASCII)
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
EITHER_WAY = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*", re.ASCII)
UNIX: Mapping[str, Literal["s", "ms"]] = {
    "unix": "s",
    "unix_ms": "ms",
}  # formats of our own: seconds or milliseconds since 1970, UTC
UNIX_DIGITS = {10: "unix", 13: "unix_ms"}
FIRST, LAST = pd.Timestamp("1700-01-01"), pd.Timestamp("2200-12-31T23:59:59")  # what a nanosecond clock can count


def read_times(
    texts: list[str], origin: Origin, *, column: str, zone: str | None, form: str | None, repair: Collection[str]
) -> tuple[pd.DatetimeIndex, str]:
    """Read (N,) times into UTC.

    Args:
        texts: the cells.
        origin: where they stand.
        column: their column's name.
        zone: zone of times that name none; None is enough for dates without a time of day, which count as days of UTC.
        form: strptime format, such as %d/%m/%Y, or `unix` or `unix_ms`; None reads ISO 8601 only.
        repair: with `dst`, an hour that a clock change repeats is told apart by its place in the file.

    Returns:
        (N,) times in the file's order, and the zone they were written in.

    Raises:
        RequestError: a time that cannot be read with certainty.
    """
    stripped = [text.strip() for text in texts]
    where = f"column {column}"
    empty = np.array([text == "" for text in stripped])
    origin.refuse_first(empty, lambda row: f"{where}", "is empty; remove the row if it is a separator or a total")
    if form is not None:
        return _read_as(stripped, origin, where, form, zone, repair)
    for row, text in enumerate(stripped):
        if not ISO.fullmatch(text):
            raise RequestError(f"{origin.row(row)}, {_unread(where, text, stripped[:row])}")
        if not _is_moment(text):
            raise RequestError(f"{origin.row(row)}, {where}: '{text}' is no moment of the calendar from 1700 to 2200")
    zoned = [ZONE.search(text) is not None for text in stripped]
    if any(zoned) and not all(zoned):
        row = zoned.index(not zoned[0])
        raise RequestError(
            f"{origin.row(row)}, {where}: '{stripped[row]}' names a zone or not, unlike the rows before; use one"
        )
    index = pd.DatetimeIndex(pd.to_datetime(stripped, format="ISO8601", utc=all(zoned)))
    if all(zoned):
        return index.as_unit("ns"), "UTC"
    return localised(index, origin, column=column, zone=zone, repair=repair)


def localised(
    index: pd.DatetimeIndex, origin: Origin, *, column: str, zone: str | None, repair: Collection[str]
) -> tuple[pd.DatetimeIndex, str]:
    """Turn (N,) times without a zone into UTC.

    Raises:
        RequestError: times of day without a zone, an unknown zone, or an hour that a clock change skips or repeats.
    """
    if zone is None:
        if (index != index.normalize()).any():
            raise RequestError(
                f"{origin.name}, column {column}: the times name no zone; give time_zone=UTC, or the zone they were "
                "written in, such as time_zone=America/Chicago"
            )
        return index.tz_localize("UTC").as_unit("ns"), "UTC"
    try:
        zone_info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError(f"time_zone must be a zone such as UTC or America/Chicago, was '{zone}'") from None
    skipped = index.tz_localize(zone_info, ambiguous=np.ones(len(index), dtype=bool), nonexistent="NaT").isna()
    origin.refuse_first(
        np.asarray(skipped),
        lambda row: f"{moment(index[row])} does not exist in {zone},",
        "where a clock change skips it; these times are of another zone: give time_zone",
    )
    if "dst" in repair:
        try:
            return index.tz_localize(zone_info, ambiguous="infer").tz_convert("UTC").as_unit("ns"), zone
        except ValueError as error:
            reason = str(error).split(",")[0]
            raise RequestError(
                f"{origin.name}: the order of the rows does not tell the hours of a clock change in {zone} apart "
                f"({reason}); use UTC"
            ) from None
    local = index.tz_localize(zone_info, ambiguous="NaT")
    origin.refuse_first(
        np.asarray(local.isna()),
        lambda row: f"{moment(index[row])} comes twice in {zone},",
        "in a clock change; write UTC, or let the order of the rows decide with data.repair=[dst]",
    )
    return local.tz_convert("UTC").as_unit("ns"), zone


def _read_as(
    texts: list[str], origin: Origin, where: str, form: str, zone: str | None, repair: Collection[str]
) -> tuple[pd.DatetimeIndex, str]:
    aware = form in UNIX or "%z" in form
    try:
        if form in UNIX:
            counts = np.array([number(text) for text in texts])
            index = pd.DatetimeIndex(pd.to_datetime(pd.Series(counts), unit=UNIX[form], utc=True, errors="coerce"))
        else:
            index = pd.DatetimeIndex(pd.to_datetime(texts, format=form, errors="coerce", utc=aware))
    except (ValueError, TypeError) as error:
        raise RequestError(f"time_format must be a format such as %d/%m/%Y, was '{form}' ({error})") from None
    bare = index.tz_localize(None)
    origin.refuse_first(
        np.asarray(index.isna() | (bare < FIRST) | (bare > LAST)),
        lambda row: f"{where}: {shown(texts[row])}",
        f"is not written as time_format={form} says",
    )
    if aware:
        return index.as_unit("ns"), "UTC"
    return localised(index, origin, column=where.removeprefix("column "), zone=zone, repair=repair)


def _unread(where: str, text: str, before: list[str]) -> str:
    if text.isdecimal() and len(text) in UNIX_DIGITS:
        return (
            f"{where}: {shown(text)} looks like a count since 1970; give time_format={UNIX_DIGITS[len(text)]} if it is"
        )
    if before:
        return f"{where}: {shown(text)} is written unlike the rows before ('{before[-1]}'); write all of them alike"
    if EITHER_WAY.fullmatch(text):
        return (
            f"{where}: {shown(text)} does not say which number is the day; give time_format='%d/%m/%Y' or "
            "time_format='%m/%d/%Y', as it was meant"
        )
    cure = "give time_format if it is one"
    return f"{where}: {shown(text)} is not a time such as 2024-01-31 or 2024-01-31T13:00:00Z; {cure}"


def _is_moment(text: str) -> bool:
    try:
        return 1700 <= datetime.fromisoformat(text).year <= 2200
    except ValueError:
        return False
