"""Times of day that stand in a column of their own, beside one of dates."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.data.readers.grammar import Ints, nanoseconds, taken_apart
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import shown

OF_DAY = r"^\d{1,2}([:.]\d{2}){1,2}([.,]\d+)?( *[AaPp]\.?[Mm]\.?)?$"
NUMBERED = r"^\d{1,2}[ABab]?$"  # hours by their number; in autumn 3A and 3B, or the like
HOUR = 3_600 * 10**9  # nanoseconds
EPOCH = np.int64(np.datetime64("2000-01-01", "ns").astype(np.int64))


def tells_the_hour(cells: Any) -> bool:
    """Say whether most cells are times of day, or hours by their number."""
    starts = pc.replace_substring_regex(pc.utf8_trim_whitespace(cells), r" *[-\x{2013}] *\d.*$", "")
    told = pc.match_substring_regex(starts, rf"{OF_DAY}|{NUMBERED}|^\d{{4}}$|^\d{{5,6}}$")
    return 2 * int(pc.sum(told).as_py() or 0) > len(told)


def turns_of(cells: Any) -> NDArray[np.int8] | None:
    """Return which of two of one number each of (N,) hours is: 1 for 3A, 2 for 3B, 0 for 3; None if none is marked."""
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
    marked = pc.match_substring_regex(trimmed, r"^\d{1,2}[ab]$")
    if not bool(pc.any(marked).as_py()):
        return None
    second = np.asarray(pc.ends_with(trimmed, pattern="b"))
    turns: NDArray[np.int8] = (np.asarray(marked) * (1 + second)).astype(np.int8)
    return turns


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
    numbered = np.asarray(pc.match_substring_regex(starts, NUMBERED))
    if 2 * int(numbered.sum()) > len(numbered):
        law = f"is no hour such as {shown(starts[int(np.argmax(numbered))].as_py())}, unlike the others"
        origin.refuse_first(~numbered, lambda row: f"{where}: {shown(cells[row].as_py())}", law)
        return _by_number(dates, origin, name, pc.replace_substring_regex(starts, r"[ABab]$", ""))
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
