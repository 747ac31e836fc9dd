"""Files into columns of cells, by what their first bytes say they are: text, Excel, Parquet or Feather."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.cells import columns_of, is_blank, texts
from tradewinds.data.readers.columnar import is_feather, is_parquet, read_columnar
from tradewinds.data.readers.containers import ZIP, Contents, contents_of
from tradewinds.data.readers.dialect import Dialect, dialect_of, layout_of
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.encoding import text_of
from tradewinds.data.readers.headers import Header, header_of
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.limits import refuse_long_lines
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import listed
from tradewinds.data.readers.workbook import lines_of

Cells = Any  # N texts, a pyarrow StringArray without nulls; or N numbers, float64; or N times, a DatetimeIndex
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
FOREIGN = {  # first bytes of what is no table, by what to do with it
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x28\xb5\x2f\xfd": "packed by zstd; unpack it first",
    b"%PDF": "a PDF; take its table as CSV UTF-8 or .xlsx from where it came from",
}


@dataclass(frozen=True, eq=False)
class Raw:
    """A file's columns.

    Attributes:
        origin: file and line of each row.
        source: its name and sha256, for a manifest.
        cells: by column, in the file's order.
        index: the column that the file itself declares its index, or None.
        layout: what was understood so far.
        notes: what a person should know.
    """

    origin: Origin
    source: dict[str, str | int]
    cells: dict[str, Cells]
    index: str | None
    layout: Layout
    notes: tuple[str, ...] = ()

    def take(self, rows: NDArray[np.bool_]) -> "Raw":
        """Return some of the rows, by a mask."""
        numbers = np.flatnonzero(rows)
        cells = {name: take_cells(column, numbers) for name, column in self.cells.items()}
        return replace(self, origin=self.origin.take(numbers), cells=cells)


def take_cells(column: Cells, rows: NDArray[np.int64]) -> Cells:
    """Return some of the cells of a column, by their numbers."""
    return column[rows] if isinstance(column, (np.ndarray, pd.DatetimeIndex)) else column.take(rows)


def read_raws(path: Path, directions: Directions) -> list[Raw]:
    """Read the files of rows that a path holds.

    Raises:
        RequestError: it is not there, not whole, or not a table.
    """
    contents = contents_of(path)
    if not contents:
        raise RequestError(f"{path} holds no file of rows")
    raws = [_read(part, directions) for part in contents]
    aside = contents[0].aside
    if aside:
        note = f"{path}: {listed(aside, 4)} beside the files of rows {'is' if len(aside) == 1 else 'are'} not read"
        raws[0] = replace(raws[0], notes=(*raws[0].notes, note))
    return raws


def _read(contents: Contents, directions: Directions) -> Raw:
    content, name = contents.content, contents.name
    if is_parquet(name, content) or is_feather(name, content):
        table = read_columnar(name, content, directions)
        kind = "parquet" if is_parquet(name, content) else "feather"
        layout = Layout(file=name, kind=_packed(kind, contents), header_line=0, symbols=table.symbols)
        if table.symbols:
            layout = replace(layout, symbol_column="header", symbol=table.symbol)
        return _raw(contents, table.cells, table.index, np.arange(1, table.rows + 1), layout)
    foreign = next((words for mark, words in FOREIGN.items() if content.startswith(mark)), None)
    if foreign is None and content[257:262] == b"ustar":
        foreign = "a tar archive; unpack it first"
    if foreign is not None:
        raise RequestError(f"{name} is {foreign}")
    if content[:4] == OLD_EXCEL:
        raise RequestError(f"{name} is an Excel workbook of before 2007; save it as .xlsx, or as CSV UTF-8")
    if content[:4] == ZIP:
        return _workbook(contents, directions)
    text, encoding = text_of(name, content)
    refuse_long_lines(name, text)
    dialect = dialect_of(name, text, directions.separator)
    columns, lines, aside = columns_of(name, text, dialect)
    layout = Layout(file=name, kind=_packed("csv", contents), encoding=encoding, separator=dialect.separator)
    notes = [f"{name}: {listed(aside, 2)} is no row and is not read"] if aside else []
    return _table(contents, dialect, directions, columns, lines, layout, notes)


def _table(
    contents: Contents,
    dialect: Dialect,
    directions: Directions,
    columns: list[Cells],
    lines: NDArray[np.int64],
    layout: Layout,
    notes: list[str],
) -> Raw:
    blank = [place for place, column in enumerate(columns) if is_blank(column)]
    header: Header = header_of(contents.name, dialect, directions, blank=blank)
    if dialect.header_line > len(dialect.header):
        above = dialect.header_line - len(dialect.header)
        lines_above = "line 1 stands" if above == 1 else f"lines 1 to {above} stand"
        notes.append(
            f"{contents.name}: {lines_above} above the header and is not read".replace(
                "stand above the header and is", "stand above the header and are"
            )
        )
    cells = {column: columns[place] for place, column in zip(header.places, header.names, strict=True)}
    named = dialect.header_line if directions.names is None else 0
    layout = replace(layout, header_line=named, symbols=header.symbols)
    if dialect.header and dialect.header[0][0].strip().startswith("<"):  # MetaTrader, whose decimals have a point
        layout = replace(layout, decimal=".")
    if header.symbols:
        layout = replace(layout, symbol_column="header", symbol=directions.symbol or header.symbols[0])
    return _raw(contents, cells, None, lines, layout, (*notes, *header.notes))


def _workbook(contents: Contents, directions: Directions) -> Raw:
    rows, title, others = lines_of(contents.name, contents.content, directions)
    trimmed = [
        (line, tuple(cells[: max((n + 1 for n, cell in enumerate(cells) if cell), default=0)])) for line, cells in rows
    ]
    dialect = layout_of(trimmed, ",")
    if dialect is None:
        raise RequestError(f"{contents.name} has one column, and needs a time and a price")
    body = [(line, cells) for line, cells in rows if line >= dialect.first_row]
    if not body:
        raise RequestError(f"{contents.name} has a header and no rows")
    width = max(dialect.width, max(len(cells) for _, cells in body))
    columns = [
        texts(column) for column in zip(*(cells + [""] * (width - len(cells)) for _, cells in body), strict=True)
    ]
    lines = np.array([line + 1 for line, _ in body], dtype=np.int64)
    layout = Layout(file=contents.name, kind=_packed(f"excel, sheet {title}", contents))
    notes = [f"{contents.name}: the sheet {title} is read, and not {listed(others, 5)}"] if others else []
    return _table(contents, dialect, directions, columns[: dialect.width], lines, layout, notes)


def _packed(kind: str, contents: Contents) -> str:
    return f"{kind} in {contents.packed}" if contents.packed else kind


def _raw(
    contents: Contents,
    cells: dict[str, Cells],
    index: str | None,
    lines: NDArray[np.int64],
    layout: Layout,
    notes: tuple[str, ...] = (),
) -> Raw:
    origin = Origin((contents.name,), np.zeros(len(lines), dtype=np.int64), lines)
    source: dict[str, str | int] = {"file": contents.file, "sha256": contents.sha256, "rows": len(lines)}
    return Raw(origin, source, cells, index, layout, notes)
