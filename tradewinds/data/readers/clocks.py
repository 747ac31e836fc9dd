"""Which columns hold the times: named by the request, or known by their names and by what stands in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tradewinds.data.readers.grammar import counts, taken_apart
from tradewinds.data.readers.hours import tells_the_hour
from tradewinds.data.readers.names import TIME_NAMES, letters, meaning
from tradewinds.data.readers.raw import Raw, take_cells
from tradewinds.data.readers.times import looks_like_times, tells_the_day_only
from tradewinds.data.readers.zones import zone_in

HEAD = 200  # cells by which a column of times is known
HOURS = {
    "time", "hour", "hours", "uhrzeit", "zeit", "hora", "heure", "stunde", "hourending", "he", "hr", "start",
    "hourbeginning", "starttime", "timeutc", "utctime", "gmttime", "timegmt", "von", "anfang", "begin", "timeofday",
    "hourutc", "deliveryhour", "ora", "godzina", "czas", "tijd", "uur",
}  # fmt: skip
ENDS = {"closetime", "endtime", "enddate", "datumbis", "end", "bis", "closedate", "to"}
DATE_PARTS = (  # columns that make up a date, and what each is
    ("year yr yyyy jahr ano annee".split()),
    ("month mo mon monat mes mois mm".split()),
    ("day dy dd tag dia jour".split()),
    ("hour hr hh stunde hora heure".split()),
    ("minute minutes min mn".split()),
)


@dataclass(frozen=True)
class TimeColumns:
    """The column of the times, and beside it one of the times of day where the other holds dates only."""

    column: str
    hours: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Both."""
        return (self.column,) if self.hours is None else (self.column, self.hours)


def clock_of(raw: Raw, column: str | None, *, zoned: bool) -> TimeColumns:
    """Find the columns that hold the times.

    Args:
        raw: the file.
        column: the one that the request names, or None.
        zoned: whether the request names a zone; without it a column that names its own is preferred.

    Returns:
        The columns; where none holds times the first, of which `times` says why it does not.
    """
    heads = {name: _head(cells) for name, cells in raw.cells.items()}
    name = column or raw.index or _first(heads)
    if column is None and not zoned and raw.index is None and _is_bare(name, heads[name]):
        aware = [other for other, cells in heads.items() if other != name and _is_aware(other, cells)]
        name = aware[0] if aware else name
    return TimeColumns(name, _hours(name, heads))


def with_date(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns, those of year, month, day, hour and minute put together into one where they stand apart."""
    meant = {letters(name): name for name in cells}
    parts = [next((meant[word] for word in words if word in meant), None) for words in DATE_PARTS]
    chosen = [part for part in parts if part is not None]
    if len(chosen) < 3 or None in parts[:3]:  # years and months alone make dates only where they stand first
        chosen = [part for part in (parts[:2] if parts[1] else parts[:1]) if part is not None]
        if any(parts[2:]) or parts[0] is None or list(cells)[: len(chosen)] != chosen:
            return dict(cells)
    told = any(meaning(name) in TIME_NAMES for name in cells if name not in chosen)
    if told or any(_is_text_date(cells[part]) for part in chosen):
        return dict(cells)
    texts = [_as_texts(cells[part]) for part in chosen]
    padded = [
        pc.utf8_lpad(pc.utf8_trim_whitespace(text), 4 if place == 0 else 2, "0") for place, text in enumerate(texts)
    ]
    first = pa.array(["01"] * len(padded[0]))
    joined = pc.binary_join_element_wise(*(padded + [first] * (3 - len(padded)))[:3], "-")
    if len(padded) > 3:
        minutes = padded[4] if len(padded) > 4 else pa.scalar("00")
        joined = pc.binary_join_element_wise(joined, pc.binary_join_element_wise(padded[3], minutes, ":"), " ")
    rest = {name: column for name, column in cells.items() if name not in chosen}
    return {"date" if "date" not in rest else "year-month-day": joined, **rest}


def _is_text_date(cells: Any) -> bool:
    head = _head(cells)
    return head is None or not bool(
        pc.all(pc.match_substring_regex(pc.utf8_trim_whitespace(head), r"^\d{1,4}$")).as_py()
    )


def _as_texts(cells: Any) -> Any:
    return pa.array([f"{value:.0f}" for value in cells]) if isinstance(cells, np.ndarray) else cells


def as_times(cells: Any) -> Any:
    """Return numbers that may count from 1970 as texts; other cells as they are."""
    if not isinstance(cells, np.ndarray):
        return cells
    whole = np.isfinite(cells) & (cells == np.floor(cells)) & (np.abs(cells) < 2**63)
    return pa.array(np.where(whole, np.where(whole, cells, 0.0).astype(np.int64).astype(str), "nan"))


def _head(cells: Any) -> Any:
    """Return the first cells as texts; None for times."""
    if isinstance(cells, pd.DatetimeIndex):
        return None
    return as_times(take_cells(cells, np.arange(min(len(cells), HEAD))))


def _first(heads: Mapping[str, Any]) -> str:
    """Return the first column if it holds times, else the first called so that does, else the first that does."""
    names = list(heads)
    named = [name for name in names if meaning(name) in TIME_NAMES and letters(name) not in ENDS]
    for name in (names[0], *named, *names):
        if heads[name] is None or (letters(name) not in ENDS and looks_like_times(heads[name])):
            return name
    return names[0] if meaning(names[0]) in TIME_NAMES else named[0] if named else names[0]


def _is_bare(name: str, cells: Any) -> bool:
    """Say whether times of day stand in a column that names no zone."""
    if cells is None or zone_in(name) is not None:
        return False
    parts = taken_apart(pc.utf8_trim_whitespace(cells))
    return bool((parts.fits & parts.clocked & ~parts.zoned).any()) and not bool(counts(cells)[1].all())


def _is_aware(name: str, cells: Any) -> bool:
    """Say whether a column beside the first tells the same times with their zone."""
    if cells is None or letters(name) in ENDS or meaning(name) not in TIME_NAMES | {"timestamp"}:
        return False
    trimmed = pc.utf8_trim_whitespace(cells)
    parts = taken_apart(trimmed)
    zoned = parts.zoned.all() or (zone_in(name) is not None and bool(parts.clocked.any()))
    return bool(counts(trimmed)[1].all()) or bool(parts.fits.all() and zoned)


def _hours(name: str, heads: Mapping[str, Any]) -> str | None:
    """Return the column of the times of day beside a column of dates."""
    cells = heads[name]
    if cells is None or not tells_the_day_only(cells):
        return None
    beside = [other for other in heads if other != name and meaning(other) in HOURS and heads[other] is not None]
    return next((other for other in beside if tells_the_hour(heads[other])), None)
