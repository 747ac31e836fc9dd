"""A file of the user's as a table: read with certainty, or refused with the row, the column, the value and the cure.

Texts stay texts until a column is asked for, so that nothing is guessed of what nobody reads. Repairs are those the
request asks for, and each is reported. Must not know what the columns mean; `bars` and `columns` do.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.cells import texts
from tradewinds.data.readers.clocks import Clock, as_times, clock_of, with_date
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.names import meaning
from tradewinds.data.readers.numbers import Style, read_numbers, styles_of
from tradewinds.data.readers.order import Rows, in_order
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.raw import Cells, Raw, read_raws, take_cells
from tradewinds.data.readers.symbols import of_one_symbol
from tradewinds.data.readers.text import number, shown
from tradewinds.data.readers.times import Times, localised, read_times
from tradewinds.data.rules import DataConfig

SENTINELS = (-999.0, -9999.0, -99999.0)  # what loggers write where they measured nothing
ENDLESS = ("inf", "+inf", "-inf", "infinity", "-infinity")


@dataclass(frozen=True, eq=False)
class Table:
    """One or more files as read: cells by column, times in UTC.

    Attributes:
        sources: per file its name, sha256 and number of rows.
        columns: names in the file's order, without the times.
        index: (N,) times, UTC, strictly increasing.
        zone: the zone the times were written in; UTC where they name their own.
        origin: file and line of each row.
        cells: by column, N texts (a pyarrow array) or numbers.
        rules: the repairs that were asked for.
        layout: what was understood of the file, or of the first of several.
        styles: by column of texts, how it writes its numbers.
        directions: what the request says of the file.
        notes: what was repaired, or is worth knowing.
    """

    sources: tuple[dict[str, str | int], ...]
    columns: tuple[str, ...]
    index: pd.DatetimeIndex
    zone: str
    origin: Origin
    cells: dict[str, Cells]
    rules: DataConfig
    layout: Layout = field(default_factory=lambda: Layout(file=""))
    styles: Mapping[str, Style] = field(default_factory=dict)
    directions: Directions = field(default_factory=Directions)
    notes: tuple[str, ...] = ()

    def find(self, name: str) -> str:
        """Return the column called `name`, or else the only one that differs from it by case or unit alone.

        Raises:
            RequestError: there is none.
        """
        return _find(name, self.columns, self.origin.name)

    def has(self, name: str) -> bool:
        """Say whether `find` would find `name`."""
        return _alike(name, self.columns) is not None

    def numbers(self, name: str, *, empty_allowed: bool = False) -> NDArray[np.float64]:
        """Return a column as (N,) numbers; NaN for a missing value, where that is allowed or is to be dropped.

        Raises:
            RequestError: a cell holds no finite number.
        """
        column = self.find(name)
        cells = self.cells[column]
        marks = np.array([number(mark) for mark in self.rules.missing_marks])
        if isinstance(cells, np.ndarray):
            values = cells.copy()
            values[np.isin(values, marks)] = np.nan
            missing = ~np.isfinite(values)
            values[missing] = np.nan
        else:
            values, missing = self._read(column, cells, marks, empty_allowed=empty_allowed)
        if not empty_allowed and "drop" not in self.rules.repair:
            cure = "fill it, or drop such rows with data.repair=[drop]"
            self._refuse(column, missing, f"is a missing value; {cure}")
        marked = np.isin(values, SENTINELS)
        if marked.any():
            cure = "leave the cell empty" if empty_allowed else "fill it or remove the row"
            mark = f"data.missing_marks=[{values[int(np.argmax(marked))]:g}]"
            self._refuse(column, marked, f"marks a missing value; {cure}, or declare it with {mark}")
        return values

    def _read(
        self, column: str, cells: Cells, marks: NDArray[np.float64], *, empty_allowed: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the numbers of a column of texts, and which are missing."""
        style = self.styles[column]
        if style.row >= 0:
            self._refuse_either_way(column, cells)
        reading = read_numbers(cells, style)
        values, missing = reading.values, reading.missing
        if len(marks):
            trimmed = pc.utf8_trim_whitespace(cells)
            marked = np.isin(values, marks) | np.asarray(pc.is_in(trimmed, pa.array(list(self.rules.missing_marks))))
            values[marked] = np.nan
            missing = missing | marked
        bad = ~np.isfinite(values) & ~missing
        if not empty_allowed and bad.any():
            rows = np.flatnonzero(bad)
            words = pc.utf8_lower(pc.utf8_trim_whitespace(cells.take(pa.array(rows))))
            endless = np.asarray(pc.is_in(words, pa.array(ENDLESS)))
            missing[rows[endless]] = True
            bad[rows[endless]] = False
        if bad.any():
            first = str(cells[int(np.argmax(bad))].as_py())
            comma = "write it without separators and units, with a decimal point"
            self._refuse(
                column, bad, f"is not a number such as 1234.5; {comma if ',' in first else 'write it without units'}"
            )
        values[missing] = np.nan
        return values, missing

    def _refuse_either_way(self, column: str, cells: Cells) -> None:
        """Refuse a column of which each cell may be read in two ways."""
        either = np.asarray(pc.match_substring_regex(cells, r"\d[.,]\d{3}\D*$"))
        row = int(np.argmax(either))
        text = str(cells[row].as_py()).strip()
        whole, cut = text.replace(".", "").replace(",", ""), text.replace(",", ".")
        mark, other = ("comma", "point") if "," in text else ("point", "comma")
        key = f"{self.directions.group}.decimal"
        raise RequestError(
            f"{self.origin.row(row)}, column {column}: {shown(text)} may be {cut} or {whole}; type {key}={mark} if the "
            f"{mark} begins the decimals, or {key}={other} if it parts the thousands"
        )

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

    def times(self, name: str) -> pd.DatetimeIndex:
        """Return a column as (N,) times in UTC, written as those of the rows are.

        Raises:
            RequestError: a cell is no time.
        """
        column = self.find(name)
        cells = self.cells[column]
        if isinstance(cells, np.ndarray):
            raise RequestError(f"{self.origin.name}, column {column} must hold times, holds numbers")
        writing = self.directions.writing(self.rules.repair)
        return read_times(cells, self.origin, column=column, writing=writing).index

    def _refuse(self, column: str, bad: NDArray[np.bool_], law: str) -> None:
        self.origin.refuse_first(bad, lambda row: f"column {column}: {shown(_text(self.cells[column], row))}", law)


