"""A sheet of an Excel workbook as lines of texts; openpyxl, the extra `excel`, reads it."""

import io
import zipfile
import zlib
from datetime import date, datetime, time
from typing import Any

from tradewinds.core.errors import RequestError

DAMAGED = (  # what openpyxl and what it reads with say of a file that is none
    zipfile.BadZipFile, zlib.error, OSError, ValueError, TypeError, AttributeError, EOFError, SyntaxError, LookupError,
    ArithmeticError, RuntimeError,
)  # fmt: skip


def lines_of(name: str, content: bytes) -> tuple[list[tuple[int, list[str]]], str]:
    """Return line, from 0, and cells of each filled row of the only sheet that has rows, and the sheet's name.

    Raises:
        RequestError: openpyxl is not installed, it is no workbook, or several sheets have rows.
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
    if len(filled) > 1:
        raise RequestError(
            f"{name} has {len(filled)} sheets with rows, {', '.join(list(filled)[:5])}; save the one with the data "
            "as a file of its own"
        )
    (title, rows), *_ = filled.items()
    return rows, title


def _rows(sheet: Any) -> list[tuple[int, list[str]]]:
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
