"""A file of the user's as a table: read with certainty, or refused with the row, the column, the value and the cure.

CSV is read as text, so that nothing is guessed: one way to write a number, no locale. Repairs are those the request
asks for, and each is reported. Must not know what the columns mean; `bars` and `columns` do.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.formats import Raw, read_raw
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import MISSING, moment, number, shown
from tradewinds.data.readers.times import localised, read_times
from tradewinds.data.rules import DataConfig

SENTINELS = (-999.0, -9999.0, -99999.0)  # what loggers write where they measured nothing
ENDLESS = {"inf", "+inf", "-inf", "infinity", "-infinity"}
Cells = list[str] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Table:
    """One or more files as read: cells by column, times in UTC.

    Attributes:
        sources: per file its name, sha256 and number of rows.
        columns: names in the file's order, without the times.
        index: (N,) times, UTC, strictly increasing.
        zone: the zone the times were written in; UTC where they name their own.
        origin: file and line of each row.
        cells: by column, N texts or numbers.
        rules: the repairs that were asked for.
        notes: what was repaired.
    """

    sources: tuple[dict[str, str | int], ...]
    columns: tuple[str, ...]
    index: pd.DatetimeIndex
    zone: str
    origin: Origin
    cells: dict[str, Cells]
    rules: DataConfig
    notes: tuple[str, ...] = ()

    def find(self, name: str) -> str:
        """Return the column called `name`, or else the only one that differs from it by case alone.

        Raises:
            RequestError: there is none.
        """
        return _find(name, self.columns, self.origin.name)

    def has(self, name: str) -> bool:
        """Say whether `find` would find `name`."""
        return sum(column.strip().lower() == name.lower() for column in self.columns) == 1

    def numbers(self, name: str, *, empty_allowed: bool = False) -> NDArray[np.float64]:
        """Return a column as (N,) numbers; NaN for a missing value, where that is allowed or is to be dropped.

        Raises:
            RequestError: a cell holds no finite number.
        """
        column = self.find(name)
        cells, marks = self.cells[column], set(self.rules.missing_marks)
        if isinstance(cells, list):
            texts = [text.strip() for text in cells]
            values = np.array([number(text) for text in texts])
            marked = np.isin(values, [number(mark) for mark in marks]) | np.isin(texts, list(marks))
            values[marked] = np.nan
            absent = MISSING if empty_allowed else MISSING | ENDLESS
            missing = marked | np.array([text.lower() in absent for text in texts], dtype=bool)
            self._refuse(column, ~np.isfinite(values) & ~missing, texts, "is not a number such as 1234.5", _cure(texts))
        else:
            values = cells.copy()
            values[np.isin(values, [number(mark) for mark in marks])] = np.nan
            missing = ~np.isfinite(values)
            values[missing] = np.nan
            texts = [f"{value:g}" for value in values] if missing.any() or np.isin(values, SENTINELS).any() else []
        if not empty_allowed and "drop" not in self.rules.repair:
            law = "is a missing value"
            self._refuse(column, missing, texts, law, "fill it, or drop such rows with data.repair=[drop]")
        cure = "leave the cell empty" if empty_allowed else "fill it or remove the row"
        cure += ", or declare it with data.missing_marks"
        self._refuse(column, np.isin(values, SENTINELS), texts, "marks a missing value", cure)
        return values

    def through(self, last: str | None) -> "Table":
        """Return the rows up to the date or moment `last`, in UTC, itself included; all for None.

        Raises:
            RequestError: there are none.
        """
        if last is None:
            return self
        end = pd.Timestamp(last, tz="UTC") + (pd.Timedelta(1) if "T" in last else pd.Timedelta(days=1))
        rows = np.flatnonzero(self.index < end)
        if len(rows) == 0:
            raise RequestError(f"{self.origin.name} begins on {self.index[0]:%Y-%m-%d}, after weather.last={last}")
        return _take(self, rows)

    def until(self, name: str) -> "Table":
        """Return the rows up to the last that has a value in the column `name`; all if none has."""
        rows = np.flatnonzero(np.isfinite(self.numbers(name, empty_allowed=True)))
        return _take(self, np.arange(rows[-1] + 1)) if len(rows) else self

    def times(self, name: str, zone: str | None, form: str | None) -> pd.DatetimeIndex:
        """Return a column as (N,) times in UTC.

        Raises:
            RequestError: a cell is no time.
        """
        column = self.find(name)
        cells = self.cells[column]
        if not isinstance(cells, list):
            raise RequestError(f"{self.origin.name}, column {column} must hold times, holds numbers")
        return read_times(cells, self.origin, column=column, zone=zone, form=form, repair=self.rules.repair)[0]

    def _refuse(self, column: str, bad: NDArray[np.bool_], texts: Sequence[str], law: str, cure: str) -> None:
        self.origin.refuse_first(bad, lambda row: f"column {column}: {shown(texts[row])}", f"{law}; {cure}")


def read_table(
    paths: Sequence[Path], *, time_column: str | None, time_zone: str | None, time_format: str | None, rules: DataConfig
) -> Table:
    """Read one table from one or more files: CSV, plain or gzipped, or Parquet, by their first bytes.

    Args:
        paths: files of the same columns; their rows may touch, and may overlap only where they agree and the request
            asks for `duplicates` to be dropped.
        time_column: column of the times; None takes the first.
        time_zone: zone of times that name none; None refuses them, but for dates.
        time_format: strptime format of the times; None reads ISO 8601.
        rules: which repairs are asked for.

    Returns:
        The table, its rows in the order of time.

    Raises:
        RequestError: a file cannot be read with certainty.
    """
    parts = []
    for path in paths:
        raw = read_raw(path)
        parts.append(_with_times(raw, time_column, time_zone, time_format, rules))
    for part in parts:
        _refuse_disorder(part)
    return _ordered(_joined(parts))


def _with_times(raw: Raw, column: str | None, zone: str | None, form: str | None, rules: DataConfig) -> Table:
    name = raw.time_column if column is None else _find(column, raw.columns, raw.path.name)
    cells = dict(raw.cells)
    times = cells.pop(name)
    origin = raw.origin
    if isinstance(times, pd.DatetimeIndex):
        origin.refuse_first(np.asarray(times.isna()), lambda row: f"column {name}", "is empty; remove the row")
        index, written = (
            localised(times, origin, column=name, zone=zone, repair=rules.repair)
            if times.tz is None
            else (times.tz_convert("UTC").as_unit("ns"), "UTC")
        )
    elif isinstance(times, list):
        index, written = read_times(times, origin, column=name, zone=zone, form=form, repair=rules.repair)
    else:
        raise RequestError(f"{raw.path}, column {name}: numbers are no times; name another with time_column")
    values: dict[str, Cells] = {
        key: ["" if pd.isna(stamp) else stamp.isoformat() for stamp in column]
        if isinstance(column, pd.DatetimeIndex)
        else column
        for key, column in cells.items()
    }
    source: dict[str, str | int] = {"file": raw.path.name, "sha256": raw.sha256, "rows": len(index)}
    return Table((source,), tuple(values), index, written, origin, values, rules)


def _joined(parts: list[Table]) -> Table:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    for part in parts[1:]:
        if set(part.columns) != set(first.columns) or part.zone != first.zone:
            raise RequestError(
                f"{part.origin.name} must have the columns and the zone of {first.origin.name}, "
                f"{', '.join(first.columns)} in {first.zone}; has {', '.join(part.columns)} in {part.zone}"
            )
    cells: dict[str, Cells] = {}
    for name in first.columns:
        texts = [part.cells[name] for part in parts]
        if all(isinstance(cells_of_part, list) for cells_of_part in texts):
            cells[name] = [text for cells_of_part in texts for text in cells_of_part]
        else:
            cells[name] = np.concatenate([np.asarray(cells_of_part, dtype=np.float64) for cells_of_part in texts])
    origin = Origin(
        tuple(part.origin.name for part in parts),
        np.concatenate([part.origin.file + number for number, part in enumerate(parts)]),
        np.concatenate([part.origin.lines for part in parts]),
    )
    index = pd.DatetimeIndex(np.concatenate([part.index.asi8 for part in parts]), tz="UTC")
    sources = tuple(source for part in parts for source in part.sources)
    return dataclasses.replace(first, sources=sources, index=index, origin=origin, cells=cells)


def _refuse_disorder(table: Table) -> None:
    if "sort" not in table.rules.repair:
        table.origin.refuse_first(
            np.diff(table.index.asi8, prepend=table.index.asi8[:1]) < 0,
            lambda row: f"{moment(table.index[row])} is earlier than the row before, {moment(table.index[row - 1])};",
            "sort the rows by time, or have them sorted with data.repair=[sort]",
        )


def _ordered(table: Table) -> Table:
    """Put the rows in order, each moment once; but only as far as the request asks for it."""
    stamps, origin, notes = table.index.asi8, table.origin, []
    back = np.diff(stamps, prepend=stamps[:1]) < 0
    if back.any() and "sort" in table.rules.repair:
        notes.append(f"{origin.name}: {int(back.sum())} rows were out of order and have been sorted")
    order = np.argsort(stamps, kind="stable")
    table = _take(table, order)
    twice = np.diff(table.index.asi8, prepend=table.index.asi8[:1] - 1) == 0
    for row in np.flatnonzero(twice).tolist():
        differing = [name for name in table.columns if not _same(table.cells[name], row)]
        if differing:
            name = differing[0]
            cells = table.cells[name]
            raise RequestError(
                f"{table.origin.row(row)}, {moment(table.index[row])} stands already in {table.origin.row(row - 1)} "
                f"with another {name}, {shown(str(cells[row - 1]))} and now {shown(str(cells[row]))}; keep one"
            )
    if twice.any() and "duplicates" not in table.rules.repair:
        table.origin.refuse_first(
            twice,
            lambda row: (
                f"{moment(table.index[row])} stands already in {table.origin.row(row - 1)}, with the same values;"
            ),
            "keep each row once, or have copies dropped with data.repair=[duplicates]",
        )
    if twice.any():
        notes.append(f"{origin.name}: {int(twice.sum())} rows that stood twice with the same values were dropped")
        table = _take(table, np.flatnonzero(~twice))
    return dataclasses.replace(table, notes=(*table.notes, *notes))


def _same(cells: Cells, row: int) -> bool:
    before, after = cells[row - 1], cells[row]
    if isinstance(before, str) and isinstance(after, str):
        return before.strip() == after.strip() or (number(before) == number(after))
    return bool(before == after or (before != before and after != after))


def _take(table: Table, rows: NDArray[np.int64]) -> Table:
    if np.array_equal(rows, np.arange(len(table.index))):
        return table
    cells: dict[str, Cells] = {
        name: [column[row] for row in rows] if isinstance(column, list) else column[rows]
        for name, column in table.cells.items()
    }
    return dataclasses.replace(
        table, index=pd.DatetimeIndex(table.index[rows]), origin=table.origin.take(rows), cells=cells
    )


def _find(name: str, columns: Sequence[str], where: str) -> str:
    if name in columns:
        return name
    alike = [column for column in columns if column.strip().lower() == name.strip().lower()]
    if len(alike) == 1:
        return alike[0]
    raise RequestError(f"{where} has no column '{name}'{nearest(name, columns)} (columns there: {', '.join(columns)})")


def _cure(texts: Sequence[str]) -> str:
    comma = any("," in text for text in texts)
    return "write it without separators and units, with a decimal point" if comma else "write it without units"
