"""Rows of CSV by the standard library, with cells of any length: left to itself it refuses those of 131,073 signs."""

import csv
from collections.abc import Iterable
from typing import Any

LONGEST = 2**31 - 1  # signs of a cell; the most that every platform takes


def csv_rows(lines: Iterable[str], separator: str = ",", *, strict: bool = False) -> Any:
    """Return a `csv.reader` of lines.

    Args:
        lines: an open file or texts.
        separator: between cells.
        strict: whether a quotation mark that stands where none can is refused, and not guessed at.
    """
    csv.field_size_limit(LONGEST)
    return csv.reader(lines, delimiter=separator, strict=strict)
