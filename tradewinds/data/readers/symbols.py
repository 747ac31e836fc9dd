"""Files of several instruments, one below another: which column names them, and the rows of one."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.headers import chosen_symbol
from tradewinds.data.readers.names import SYMBOL_NAMES, is_of_bar, meaning
from tradewinds.data.readers.raw import Raw

CERTAIN = {"symbol", "symbols", "ticker", "tickers", "tic", "ric", "isin", "permno", "figi", "instrument", "security"}
REPEATED = 0.2  # share of rows whose time another row has already, from which on a file is of several instruments


def of_one_symbol(raws: Sequence[Raw], times: Sequence[tuple[str, ...]], directions: Directions) -> list[Raw]:
    """Return the rows of one instrument; all where the files hold one.

    Args:
        raws: the files.
        times: of each its columns of times.
        directions: the symbol, where it is given.

    Raises:
        RequestError: the files hold several and the request chooses none of them, or the other way round.
    """
    columns = [
        None if raw.layout.symbol_column else symbol_column(raw, names) for raw, names in zip(raws, times, strict=True)
    ]
    encoded = [
        None if column is None else _encoded(raw.cells[column]) for raw, column in zip(raws, columns, strict=True)
    ]
    symbols = sorted(
        {str(text) for codes in encoded if codes is not None for text in codes.dictionary.to_pylist()} - {""}
    )
    if not symbols:
        if directions.symbol is not None and not any(raw.layout.symbol_column for raw in raws):
            raise RequestError(
                f"{raws[0].origin.name} has no column of symbols to find {directions.symbol} in (columns there: "
                f"{', '.join(raws[0].cells)}); leave {directions.group}.symbol out"
            )
        return list(raws)
    column = next(name for name in columns if name is not None)
    symbol = symbols[0]
    if len(symbols) > 1 or directions.symbol is not None:
        where = f"the column {column}" if len(raws) == 1 else f"the column {column} of {len(raws)} files"
        symbol = chosen_symbol(raws[0].origin.name, where, symbols, directions)
    parts = []
    for raw, codes in zip(raws, encoded, strict=True):
        words = [] if codes is None else codes.dictionary.to_pylist()
        if codes is None or (len(words) == 1 and words[0] == symbol):
            parts.append(raw)
        elif symbol in words:
            parts.append(raw.take(np.asarray(codes.indices) == words.index(symbol)))
    return [
        replace(raw, layout=replace(raw.layout, symbol_column=column, symbol=symbol, symbols=tuple(symbols)))
        for raw in parts
    ]


def symbol_column(raw: Raw, times: Sequence[str]) -> str | None:
    """Return the column that names the instruments, or None.

    Args:
        raw: a file.
        times: its columns of times.
    """
    texts = {name: cells for name, cells in raw.cells.items() if name not in times and _may_name(name, cells)}
    named = [name for name in texts if meaning(name) in SYMBOL_NAMES]
    certain = [name for name in named if meaning(name) in CERTAIN]
    if certain:
        return certain[0]
    rows = len(raw.origin.lines)
    if rows - _distinct([raw.cells[name] for name in times]) < REPEATED * rows:
        return None
    stamps = _codes([raw.cells[name] for name in times])
    most = int(np.unique(stamps, return_counts=True)[1].max())  # rows of one time: as many as there are instruments
    numbers = [name for name in raw.cells if name not in times and name not in texts and not is_of_bar(meaning(name))]
    for name in (*named, *texts, *numbers):
        codes = _codes([raw.cells[name]])
        few = name in texts or int(codes.max()) + 1 <= 2 * most
        if few and len(np.unique(_joined(stamps, codes))) == rows:
            return name
    return named[0] if named else None


def _may_name(name: str, cells: Any) -> bool:
    if isinstance(cells, pd.DatetimeIndex):
        return False
    if isinstance(cells, np.ndarray):
        return meaning(name) in SYMBOL_NAMES
    head = pc.utf8_trim_whitespace(cells.slice(0, 200))
    number = pc.match_substring_regex(head, r"^[$€£¥+-]*[\d.,' ]*[%kKmMbB]?$")
    return meaning(name) in SYMBOL_NAMES or not bool(pc.any(number).as_py())


def _encoded(cells: Any) -> Any:
    if isinstance(cells, np.ndarray):
        cells = pa.array([f"{value:g}" for value in cells])
    return pc.utf8_trim_whitespace(cells).dictionary_encode()


def _distinct(columns: Sequence[Any]) -> int:
    if len(columns) == 1 and isinstance(columns[0], pa.Array):
        return int(pc.count_distinct(columns[0]).as_py())
    return len(np.unique(_codes(columns)))


def _codes(columns: Sequence[Any]) -> NDArray[np.int64]:
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for cells in columns:
        numbers = cells.asi8 if isinstance(cells, pd.DatetimeIndex) else np.asarray(_encoded(cells).indices)
        codes = _joined(codes, np.unique(numbers, return_inverse=True)[1].astype(np.int64))
    return codes


def _joined(codes: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    joined = codes * (int(others.max(initial=0)) + 1) + others
    codes = np.unique(joined, return_inverse=True)[1]
    return np.asarray(codes, dtype=np.int64)
