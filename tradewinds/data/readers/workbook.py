"""A sheet of an Excel workbook as lines of texts; openpyxl, the extra `excel`, reads it."""

import io
import math
import zipfile
import zlib
from datetime import date, datetime, time
from typing import Any

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.grammar import is_time
from tradewinds.data.readers.text import listed, number, typed

Rows = list[tuple[int, list[str]]]

DAMAGED = (  # what openpyxl and what it reads with say of a file that is none
    zipfile.BadZipFile, zlib.error, OSError, ValueError, TypeError, AttributeError, EOFError, SyntaxError, LookupError,
    ArithmeticError, RuntimeError,
)  # fmt: skip


def lines_of(name: str, content: bytes, directions: Directions) -> tuple[Rows, str, list[str]]:
    """Return line, from 0, and cells of each filled row of a sheet, the sheet's name, and the sheets that are not read.

    The sheet is the one that is asked for, or else the only one that has rows, or the only one with times and numbers.

    Raises:
        RequestError: openpyxl is not installed, it is no workbook, or it has several sheets and none is chosen.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise RequestError(
            f"{name} is an Excel workbook, which openpyxl reads; install it with pip install 'tradewinds[excel]', or "
            "save the sheet as CSV UTF-8"
        ) from None
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {sheet.title: _rows(sheet) for sheet in book.worksheets}
    except DAMAGED:
        raise RequestError(f"{name} is a damaged or truncated Excel workbook; save it again") from None
    filled = {title: rows for title, rows in sheets.items() if len(rows) > 1}
    if not filled:
        raise RequestError(f"{name} has no sheet with a header and rows")
    key = f"{directions.group}.sheet"
    if directions.sheet is not None:
        alike = [title for title in sheets if title.strip().lower() == directions.sheet.strip().lower()]
        title = directions.sheet if directions.sheet in sheets else alike[0] if len(alike) == 1 else ""
        if title not in filled:
            raise RequestError(
                f"{key}={directions.sheet} is none of the sheets with rows of {name}"
                f"{nearest(directions.sheet, list(filled))} ({listed(list(filled), 8)})"
            )
    else:
        tables = list(filled) if len(filled) == 1 else [title for title, rows in filled.items() if _is_of_bars(rows)]
        if len(tables) != 1:
            raise RequestError(
                f"{name} has {len(filled)} sheets with rows, {listed(list(filled), 5)}; type "
                f"{typed(key, (tables or list(filled))[0])} to read one of them"
            )
        title = tables[0]
    return filled[title], title, [other for other in filled if other != title]


def _is_of_bars(rows: Rows) -> bool:
    """Say whether most of the rows of a sheet hold a time and a number beside it."""
    told = 0
    for _, cells in rows:
        numbers = [math.isfinite(number(cell)) for cell in cells]
        told += any(numbers) and any(is_time(cell) for cell, plain in zip(cells, numbers, strict=True) if not plain)
    return 2 * told > len(rows)


def _rows(sheet: Any) -> Rows:
    rows = [(line, [_text(cell) for cell in cells]) for line, cells in enumerate(sheet.iter_rows(values_only=True))]
    rows = [(line, cells) for line, cells in rows if any(cells)]
    width = max((place + 1 for _, cells in rows for place, cell in enumerate(cells) if cell), default=0)
    return [(line, cells[:width] + [""] * (width - len(cells))) for line, cells in rows]


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e18 else str(cell)
