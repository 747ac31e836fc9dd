"""Bytes into columns: a CSV, plain or gzipped, or a Parquet file. What is no such file is refused by what it is."""

import csv
import gzip
import hashlib
import io
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import number, shown

RawCells = list[str] | NDArray[np.float64] | pd.DatetimeIndex
TAB = "\t"
YAHOO_TOP = ("Price", "Ticker")  # the first cells of the first two lines of what pandas writes of yfinance.download


@dataclass(frozen=True, eq=False)
class Raw:
    """A file's columns.

    Attributes:
        path: the file.
        sha256: of its bytes.
        columns: names in the file's order.
        time_column: the one that holds the times if nobody says otherwise.
        lines: (N,) line or row of each.
        cells: by column, N texts (CSV), numbers or times (Parquet).
    """

    path: Path
    sha256: str
    columns: tuple[str, ...]
    time_column: str
    lines: NDArray[np.int64]
    cells: dict[str, RawCells]

    @property
    def origin(self) -> Origin:
        """File and line of each row."""
        return Origin((str(self.path),), np.zeros(len(self.lines), dtype=np.int64), self.lines)


def read_raw(path: Path) -> Raw:
    """Read a file by what its first bytes say it is.

    Raises:
        RequestError: it is not there, not whole, or not a table.
    """
    content = bytes_of(path)
    digest = hashlib.sha256(content).hexdigest()
    if content[:4] == b"PAR1" or path.suffix == ".parquet":
        return _parquet(path, content, digest)
    header, rows, lines = _rows_of(path, _text_of(path, content))
    cells: dict[str, RawCells] = {
        name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)
    }
    return Raw(path, digest, header, header[0], lines, cells)


def bytes_of(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        RequestError: there is none, or it cannot be read.
    """
    try:
        if path.is_dir():
            raise RequestError(f"{path} is a folder; name a file in it")
        if not path.is_file():
            beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise RequestError(f"there is no file {path}{nearest(path.name, beside)}")
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"cannot read {shown(str(path))}: {error.strerror}") from None


def unzipped(path: Path, content: bytes) -> bytes:
    """Return what a file holds, or what was gzipped into it.

    Raises:
        RequestError: it is a broken gzip file.
    """
    try:
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error):
        raise RequestError(f"{path} is a damaged or truncated gzip file; copy it again") from None


def _text_of(path: Path, content: bytes) -> str:
    content = unzipped(path, content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not text in UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
    if "\0" in text:
        raise RequestError(f"{path} is not text: it holds null bytes; save it as CSV UTF-8")
    if not text.strip():
        raise RequestError(f"{path} is empty")
    if text.lstrip()[:6].lower().startswith(("<!doc", "<html", "<?xml", "<head", "<body", "<erro")):
        raise RequestError(f"{path} is a web page or XML, not CSV; download the data itself")
    if text.lstrip().startswith(("{", "[")):
        raise RequestError(f"{path} is JSON, not CSV; save it as CSV")
    return text


def _rows_of(path: Path, text: str) -> tuple[tuple[str, ...], list[list[str]], NDArray[np.int64]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        numbered = [(row, reader.line_num) for row in reader if row]
    except csv.Error as error:
        raise RequestError(f"{path} cannot be read as CSV: {error} (line {reader.line_num})") from None
    numbered = _flattened(path, numbered)
    header, rows = tuple(name.strip() for name in numbered[0][0]), [row for row, _ in numbered[1:]]
    lines = np.array([line for _, line in numbered[1:]], dtype=np.int64)
    if all(number(name) == number(name) for name in header):
        raise RequestError(f"{path} has no header: its first line holds only numbers; add one that names the columns")
    if header[0].startswith("#"):
        raise RequestError(f"{path} begins with a comment, {shown(header[0])}; remove the lines before the header")
    if len(header) == 1:
        other = next((sign for sign in (";", TAB, "|") if sign in header[0]), None)
        cure = f"; the separator seems to be {'a tab' if other == TAB else repr(other)}, write commas" if other else ""
        raise RequestError(f"{path} has one column, {shown(header[0])}, and needs a time and a price{cure}")
    if header[0] == "":  # how pandas writes an index without a name
        header = ("index", *header[1:])
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice or "" in header:
        raise RequestError(
            f"{path} must name every column once; {f'{twice} stand twice' if twice else 'one is unnamed'}"
        )
    if not rows:
        raise RequestError(f"{path} has a header and no rows")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            cure = "; are its decimals written with a comma? write points" if len(row) > len(header) else ""
            raise RequestError(f"{path}, row {line}: {len(row)} values, the header has {len(header)} columns{cure}")
    return header, rows, lines


def _flattened(path: Path, numbered: list[tuple[list[str], int]]) -> list[tuple[list[str], int]]:
    """Take the known three-line header of a saved yfinance.download apart; other headers stay as they are.

    Raises:
        RequestError: it holds several tickers.
    """
    if len(numbered) < 3 or (numbered[0][0][0], numbered[1][0][0]) != YAHOO_TOP:
        return numbered
    tickers = sorted(set(numbered[1][0][1:]))
    if len(tickers) > 1:
        raise RequestError(
            f"{path} holds {len(tickers)} tickers, {', '.join(tickers[:5])}, under one another's names; "
            "save one ticker a file"
        )
    names = [numbered[2][0][0] or "Date", *numbered[0][0][1:]]
    return [(names, 1), *numbered[3:]]


def _parquet(path: Path, content: bytes, digest: str) -> Raw:
    try:
        table = pq.read_table(pa.BufferReader(content), use_threads=False)
        table.validate()
        named = [
            index for index in (table.schema.pandas_metadata or {}).get("index_columns", []) if isinstance(index, str)
        ]
        names = [_flat(name) for name in table.column_names]
        cells = {name: _cells_of(column) for name, column in zip(names, table.columns, strict=True)}
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError):
        raise RequestError(f"{path} is a damaged or truncated Parquet file, or none; copy it again") from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RequestError(f"{path} must name every column once; {twice} stand twice")
    readable = {name: column for name, column in cells.items() if column is not None}
    times = [name for name, column in readable.items() if isinstance(column, pd.DatetimeIndex)]
    time_column = next((name for name in [*named, *times, *readable] if name in readable), None)
    if time_column is None or len(readable) < 2:
        raise RequestError(f"{path} needs a column of times and one of prices, has {', '.join(names) or 'none'}")
    if table.num_rows == 0:
        raise RequestError(f"{path} has no rows")
    return Raw(path, digest, tuple(readable), time_column, np.arange(1, table.num_rows + 1), readable)


def _flat(name: str) -> str:
    """`('Close', 'AAPL')` is how pandas writes a column of two levels; its first is what yfinance calls it."""
    match = re.fullmatch(r"\('([^']*)', '[^']*'\)", name)
    return match[1] if match else name


def _cells_of(column: pa.ChunkedArray) -> RawCells | None:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_timestamp(kind):
        zone = kind.tz
        stamps = pd.DatetimeIndex(column.cast(pa.timestamp("ns")).to_numpy())
        return stamps.tz_localize("UTC") if zone else stamps
    if pa.types.is_date(kind):
        return pd.DatetimeIndex(column.cast(pa.timestamp("ns")).to_numpy())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [text or "" for text in column.to_pylist()]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return None
