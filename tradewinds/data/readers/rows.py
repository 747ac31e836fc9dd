"""Tables of words and numbers, a row a text or a step: rows count as they stand in the file, and faults name them."""

import csv
import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tradewinds.core.csv_rows import csv_rows
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.dialect import SEPARATORS
from tradewinds.data.readers.text import counted, listed

BLANK_LINE = re.compile(r"(^|\n)[ \t]*\r?\n")
BLANK_LINES = re.compile(r"([ \t]*\r?\n)*")  # before the header
QUOTED = "a text that holds the separator stands in quotation marks"


def csv_table(name: str, text: str, separator: str, **options: Any) -> pd.DataFrame:
    """Return a table whose index counts its rows as they stand in the file, blank lines too, the first being row 1.

    Args:
        name: of the file, for sentences.
        text: its content.
        separator: between its cells.
        **options: of `pandas.read_csv`.

    Raises:
        RequestError: there is none, its header names a column twice, a row has more cells than the header, or a
            quotation mark is never closed.
    """
    try:
        table: pd.DataFrame = pd.read_csv(io.StringIO(text), sep=separator, **options)
    except pd.errors.EmptyDataError:
        raise RequestError(f"{name} is empty; bring a header, and a row below it") from None
    except pd.errors.ParserError:
        raise RequestError(_fault(name, text, separator)) from None
    if not isinstance(table.index, pd.RangeIndex):  # the first cells of longer rows
        raise RequestError(_fault(name, text, separator))
    _refuse_twice(name, next(csv_rows(io.StringIO(BLANK_LINES.sub("", text, count=1), newline=""), separator)))
    return table.set_axis(_places(text, separator, len(table)))


def separator_of(text: str, *needed: Collection[str]) -> str:
    """Return the sign that parts the names of most columns, first of all of those of one of `needed`.

    Args:
        text: of a file, not empty.
        *needed: names of columns that stand there together, one collection or another.
    """
    header = next(line for line in text.splitlines() if line.strip())
    names = {sign: set(next(csv_rows([header], sign))) for sign in (",", *SEPARATORS)}
    return max(names, key=lambda sign: (any(names[sign].issuperset(one) for one in needed), len(names[sign])))


def parquet_table(path: Path) -> pd.DataFrame:
    """Return a Parquet table as pandas wrote it.

    Raises:
        RequestError: it is damaged, or none, or names a column twice.
    """
    try:
        _refuse_twice(path.name, pq.read_schema(path).names)
        table: pd.DataFrame = pd.read_parquet(path)
        _refuse_twice(path.name, [str(one) for one in (*table.columns, *table.index.names) if one is not None])
        return table
    except RequestError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError, MemoryError, OverflowError):
        raise RequestError(f"{path} is a damaged or truncated Parquet file, or none; copy it again") from None


def _refuse_twice(name: str, header: list[str]) -> None:
    names = [cell.strip() for cell in header]
    twice = sorted({cell for cell in names if cell and names.count(cell) > 1})
    if twice:
        raise RequestError(
            f"{name} must name every column once; {listed(twice, 8)} {'stands' if len(twice) == 1 else 'stand'} twice"
        )


def _places(text: str, separator: str, count: int) -> NDArray[np.int64]:
    """Return (N,) which rows of the file the rows below its header are."""
    plain = np.arange(2, count + 2)
    if not BLANK_LINE.search(text):
        return plain
    rows = csv_rows(io.StringIO(text, newline=""), separator)
    places = [row for row, cells in enumerate(rows, start=1) if len(cells) > 1 or "".join(cells).strip()]
    return np.array(places[1:]) if len(places) == count + 1 else plain


def _fault(name: str, text: str, separator: str) -> str:
    """Say at which row a file ceases to be a table."""
    row, width = 0, 0
    try:
        for row, cells in enumerate(csv_rows(io.StringIO(text, newline=""), separator, strict=True), 1):
            width = width or len(cells)
            if len(cells) > width:
                return f"{name}, row {row}: it has {counted(len(cells), 'cell')}, and the header {width}; {QUOTED}"
    except csv.Error:
        return f"{name}, row {row + 1}: a quotation mark is never closed, or stands within a text; write it twice there"
    return f"{name} is no table of cells that a separator parts; save it as CSV UTF-8"
