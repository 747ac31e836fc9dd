"""Local times into UTC: a zone that is declared, its clock changes, and files that ignore them."""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import moment

IN_NAME = re.compile(
    r"(?i)(?:^|[^a-z])(utc|gmt)(?:$|[^a-z+-])|\b(cet/cest|mez/mesz)\b|([A-Z][A-Za-z]+/[A-Z][A-Za-z_]+)"
)

IN_CELL = r"(?<=\d) +\[?([A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_-]+)+)\]?$"


def zone_in(name: str) -> str | None:
    """Return the zone that a column's name says its times are of, such as `Time (UTC)` or `MTU (CET/CEST)`."""
    match = IN_NAME.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name))
    if match is None:
        return None
    if match[1]:
        return "UTC"
    if match[2]:
        return "Europe/Brussels"
    try:
        return str(ZoneInfo(match[3]).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def unzoned(cells: Any) -> tuple[Any, str | None]:
    """Take a zone's name off (N,) trimmed cells that all end with the same one, as `20240101 00:00 US/Eastern` does.

    Returns:
        The cells without it, and the zone; as they are, and None, where there is none.
    """
    match = re.search(IN_CELL, str(cells[0].as_py())) if len(cells) else None
    if match is None or not bool(pc.all(pc.ends_with(cells, pattern=match[0])).as_py()):
        return cells, None
    try:
        zone = str(ZoneInfo(match[1]).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return cells, None
    return pc.utf8_slice_codeunits(cells, 0, -len(match[0])), zone


def zone_of(text: str, group: str) -> ZoneInfo:
    """Return a zone by its name.

    Raises:
        RequestError: there is none of that name.
    """
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError(f"{group}.time_zone must be a zone such as UTC or America/Chicago, was '{text}'") from None


def fixed_zone(zone: ZoneInfo, year: int, group: str) -> str:
    """Return the zone that has a zone's summer time all the year.

    A file of 24 hours a day has no real clock. Its hours are read by the earlier of the two that they may be by, so
    that in winter a bar counts as an hour older than it was, and nothing beside it is known before its time.

    Raises:
        RequestError: its offset is no whole number of hours.
    """
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() for month in range(1, 13)]
    minutes = max(int(offset.total_seconds()) // 60 for offset in offsets if offset is not None)
    if minutes % 60:
        raise RequestError(
            f"{group}.clock_change=ignored needs a zone of whole hours, {zone.key} is {minutes} minutes from UTC"
        )
    return f"Etc/GMT{-minutes // 60:+d}" if minutes else "UTC"


def in_utc(
    index: pd.DatetimeIndex,
    origin: Origin,
    *,
    zone: str,
    repair: Collection[str],
    clock_change: str,
    group: str,
    turns: NDArray[np.int8] | None = None,
) -> tuple[pd.DatetimeIndex, str]:
    """Turn (N,) local times into UTC; see `times.localised`.

    Raises:
        RequestError: an unknown zone, or an hour that a clock change skips or repeats.
    """
    zone_info = zone_of(zone, group)
    if clock_change == "ignored":
        fixed = fixed_zone(zone_info, int(index[0].year), group)
        return index.tz_localize(fixed).tz_convert("UTC").as_unit("ns"), fixed
    ignored = f"{group}.clock_change=ignored if each day of the file has 24 hours whatever the clocks do"
    skipped = index.tz_localize(zone_info, ambiguous=np.ones(len(index), dtype=bool), nonexistent="NaT").isna()
    origin.refuse_first(
        np.asarray(skipped),
        lambda row: f"{moment(index[row])} does not exist in {zone},",
        f"where a clock change skips it; type {ignored}, or the zone that these times are of, such as "
        f"{group}.time_zone=UTC",
    )
    if turns is not None:
        twice = np.asarray(index.tz_localize(zone_info, ambiguous="NaT").isna())
        origin.refuse_first(
            (turns > 0) & ~twice,
            lambda row: f"{moment(index[row])} is marked {' AB'[turns[row]]}, as if it came twice, and in {zone} it",
            f"comes once; give the zone whose clock changes the file follows, such as {group}.time_zone=Europe/Berlin",
        )
        if not (twice & (turns == 0)).any():
            local = index.tz_localize(zone_info, ambiguous=turns < 2)
            return local.tz_convert("UTC").as_unit("ns"), zone
    if "dst" in repair:
        try:
            return index.tz_localize(zone_info, ambiguous="infer").tz_convert("UTC").as_unit("ns"), zone
        except ValueError as error:
            reason = str(error).split(",")[0]
            raise RequestError(
                f"{origin.name}: the order of the rows does not tell the hours of a clock change in {zone} apart "
                f"({reason}); type {ignored}, or {group}.time_zone=UTC if they are in UTC"
            ) from None
    local = index.tz_localize(zone_info, ambiguous="NaT")
    origin.refuse_first(
        np.asarray(local.isna()),
        lambda row: f"{moment(index[row])} comes twice in {zone},",
        f"in a clock change; type data.repair=[dst] to let the order of the rows tell which is which, or {ignored}",
    )
    return local.tz_convert("UTC").as_unit("ns"), zone
