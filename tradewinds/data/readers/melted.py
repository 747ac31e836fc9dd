"""Rows of several instruments, one below another: as a file has them, or made of columns that stand side by side.

What nobody wrote into a wide file is no row: an instrument that is not listed yet, or no more. Knows cells and no
prices.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.data.readers.names import is_of_bar, letters, meaning
from tradewinds.data.readers.raw import Raw, take_cells
from tradewinds.data.readers.text import ABSENT

ROW_NUMBER = re.compile(r"index|unnamed\d*|level\d+|row(num|number|id|index)?")
CLOSE = "close"  # the field of a wide file, which has but one


@dataclass(frozen=True, eq=False)
class SymbolRows:
    """Rows of a file, and whose each is.

    Attributes:
        raw: times and fields; no column of symbols.
        symbols: of its instruments, sorted.
        codes: (N,) which of them each row is of.
    """

    raw: Raw
    symbols: tuple[str, ...]
    codes: NDArray[np.int64]

    def of(self, kept: Collection[str]) -> "SymbolRows":
        """Return the rows of some of the instruments."""
        if all(symbol in kept for symbol in self.symbols):
            return self
        stays = np.array([symbol in kept for symbol in self.symbols])
        numbers = np.cumsum(stays) - 1
        rows = stays[self.codes]
        symbols = tuple(symbol for symbol in self.symbols if symbol in kept)
        return SymbolRows(self.raw.take(rows), symbols, numbers[self.codes[rows]])


def from_column(raw: Raw, column: str) -> SymbolRows:
    """Return the rows of a file of which a column names the instruments.

    Raises:
        RequestError: a row names none.
    """
    cells = raw.cells[column]
    if isinstance(cells, np.ndarray):
        cells = pa.array([f"{value:g}" for value in cells])
    coded = pc.utf8_trim_whitespace(cells).dictionary_encode()
    words = [str(word) for word in coded.dictionary.to_pylist()]
    symbols = tuple(sorted(words))
    place = {symbol: number for number, symbol in enumerate(symbols)}
    codes = np.array([place[word] for word in words], dtype=np.int64)[np.asarray(coded.indices)]
    if "" in place:
        raw.origin.refuse_first(
            codes == place[""], lambda row: f"column {column}", "is empty; name the instrument, or remove the row"
        )
    rest = {name: values for name, values in raw.cells.items() if name != column}
    return SymbolRows(replace(raw, cells=rest), symbols, codes)


def from_columns(raw: Raw, times: Sequence[str], marks: Collection[str]) -> SymbolRows:
    """Return the rows of a file with a column an instrument, or with a header of fields and symbols.

    Args:
        raw: the file.
        times: its columns of times.
        marks: texts that stand for a missing value.
    """
    columns = _instruments(raw, times)
    pairs = [tuple(name.split("\n", 1)) if "\n" in name else (CLOSE, name) for name in columns]
    symbols = tuple(sorted({symbol for _, symbol in pairs}))
    fields = tuple(dict.fromkeys(field for field, _ in pairs))
    of_pair = dict(zip(pairs, columns, strict=True))
    there_in = {name: filled(raw.cells[name], marks) for name in columns}
    rows = []
    for symbol in symbols:
        there = [there_in[of_pair[field, symbol]] for field in fields if (field, symbol) in of_pair]
        rows.append(np.flatnonzero(np.logical_or.reduce(there)))
    cells = {name: _joined([take_cells(raw.cells[name], some) for some in rows]) for name in times}
    for field in fields:
        parts = [raw.cells.get(of_pair.get((field, symbol), "")) for symbol in symbols]
        cells[field] = _joined(
            [
                _nothing(raw.cells[columns[0]], len(some)) if part is None else take_cells(part, some)
                for part, some in zip(parts, rows, strict=True)
            ]
        )
    codes = np.repeat(np.arange(len(symbols)), [len(some) for some in rows])
    origin = raw.origin.take(np.concatenate(rows))
    return SymbolRows(replace(raw, cells=cells, origin=origin), symbols, codes)


def is_wide(raw: Raw, times: Sequence[str], symbols: Collection[str]) -> bool:
    """Say whether the columns of a file are instruments, and not the prices of one.

    A ticker may be a price's name, as C, V and LOW are: a file of bars has the four prices, or a close that is spelt.

    Args:
        raw: the file.
        times: its columns of times.
        symbols: that the request names; none where it asks for all.
    """
    columns = _instruments(raw, times)
    if symbols and set(symbols) <= set(columns):
        return True
    meant = {meaning(name) for name in columns}
    spelt = {word for word in meant if is_of_bar(word) and len(word) > 1} - {"low"}
    of_bars = {"open", "high", "low", "close"} <= meant or {"o", "h", "l", "c"} <= meant
    return len(columns) > 1 and not of_bars and len(spelt) < 0.5 * len(columns) and not spelt & {"close", "price"}


def _instruments(raw: Raw, times: Sequence[str]) -> list[str]:
    """Return the columns of a wide file but for its times, and for a number of the row, as pandas writes one."""
    return [name for name in raw.cells if name not in times and not ROW_NUMBER.fullmatch(letters(name))]


def joined_rows(parts: Sequence[SymbolRows]) -> SymbolRows:
    """Return the rows of several files of the same columns as those of one."""
    if len(parts) == 1:
        return parts[0]
    symbols = tuple(sorted({symbol for part in parts for symbol in part.symbols}))
    place = {symbol: number for number, symbol in enumerate(symbols)}
    codes = np.concatenate([np.array([place[symbol] for symbol in part.symbols])[part.codes] for part in parts])
    raws = [part.raw for part in parts]
    cells = {name: _joined([raw.cells[name] for raw in raws]) for name in raws[0].cells}
    files = tuple(raw.origin.files[0] for raw in raws)
    origin = replace(
        raws[0].origin,
        files=files,
        file=np.repeat(np.arange(len(raws)), [len(raw.origin.lines) for raw in raws]),
        lines=np.concatenate([raw.origin.lines for raw in raws]),
    )
    return SymbolRows(replace(raws[0], cells=cells, origin=origin), symbols, codes)


def filled(cells: Any, marks: Collection[str]) -> NDArray[np.bool_]:
    """Return (N,) which cells hold something, the texts `marks` being nothing too."""
    if isinstance(cells, pd.DatetimeIndex):
        return ~np.asarray(cells.isna())
    if isinstance(cells, np.ndarray):
        return ~np.isnan(cells)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
    return ~np.asarray(pc.is_in(words, pa.array(sorted({*ABSENT, *(mark.lower() for mark in marks)}))))


def _nothing(like: Any, number: int) -> Any:
    return np.full(number, np.nan) if isinstance(like, np.ndarray) else pa.array([""] * number, type=pa.string())


def _joined(parts: Sequence[Any]) -> Any:
    """Return columns of cells one below another; as texts where some are texts and some are numbers."""
    if all(isinstance(part, np.ndarray) for part in parts):
        return np.concatenate(parts)
    if all(isinstance(part, pd.DatetimeIndex) for part in parts):
        return parts[0].append(list(parts[1:]))
    return pa.concat_arrays([_as_texts(part) for part in parts])


def _as_texts(cells: Any) -> Any:
    if isinstance(cells, np.ndarray):
        return pa.array(["" if np.isnan(value) else repr(float(value)) for value in cells], type=pa.string())
    if isinstance(cells, pd.DatetimeIndex):
        return pa.array(["" if pd.isna(stamp) else stamp.isoformat() for stamp in cells], type=pa.string())
    return cells
