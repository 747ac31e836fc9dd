"""Read a CSV file strictly: what cannot be read with certainty is refused, naming file, row, column, value and cure.

Nothing is repaired here, and nothing guessed: a wrong bar that gets in costs more than a file that does not.
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.errors import RequestError
from tradewinds.validate import nearest

ZONE = re.compile(r"[T ]\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$", re.ASCII)
ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
SENTINELS = (-999.0, -9999.0, -99999.0)  # what loggers write where they measured nothing
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "."}


@dataclass(frozen=True, eq=False)
class Table:
    """A file as read: texts by column, times in UTC.

    Attributes:
        path: the file.
        sha256: of its bytes.
        columns: names in the file's order.
        index: (N,) times, UTC, strictly increasing.
        zone: the zone the times were written in; UTC where they name their own.
        lines: (N,) the line of the file on which each row ends.
        cells: texts by column, N each.
    """

    path: Path
    sha256: str
    columns: tuple[str, ...]
    index: pd.DatetimeIndex
    zone: str
    lines: NDArray[np.int64]
    cells: dict[str, list[str]]

    def find(self, name: str) -> str:
        """Return the column called `name`, or else the only one that differs from it by case alone.

        Raises:
            RequestError: there is none.
        """
        if name in self.columns:
            return name
        alike = [column for column in self.columns if column.strip().lower() == name.strip().lower()]
        if len(alike) == 1:
            return alike[0]
        there = ", ".join(self.columns)
        raise RequestError(f"{self.path} has no column '{name}'{nearest(name, self.columns)} (columns there: {there})")

    def has(self, name: str) -> bool:
        """Say whether `find` would find `name`."""
        return sum(column.strip().lower() == name.lower() for column in self.columns) == 1

    def numbers(self, name: str, *, empty_allowed: bool = False) -> NDArray[np.float64]:
        """Return a column as (N,) numbers; NaN for an empty cell, where that is allowed.

        Raises:
            RequestError: a cell holds no finite number.
        """
        column = self.find(name)
        texts = self.cells[column]
        values = np.array([_number(text) for text in texts])
        for row in np.flatnonzero(~np.isfinite(values)):
            text = texts[row].strip()
            if text.lower() in MISSING and empty_allowed:
                continue
            where = f"{self.path}, row {self.lines[row]}, column {column}"
            if text.lower() in MISSING:
                raise RequestError(f"{where}: the value is missing ('{text}'); fill it or remove the row")
            raise RequestError(
                f"{where}: {shown(text)} is not a number such as 1234.5; write it without separators and units"
            )
        for row in np.flatnonzero(np.isin(values, SENTINELS)):
            raise RequestError(
                f"{self.path}, row {self.lines[row]}, column {column}: {texts[row].strip()} marks a missing value; "
                f"{'leave the cell empty' if empty_allowed else 'fill it or remove the row'}"
            )
        return values


def read_table(path: Path, *, time_column: str | None, time_zone: str | None) -> Table:
    """Read a comma-separated file, plain or gzipped.

    Args:
        path: the file.
        time_column: column of the times, or None for the first.
        time_zone: zone of times that name none, or None to refuse them.

    Returns:
        The table.

    Raises:
        RequestError: the file cannot be read with certainty.
    """
    content = _bytes_of(path)
    header, rows, lines = _rows_of(path, _text_of(path, content))
    cells = {name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)}
    table = Table(path, hashlib.sha256(content).hexdigest(), header, pd.DatetimeIndex([]), "UTC", lines, cells)
    column = header[0] if time_column is None else table.find(time_column)
    index, zone = _times(f"{path}, column {column}", cells.pop(column), lines, time_zone)
    return Table(path, table.sha256, tuple(name for name in header if name != column), index, zone, lines, cells)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise RequestError(f"{path} is a folder; name a CSV file in it")
        if not path.is_file():
            beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise RequestError(f"there is no file {path}{nearest(path.name, beside)}")
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"cannot read {shown(str(path))}: {error.strerror}") from None


def _text_of(path: Path, content: bytes) -> str:
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise RequestError(f"{path} is a damaged or truncated gzip file; copy it again") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not text in UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
    if "\0" in text:
        raise RequestError(f"{path} is not text: it holds null bytes; save it as CSV UTF-8")
    if not text.strip():
        raise RequestError(f"{path} is empty")
    if text.lstrip().startswith("<"):
        raise RequestError(f"{path} is a web page or XML, not CSV; download the data itself")
    return text


def _rows_of(path: Path, text: str) -> tuple[tuple[str, ...], list[list[str]], NDArray[np.int64]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(row, reader.line_num) for row in reader if row]
    except csv.Error as error:
        raise RequestError(f"{path} cannot be read as CSV: {error} (line {reader.line_num})") from None
    header, rows = tuple(name.strip() for name in numbered[0][0]), [row for row, _ in numbered[1:]]
    lines = np.array([line for _, line in numbered[1:]], dtype=np.int64)
    if len(header) == 1:
        other = next((sign for sign in (";", "\t", "|") if sign in header[0]), None)
        cure = f"; the separator seems to be '{other}', write commas" if other else ""
        raise RequestError(f"{path} has one column, {shown(header[0])}, and needs a time and a price{cure}")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise RequestError(
            f"{path} must name every column once; {f'{twice} stand twice' if twice else 'one is unnamed'}"
        )
    if not rows:
        raise RequestError(f"{path} has a header and no rows")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise RequestError(f"{path}, row {line}: {len(row)} values, the header has {len(header)} columns")
    return header, rows, lines


def _times(where: str, texts: list[str], lines: NDArray[np.int64], zone: str | None) -> tuple[pd.DatetimeIndex, str]:
    """Read (N,) times into UTC, and return the zone they were written in."""
    stripped = [text.strip() for text in texts]
    for line, text in zip(lines, stripped, strict=True):
        if not ISO.fullmatch(text):
            raise RequestError(
                f"{where}, row {line}: {shown(text)} is not a time such as 2024-01-31 or 2024-01-31T13:00:00Z"
            )
        if not _is_moment(text):
            raise RequestError(f"{where}, row {line}: '{text}' is no moment of the calendar between 1700 and 2200")
    zoned = [ZONE.search(text) is not None for text in stripped]
    if any(zoned) and not all(zoned):
        row = zoned.index(not zoned[0])
        raise RequestError(
            f"{where}, row {lines[row]}: '{stripped[row]}' names a zone or not, unlike the rows before; use one"
        )
    index = pd.DatetimeIndex(pd.to_datetime(stripped, format="ISO8601", utc=all(zoned)))
    if not all(zoned):
        index = _localised(where, index, zone)
    index = index.tz_convert("UTC").as_unit("ns")
    steps = np.diff(index.asi8)
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0]) + 1
        law = "stands twice" if steps[row - 1] == 0 else "is earlier than the row before"
        raise RequestError(
            f"{where}, row {lines[row]}: {stripped[row]} {law}; sort the rows by time and keep each once"
        )
    return index, "UTC" if all(zoned) or zone is None else zone


def _localised(where: str, index: pd.DatetimeIndex, zone: str | None) -> pd.DatetimeIndex:
    if zone is None:
        raise RequestError(f"{where}: the times name no zone; give time_zone=UTC, or the zone they were written in")
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError(f"time_zone must be a zone such as UTC or America/Chicago, was '{zone}'") from None
    try:
        return index.tz_localize(known)
    except ValueError as error:
        reason = str(error).split(",")[0]
        raise RequestError(
            f"{where}: a clock change makes a time in {zone} ambiguous or impossible ({reason}); use UTC"
        ) from None


def _is_moment(text: str) -> bool:
    try:
        return 1700 <= datetime.fromisoformat(text).year <= 2200  # what a nanosecond clock can count
    except ValueError:
        return False


def _number(text: str) -> float:
    return float(text) if NUMBER.fullmatch(text.strip()) else float("nan")


def shown(text: str) -> str:
    """Return a text from a file as it can stand in a message: quoted, on one line, and not too long."""
    flat = " ".join(text.split())
    return f"'{flat[:57]}...'" if len(flat) > 60 else f"'{flat}'"
