"""The order of rows: turned round where the newest stands first, sorted or rid of copies where that is asked for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.notes import Note
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import moment, number, shown


@dataclass(frozen=True, eq=False)
class FileRows:
    """N rows: their times in nanoseconds of UTC, where they stand, and what stands in them."""

    stamps: NDArray[np.int64]
    origin: Origin
    cells: Mapping[str, Any]


def in_order(rows: FileRows, repair: Collection[str], *, whole: bool) -> tuple[NDArray[np.int64], list[str], bool]:
    """Return the numbers of the rows that stay, in the order of time.

    Args:
        rows: as they stand.
        repair: `sort` sorts rows that are out of order, `duplicates` drops copies.
        whole: whether they are of several files, each in order already.

    Returns:
        The rows, what was done, and whether they were turned round.

    Raises:
        RequestError: rows out of order, or a moment that stands twice.
    """
    stamps, name = rows.stamps, rows.origin.name
    notes: list[str] = []
    steps = np.diff(stamps)
    turned = len(steps) > 0 and bool((steps <= 0).all()) and bool((steps < 0).any())
    if turned and not whole:
        notes.append(Note(f"{name}: its newest row stands first; the rows are turned round", "layout"))
        order = np.arange(len(stamps))[::-1]
    else:
        back = np.diff(stamps, prepend=stamps[:1]) < 0
        if back.any() and not whole:
            if "sort" not in repair:
                _refuse_disorder(rows, back)
            notes.append(Note(f"{name}: {int(back.sum())} rows were out of order and have been sorted", "repair"))
        order = np.argsort(stamps, kind="stable")
    sorted_stamps = stamps[order]
    twice = np.diff(sorted_stamps, prepend=sorted_stamps[:1] - 1) == 0
    if not twice.any():
        return order, notes, turned
    refuse_copies(rows, order, np.flatnonzero(twice), repair)
    words = f"{name}: {int(twice.sum())} rows that stood twice with the same values were dropped"
    notes.append(Note(words, "repair"))
    return order[~twice], notes, turned


def refuse_copies(rows: FileRows, order: NDArray[np.int64], twice: NDArray[np.int64], repair: Collection[str]) -> None:
    """Refuse a moment that stands twice, unless its rows are the same and copies are to be dropped.

    Args:
        rows: as they stand.
        order: their numbers in the order of time.
        twice: places in it of rows whose moment the row before has.
        repair: `duplicates` drops copies.

    Raises:
        RequestError: there is one.
    """
    for place in twice.tolist():
        _refuse_difference(rows, int(order[place - 1]), int(order[place]))
    if "duplicates" not in repair:
        before, row = int(order[twice[0] - 1]), int(order[twice[0]])
        more = f" (and {len(twice) - 1} more rows)" if len(twice) > 1 else ""
        raise RequestError(
            f"{rows.origin.row(row)}, {_when(rows, row)} stands already in {rows.origin.row(before)}, with the same "
            f"values; keep each row once, or have copies dropped with data.repair=[duplicates]{more}"
        )


def _refuse_disorder(rows: FileRows, back: NDArray[np.bool_]) -> None:
    rows.origin.refuse_first(
        back,
        lambda row: f"{_when(rows, row)} is earlier than the row before, {_when(rows, row - 1)};",
        "sort the rows by time, or have them sorted with data.repair=[sort]",
    )


def _refuse_difference(rows: FileRows, before: int, row: int) -> None:
    differing = [name for name, cells in rows.cells.items() if not _same(_cell(cells, before), _cell(cells, row))]
    if not differing:
        return
    origin, name = rows.origin, differing[0]
    apart = origin.files[origin.file[row]] != origin.files[origin.file[before]]
    cure = (
        "keep one; files of an instrument each are a universe with series.symbols=all, or are named one by one, such "
        "as 'series.path={A: a.csv, B: b.csv}'"
        if apart
        else "keep one"
    )
    raise RequestError(
        f"{origin.row(row)}, {_when(rows, row)} stands already in {origin.row(before)} with another {name}, "
        f"{shown(str(_cell(rows.cells[name], before)))} and now {shown(str(_cell(rows.cells[name], row)))}; {cure}"
    )


def _when(rows: FileRows, row: int) -> str:
    return moment(pd.Timestamp(int(rows.stamps[row]), tz="UTC"))


def _cell(cells: Any, row: int) -> Any:
    return cells[row] if isinstance(cells, np.ndarray) else cells[row].as_py()


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, str) and isinstance(after, str):
        return before.strip() == after.strip() or (number(before) == number(after))
    return bool(before == after or (before != before and after != after))