def read_table(paths: Sequence[Path], *, directions: Directions, rules: DataConfig) -> Table:
    """Read one table from one or more files, zips or folders, by their first bytes.

    Args:
        paths: files of the same columns; their rows may touch, and may overlap only where they agree and the request
            asks for `duplicates` to be dropped.
        directions: what the request says of them.
        rules: which repairs are asked for.

    Returns:
        The table, its rows in the order of time.

    Raises:
        RequestError: a file cannot be read with certainty.
    """
    raws = [_dated(raw) for path in paths for raw in read_raws(path, directions)]
    for raw in raws:
        if directions.time_column is not None:
            _find(directions.time_column, list(raw.cells), Path(raw.origin.files[0]).name)
    clocks = [_clock(raw, directions) for raw in raws]
    chosen = of_one_symbol(raws, [clock.columns for clock in clocks], directions)
    parts = [_with_times(raw, directions, rules) for raw in chosen]
    table = _joined([_ordered(part) for part in parts])
    table = _ordered(table) if len(parts) > 1 else table
    columns = {name: cells for name, cells in table.cells.items() if not isinstance(cells, np.ndarray)}
    separator = table.layout.separator or ","
    styles = styles_of(columns, separator=separator, decimal=directions.decimal, thousands=directions.thousands)
    return dataclasses.replace(table, styles=styles)


def _dated(raw: Raw) -> Raw:
    return dataclasses.replace(raw, cells=with_date(raw.cells))


def _clock(raw: Raw, directions: Directions) -> Clock:
    column = directions.time_column
    name = None if column is None else _find(column, list(raw.cells), raw.origin.name)
    return clock_of(raw, name, zoned=directions.time_zone is not None)


