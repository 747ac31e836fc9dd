"""A text taken apart into columns of cells: in one sweep where no cell is quoted, else with care."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from tradewinds.core.csv_rows import csv_rows
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.dialect import BLANK, Dialect
from tradewinds.data.readers.grammar import is_time
from tradewinds.data.readers.text import shown

Texts = Any  # a pyarrow StringArray of N cells, none of them null
FOOT = 3  # lines below the rows that may be a source, a total and the like
BATCH = 50_000  # rows that are held as Python's own strings at a time


def texts(cells: Sequence[str]) -> Texts:
    """Return cells as a column."""
    return pa.array(cells, type=pa.string())


def columns_of(name: str, text: str, dialect: Dialect) -> tuple[list[Texts], NDArray[np.int64], list[str]]:
    """Take the rows of a text apart.

    Returns:
        Per column its (N,) cells, the line of each row from 1, and what was left aside at the end.

    Raises:
        RequestError: a row has more or fewer cells than the others, a quote is left open, or there is no row.
    """
    body = text if dialect.first_row == 0 else text.split("\n", dialect.first_row)[-1]
    if dialect.first_row >= text.count("\n") + 1 or not body.strip():
        raise RequestError(f"{name} has a header and no rows")
    if '"' not in body and dialect.separator != BLANK:
        swept = _swept(body, dialect)
        if swept is not None:
            return swept
    return _careful(name, body, dialect)


def _swept(body: str, dialect: Dialect) -> tuple[list[Texts], NDArray[np.int64], list[str]] | None:
    content = body.encode()
    names = [str(number) for number in range(dialect.width)]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(content),
            pa_csv.ReadOptions(column_names=names, use_threads=False),
            pa_csv.ParseOptions(delimiter=dialect.separator, quote_char=False),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except (pa.ArrowException, ValueError):
        return None
    signs = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero(signs == 10)
    starts = np.concatenate(([0], ends + 1))
    filled = np.concatenate((ends, [len(signs)])) > starts
    lines = np.flatnonzero(filled).astype(np.int64) + dialect.first_row + 1
    if len(lines) != table.num_rows:
        return None
    return [column.combine_chunks() for column in table.columns], lines, []


def _careful(name: str, body: str, dialect: Dialect) -> tuple[list[Texts], NDArray[np.int64], list[str]]:
    parts: list[list[Texts]] = []
    lines: list[int] = []
    batch: list[list[str]] = []
    aside: list[tuple[int, list[str]]] = []
    for line, row in _rows(name, body, dialect):
        cells = _fitted(row, dialect.width)
        if cells is None or (aside and _may_be_foot(row, apart=True)):
            aside.append((line, row))
            continue
        if aside:
            _refuse_width(name, *aside[0], dialect)
        batch.append(cells)
        lines.append(line)
        if len(batch) == BATCH:
            parts.append([texts(column) for column in zip(*batch, strict=True)])
            batch = []
    last, apart = lines[-1] if lines else 0, False
    for place, (line, row) in enumerate(aside, start=1):
        apart = apart or line > last + place
        sentence = len(row) == 1 and len(row[0].split()) > 2 and not row[0].strip()[:1].isdigit()
        if not sentence and (len(aside) > FOOT or not _may_be_foot(row, apart=apart)):
            _refuse_width(name, line, row, dialect)
    if batch:
        parts.append([texts(column) for column in zip(*batch, strict=True)])
    if not parts:
        raise RequestError(f"{name} has a header and no rows")
    columns = [pa.concat_arrays(chunks) for chunks in zip(*parts, strict=True)]
    return columns, np.array(lines, dtype=np.int64), [f"row {line}, {shown(row[0])}" for line, row in aside]


def is_foot(time: str, others: Sequence[str], *, apart: bool) -> bool:
    """Say whether a line below the rows is none of them, a source or a total.

    Args:
        time: what stands where the others have their time.
        others: its other cells.
        apart: whether an empty line stands before it.
    """
    label = time.strip()
    if is_time(label) or label[:1].isdigit():
        return False
    return apart or not any(cell.strip() for cell in others)


def _may_be_foot(row: Sequence[str], *, apart: bool) -> bool:
    """Say whether a line of any width may be a foot: none of its cells is a date."""
    dated = any(is_time(cell.strip()) and re.fullmatch(r"\d+\.\d+", cell.strip()) is None for cell in row)
    return not dated and is_foot(row[0], row[1:], apart=apart)


def _fitted(row: list[str], width: int) -> list[str] | None:
    """Return a row of the right width: as it is, or without the empty cell that a separator at its end makes."""
    if len(row) == width:
        return row
    return row[:width] if len(row) == width + 1 and row[-1].strip() == "" else None


def _refuse_width(name: str, line: int, row: list[str], dialect: Dialect) -> None:
    cure = ""
    if len(row) > dialect.width and dialect.separator == ",":
        cure = "; are its decimals written with a comma? write points, or separate cells with semicolons"
    raise RequestError(f"{name}, row {line}: {len(row)} values, the header has {dialect.width} columns{cure}")


def _rows(name: str, body: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    before = dialect.first_row
    if dialect.separator == BLANK:
        for number, line in enumerate(body.split("\n"), start=before + 1):
            if line.strip():
                yield number, line.split()
        return
    reader = csv_rows(io.StringIO(body, newline=""), dialect.separator, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num + before, row
    except csv.Error as error:
        raise RequestError(f"{name} cannot be read as CSV: {error} (line {reader.line_num + before})") from None


def is_blank(column: Texts) -> bool:
    """Say whether no cell of a column holds anything."""
    return bool(pc.all(pc.equal(pc.utf8_trim_whitespace(column), "")).as_py())
