"""A file of the user's as a table: read with certainty, or refused with the row, the column, the value and the cure.

Texts stay texts until a column is asked for, so that nothing is guessed of what nobody reads. Repairs are those the
request asks for, and each is reported. Must not know what the columns mean; `bars` and `columns` do.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.names import meaning
from tradewinds.data.readers.numbers import Style, read_numbers
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.raw import Cells, take_cells
from tradewinds.data.readers.text import number, shown
from tradewinds.data.readers.times import read_times
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
        return find_column(name, self.columns, self.origin.name)

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
        return take_rows(self, rows)

    def until(self, name: str) -> "Table":
        """Return the rows up to the last that has a value in the column `name`; all if none has."""
        rows = np.flatnonzero(np.isfinite(self.numbers(name, empty_allowed=True)))
        return take_rows(self, np.arange(rows[-1] + 1)) if len(rows) else self

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


def take_rows(table: Table, rows: NDArray[np.int64]) -> Table:
    """Return some of the rows of a table, by their numbers."""
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


def find_column(name: str, columns: Sequence[str], where: str) -> str:
    """Return the column called `name`, see `Table.find`.

    Raises:
        RequestError: there is none.
    """
    column = _alike(name, columns)
    if column is not None:
        return column
    raise RequestError(f"{where} has no column '{name}'{nearest(name, columns)} (columns there: {', '.join(columns)})")