def _with_times(raw: Raw, directions: Directions, rules: DataConfig) -> Table:
    clock = _clock(raw, directions)
    writing = directions.writing(rules.repair)
    cells = dict(raw.cells)
    hours = None if clock.hours is None else (clock.hours, as_times(cells.pop(clock.hours)))
    column = cells.pop(clock.column)
    if isinstance(column, pd.DatetimeIndex):
        raw.origin.refuse_first(
            np.asarray(column.isna()), lambda row: f"column {clock.column}", "is empty; remove the row"
        )
        if column.tz is None:
            index, zone = localised(column, raw.origin, column=clock.column, zone=writing.zone, writing=writing)
            times = Times(index, zone, f"{writing.group}.time_zone" if writing.zone else "dates need none", "times")
        else:
            times = Times(column.tz_convert("UTC").as_unit("ns"), "UTC", "the stamps", "times")
    else:
        times = read_times(as_times(column), raw.origin, column=clock.column, writing=writing, hours=hours)
    values: dict[str, Cells] = {
        name: texts(["" if pd.isna(stamp) else stamp.isoformat() for stamp in values])
        if isinstance(values, pd.DatetimeIndex)
        else values
        for name, values in cells.items()
    }
    layout = dataclasses.replace(
        raw.layout,
        time_columns=clock.columns,
        time_format=times.words,
        zone=times.zone,
        zone_source=times.zone_source,
        clock_change=writing.clock_change,
    )
    source = {**raw.source, "rows": len(times.index)}
    notes = [*raw.notes, *(f"{raw.origin.name}: {note}" for note in times.notes)]
    if times.zone_source == "the column's name":
        notes.append(
            f"{raw.origin.name}: the name of the column {clock.column} says that its times are of {times.zone}"
        )
    if writing.clock_change == "ignored" and times.zone_source != "the stamps":
        notes.append(
            f"{raw.origin.name}: its days have 24 hours whatever the clocks do; each is read as of {times.zone}, so "
            "that in winter a bar counts as an hour older than it is, and its days are those of that zone"
        )
    return Table(
        (source,),
        tuple(values),
        times.index,
        times.zone,
        raw.origin,
        values,
        rules,
        layout,
        {},
        directions,
        tuple(notes),
    )


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
        columns = [part.cells[name] for part in parts]
        if any(isinstance(column, np.ndarray) for column in columns):
            numbers = [
                part.numbers(name, empty_allowed=True) if not isinstance(column, np.ndarray) else column
                for part, column in zip(parts, columns, strict=True)
            ]
            cells[name] = np.concatenate(numbers)
        else:
            cells[name] = pa.concat_arrays(columns)
    origin = Origin(
        tuple(part.origin.name for part in parts),
        np.concatenate([part.origin.file + number for number, part in enumerate(parts)]),
        np.concatenate([part.origin.lines for part in parts]),
    )
    index = pd.DatetimeIndex(np.concatenate([part.index.asi8 for part in parts]), tz="UTC")
    sources = tuple(source for part in parts for source in part.sources)
    notes = tuple(note for part in parts for note in part.notes)
    layout = dataclasses.replace(first.layout, files=len(parts))
    return dataclasses.replace(
        first, sources=sources, index=index, origin=origin, cells=cells, notes=notes, layout=layout
    )


def _ordered(table: Table) -> Table:
    """Put the rows in order, each moment once; but only as far as the request asks for it, or by turning them round."""
    rows = Rows(table.index.asi8, table.origin, table.cells)
    order, notes, turned = in_order(rows, table.rules.repair, whole=len(table.origin.files) > 1)
    layout = dataclasses.replace(table.layout, newest_first=turned or table.layout.newest_first)
    return dataclasses.replace(_take(table, order), notes=(*table.notes, *notes), layout=layout)


def _take(table: Table, rows: NDArray[np.int64]) -> Table:
    if np.array_equal(rows, np.arange(len(table.index))):
        return table
    cells = {name: take_cells(column, rows) for name, column in table.cells.items()}
    return dataclasses.replace(
        table, index=pd.DatetimeIndex(table.index[rows]), origin=table.origin.take(rows), cells=cells
    )


def _text(cells: Cells, row: int) -> str:
    return f"{cells[row]:g}" if isinstance(cells, np.ndarray) else str(cells[row].as_py())


def _alike(name: str, columns: Sequence[str]) -> str | None:
    """Return the only column that is called so, or so but for its case, or so but for case, unit and signs."""
    if name in columns:
        return name
    wanted = name.strip().lower()
    for key in (lambda column: column.strip().lower() == wanted, lambda column: meaning(column) == meaning(name)):
        alike = [column for column in columns if key(column)]
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def _find(name: str, columns: Sequence[str], where: str) -> str:
    column = _alike(name, columns)
    if column is not None:
        return column
    raise RequestError(f"{where} has no column '{name}'{nearest(name, columns)} (columns there: {', '.join(columns)})")
