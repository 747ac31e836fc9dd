"""Times of day that stand in a column of their own, beside one of dates."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradewinds.data.readers.grammar import Ints, nanoseconds, taken_apart
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import shown

OF_DAY = r"^\d{1,2}([:.]\d{2}){1,2}([.,]\d+)?( *[AaPp]\.?[Mm]\.?)?$"
HOUR = 3_600 * 10**9  # nanoseconds
EPOCH = np.int64(np.datetime64("2000-01-01", "ns").astype(np.int64))


def tells_the_hour(cells: Any) -> bool:
    """Say whether cells are times of day, or hours by their number."""
    starts = pc.replace_substring_regex(pc.utf8_trim_whitespace(cells), r" *[-\x{2013}] *\d.*$", "")
    return bool(pc.all(pc.match_substring_regex(starts, rf"{OF_DAY}|^\d{{1,2}}$|^\d{{4}}$|^\d{{5,6}}$")).as_py())


def time_of_day(dates: Ints, origin: Origin, name: str, cells: Any) -> tuple[Ints, str, tuple[str, ...]]:
    """Add the time of day to dates.

    Args:
        dates: (N,) nanoseconds since 1970.
        origin: where they stand.
        name: of the column of the times of day.
        cells: (N,) clock times, hours by their number, or intervals of either.

    Returns:
        (N,) nanoseconds since 1970, how the times of day are written, and what was noticed.

    Raises:
        RequestError: a cell is no time of day.
    """
    where = f"column {name}"
    starts = pc.replace_substring_regex(pc.utf8_trim_whitespace(cells), r" *[-\x{2013}] *\d.*$", "")
    if bool(pc.all(pc.match_substring_regex(starts, r"^\d{1,2}$")).as_py()):
        return _by_number(dates, origin, name, starts)
    if bool(pc.all(pc.match_substring_regex(starts, r"^\d{3,6}$")).as_py()):
        digits = np.asarray(pc.utf8_length(starts))
        starts = pc.utf8_lpad(starts, 6 if digits.max() > 4 else 4, "0")
        starts = pc.replace_substring_regex(starts, r"^(\d\d)(\d\d)(\d\d)?$", r"\1:\2:\3")
        starts = pc.replace_substring_regex(starts, r":$", "")
    parts = taken_apart(pc.binary_join_element_wise("2000-01-01", starts, " "))
    stamps, good = nanoseconds(parts.parts)
    good &= parts.fits & parts.clocked
    origin.refuse_first(~good, lambda row: f"{where}: {shown(cells[row].as_py())}", "is no time of day such as 13:00")
    moments, hours = dates + stamps - EPOCH, parts.parts["H"]
    if (hours == 24).any() and not ((hours == 0) & (parts.parts["M"] == 0)).any() and len(moments) > 1:
        steps, numbers = np.unique(np.abs(np.diff(moments)), return_counts=True)
        note = f"column {name} ends a day at 24:00: its times are read as ends of their intervals"
        return moments - int(steps[numbers.argmax()]), "hh:mm", (note,)
    return moments, "hh:mm", ()


def _by_number(dates: Ints, origin: Origin, name: str, cells: Any) -> tuple[Ints, str, tuple[str, ...]]:
    numbers: Ints = np.asarray(pc.cast(cells, pa.int64()), dtype=np.int64)
    notes: tuple[str, ...] = ()
    if re.search(r"(?i)end|\bhe\b", name) or ((numbers == 24).any() and not (numbers == 0).any()):
        numbers = numbers - 1
        notes = (f"column {name} counts the hours from 1: each is read as the start of its hour",)
    origin.refuse_first(
        (numbers < 0) | (numbers > 23),
        lambda row: f"column {name}: {shown(cells[row].as_py())}",
        "is no hour of a day",
    )
    return dates + numbers * HOUR, "an hour", notes
