"""How a table of text is laid out: what separates its cells, on which line its names stand, where its rows begin."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tradewinds.core.csv_rows import csv_rows
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.names import TIME_NAMES, meaning
from tradewinds.data.readers.text import shown

SEPARATORS = ("\t", ";", "|", ",")  # in this order: what comes later may stand inside the cells of what comes before
BLANK = " "  # any run of blanks and tabs
WORDS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": BLANK}
HEAD_LINES = 120  # of which a table's layout is learned
MONTH = r"[A-Za-zéûä]{3,10}\.?"
VALUE = re.compile(  # a number, a date or a time, and no name
    r"\(?[+\-\u2212]?\s*[$€£¥₹₿]?\s*[+\-\u2212]?\d[\d.,:;/\-'\u2019+ \xa0\u202f\u2009]*(T[\d:.,]+)?"
    r"\s*([AaPp]\.?[Mm]\.?|[kKmMbBnT%]|[$€£¥₹]|Z|UTC|GMT|[+-]\d\d:?\d\d)?\)?"
    rf"|({MONTH},? )?\d{{1,2}}[ .-]{{1,2}}{MONTH}[ ,-]{{1,2}}\d{{2,4}}.*|{MONTH} \d{{1,2}},? \d{{4}}.*"
    r"|\d{4}-?(Q\d|M\d\d)"
    r"|\d[\d.:/ -]+[AP]M"
)
EMPTY = {"", "na", "n/a", "nan", "null", "none", "-", ".", "--", "#n/a"}
UNITS = {"", "date", "datetime", "utc", "iso8601", "unit", "units", "(utc)", "[utc]", "-"}


Head = list[tuple[int, tuple[str, ...]]]


@dataclass(frozen=True)
class Dialect:
    """Where things stand.

    Attributes:
        separator: between cells.
        width: cells of a row.
        header: the cells that name the columns, line by line: none, one, or several above one another.
        header_line: line of the last of them, from 1; 0 for none.
        first_row: line of the first row, from 0.
        rows: the cells of some of the first rows.
        share: of the lines that were looked at, how many are as wide as a row.
    """

    separator: str
    width: int
    header: tuple[tuple[str, ...], ...]
    header_line: int
    first_row: int
    rows: tuple[tuple[str, ...], ...]
    share: float


def dialect_of(name: str, text: str, separator: str | None) -> Dialect:
    """Find out how a text is laid out.

    Args:
        name: of the file, for messages.
        text: with line feeds between lines.
        separator: a sign or a word such as `tab`; None tries them all.

    Raises:
        RequestError: nothing separates its cells, or it has no rows.
    """
    lines = text.split("\n", HEAD_LINES)[:HEAD_LINES]
    excel = re.fullmatch(r'"?sep=(.)"?', lines[0].strip("\ufeff"))
    if excel is not None:  # a line by which Excel is told the separator
        lines[0], separator = "", separator or excel[1]
    signs = SEPARATORS if separator is None else (WORDS.get(separator, separator),)
    heads = [(sign, _head(lines, sign)) for sign in signs]
    heads = heads if any(head for _, head in heads) else [(sign, _head(lines, sign, strict=False)) for sign in signs]
    attempts = [attempt for sign, head in heads if (attempt := layout_of(head, sign)) is not None]
    if not attempts and separator is None:
        blank = layout_of(_head(lines, BLANK), BLANK)
        attempts = [blank] if blank is not None and blank.header and blank.share > 0.9 else []
    if not attempts:
        first = next((line for line in lines if line.strip()), "")
        if separator is not None:
            raise RequestError(f"{name} is not separated by {shown(separator)}: its first line is {shown(first)}")
        raise RequestError(f"{name} has one column, {shown(first)}, and needs a time and a price")
    named = [attempt for attempt in attempts if attempt.header] or attempts
    enough = min(0.9, max(attempt.share for attempt in named))
    return next(attempt for attempt in named if attempt.share >= enough)


def layout_of(head: Head, separator: str) -> Dialect | None:
    """Find the names and the first row among the first lines of a table.

    Args:
        head: line, from 0, and cells of each, without empty lines.
        separator: by which they were taken apart.

    Returns:
        None where no line has two cells.
    """
    widths = Counter(len(cells) for _, cells in head if len(cells) > 1)
    if not widths:
        return None
    width = max(widths, key=lambda number: (widths[number], number))
    header, first = _header(head, width)
    if header and len(head[header[0]][1]) != width and not _lacks_a_name(head, header[0], width):
        width = len(head[header[0]][1])  # the rows are wider than the names: who reads them refuses the first
    rest = [cells for _, cells in head[first:]]
    rows = tuple(cells for cells in rest if len(cells) == width)
    return Dialect(
        separator,
        width,
        tuple(head[place][1] for place in header),
        head[header[-1]][0] + 1 if header else 0,
        head[first][0] if first < len(head) else head[-1][0] + 1,
        rows,
        len(rows) / len(rest) if rest else float(bool(header)),
    )


def is_header(cells: Sequence[str]) -> bool:
    """Say whether cells name columns: the first is no value, and neither are most of the others."""
    filled = [cell.strip() for cell in cells if cell.strip().lower() not in EMPTY]
    values = sum(VALUE.fullmatch(cell) is not None for cell in filled)
    return bool(filled) and 2 * values < len(filled) and VALUE.fullmatch(cells[0].strip()) is None


def _header(head: Head, width: int) -> tuple[tuple[int, ...], int]:
    """Return the places of the names in the head, and of the first row."""
    start = next(place for place, (_, cells) in enumerate(head) if len(cells) == width)
    if not is_header(head[start][1]):
        above = head[start - 1][1] if start else ()
        return ((start - 1,), start) if len(above) > 1 and is_header(above) else ((), start)
    for place in range(start + 1, min(start + 9, len(head))):
        line, cells = head[place]
        apart = line - head[place - 1][0] > 1  # an empty line parts the facts of a file from its table
        comment = head[place - 1][1][0].lstrip().startswith("#")
        if len(cells) == width and is_header(cells) and (apart or comment):
            start = place
    below = [cells for _, cells in head[start + 1 : start + 3]]
    below = [] if any(len(cells) != width for cells in below) else below
    if len(below) == 2 and is_header(below[0]) and below[1][0].strip() and not any(map(str.strip, below[1][1:])):
        return (start, start + 1, start + 2), start + 3  # as pandas writes two levels of names, and the index's
    if below and is_header(below[0]) and below[0][0].strip().lower() in {"", *STACKED} and _stacked(head[start][1]):
        return (start, start + 1), start + 2
    if below and _are_units(below[0]):
        return (start,), start + 2
    return (start,), start + 1


def _lacks_a_name(head: Head, place: int, width: int) -> bool:
    """Say whether rows have one cell more than names: an empty one at their end, or R's row names at their start."""
    names, rows = head[place][1], [cells for _, cells in head[place + 1 :] if len(cells) == width]
    ends = all(cells[-1].strip() == "" for cells in rows)
    return len(names) == width - 1 and (ends or meaning(names[0]) not in TIME_NAMES)


STACKED = {"price", "ticker", "attributes", "symbols", "symbol"}  # first cells of the two levels yfinance writes


def _stacked(cells: Sequence[str]) -> bool:
    return cells[0].strip().lower() in {"", *STACKED} and len(set(cells[1:])) < len(cells[1:])


def _are_units(cells: Sequence[str]) -> bool:
    first = cells[0].strip().lower()
    return first in UNITS and not any(VALUE.fullmatch(cell.strip()) for cell in cells) and any(map(str.strip, cells))


def _head(lines: list[str], separator: str, *, strict: bool = True) -> Head:
    """Take lines apart; to nothing where a separator stands where none can, beside a quoted cell."""
    if separator == BLANK:
        return [(number, tuple(line.split())) for number, line in enumerate(lines) if line.strip()]
    reader = csv_rows(io.StringIO("\n".join(lines), newline=""), separator, strict=strict)
    head: Head = []
    line = 0
    try:
        for cells in reader:
            if cells:
                head.append((line, tuple(cells)))
            line = reader.line_num
    except csv.Error as error:  # said by who reads it all
        return [] if "expected after" in str(error) else head
    return head
