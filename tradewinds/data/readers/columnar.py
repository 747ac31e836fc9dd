"""Parquet and Feather as columns of cells: numbers, times or texts, with the index that pandas wrote."""

import ast
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
import pyarrow.parquet as pq

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.headers import chosen_symbol, paired, speaks_of_prices
from tradewinds.data.readers.limits import refuse_large
from tradewinds.data.readers.times import looks_like_times

EXACT = 2**53  # beyond which a float is no longer every integer


@dataclass(frozen=True, eq=False)
class Columnar:
    """Its rows by number, its cells by column, the index of its times, and the symbols above its columns."""

    rows: int
    cells: dict[str, Any]
    index: str | None
    symbols: tuple[str, ...] = ()
    symbol: str = ""


def is_parquet(name: str, content: bytes) -> bool:
    """Say whether a file is Parquet, or means to be."""
    return content[:4] == b"PAR1" or name.lower().endswith((".parquet", ".pq"))


def is_feather(name: str, content: bytes) -> bool:
    """Say whether a file is Feather or an Arrow file, or means to be."""
    return content[:6] == b"ARROW1" or content[:4] == b"FEA1" or name.lower().endswith((".feather", ".arrow"))


def read_columnar(name: str, content: bytes, directions: Directions) -> Columnar:
    """Read a Parquet or Feather file.

    Raises:
        RequestError: it is damaged, names a column twice, has no rows, or holds several symbols and none is chosen.
    """
    kind = "Parquet" if is_parquet(name, content) else "Feather"
    try:
        reader = pa.BufferReader(content)
        if kind == "Parquet":  # a few bytes of it may stand for any number of rows
            facts = pq.read_metadata(pa.BufferReader(content))
            refuse_large(name, float(facts.num_rows) * float(facts.num_columns) * 8.0)
        table = (
            pq.read_table(reader, use_threads=False)
            if kind == "Parquet"
            else feather.read_table(reader, use_threads=False)
        )
        table.validate()
        indices = (table.schema.pandas_metadata or {}).get("index_columns", [])
        named = [index for index in indices if isinstance(index, str)]
        cells = [_cells_of(column) for column in table.columns]
        names = [str(column) for column in table.column_names]
    except RequestError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, AttributeError, MemoryError, OverflowError):
        raise RequestError(f"{name} is a damaged or truncated {kind} file, or none; copy it again") from None
    names, keep, symbols, symbol = _flat(name, names, directions)
    readable = {names[place]: cells[place] for place in keep if cells[place] is not None}
    chosen = [names[place] for place in keep]
    twice = sorted({column for column in chosen if chosen.count(column) > 1})
    if twice:
        raise RequestError(f"{name} must name every column once; {twice} stand twice")
    if len(readable) < 2:
        raise RequestError(f"{name} needs a column of times and one of prices, has {', '.join(names) or 'none'}")
    if table.num_rows == 0:
        raise RequestError(f"{name} has no rows")
    times = [column for column, values in readable.items() if isinstance(values, pd.DatetimeIndex)]
    levels = [column for column in named if column in readable]
    index = next((column for column in [*levels, *times] if _are_times(readable[column])), None)
    return Columnar(table.num_rows, readable, index, symbols, symbol)


def _are_times(cells: Any) -> bool:
    return isinstance(cells, pd.DatetimeIndex) or (not isinstance(cells, np.ndarray) and looks_like_times(cells))


def _flat(name: str, names: list[str], directions: Directions) -> tuple[list[str], list[int], tuple[str, ...], str]:
    """Flatten columns of two levels, prices and symbols in either order: names, places kept, symbols, the chosen."""
    pairs = [_pair(column) for column in names]
    if speaks_of_prices([pair[1] for pair in pairs if pair]) > speaks_of_prices([pair[0] for pair in pairs if pair]):
        pairs = [pair if pair is None or "" in pair else (pair[1], pair[0]) for pair in pairs]
    symbols = tuple(sorted({pair[1] for pair in pairs if pair is not None and pair[1]}))
    places, chosen = list(range(len(names))), symbols[0] if symbols else ""
    if directions.several:
        several = [column if pair is None else paired(*pair) for column, pair in zip(names, pairs, strict=True)]
        return several, places, symbols, chosen
    if len(symbols) > 1 or (symbols and directions.symbol):
        chosen = chosen_symbol(name, "its columns", symbols, directions)
        places = [place for place, pair in enumerate(pairs) if pair is None or pair[1] in ("", chosen)]
    flat = [column if pair is None else pair[0] or pair[1] for column, pair in zip(names, pairs, strict=True)]
    return flat, places, symbols, chosen


def _pair(column: str) -> tuple[str, str] | None:
    """Return the two levels of a column that pandas wrote as `('Close', 'AAPL')`; None of another."""
    if not re.fullmatch(r"\(.*, .*\)", column):
        return None
    try:
        pair = ast.literal_eval(column)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return (str(pair[0]), str(pair[1])) if isinstance(pair, tuple) and len(pair) == 2 else None


def _cells_of(column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_timestamp(kind):
        stamps = pd.DatetimeIndex(column.cast(pa.timestamp("ns")).to_numpy())
        return stamps.tz_localize("UTC") if kind.tz else stamps
    if pa.types.is_date(kind):
        return pd.DatetimeIndex(column.cast(pa.timestamp("ns")).to_numpy())
    if _is_text(kind):
        return pc.fill_null(column.cast(pa.string()).combine_chunks(), "")
    if (
        pa.types.is_integer(kind) and (pc.max(pc.abs_checked(column)).as_py() or 0) > EXACT
        if _is_signed(kind)
        else False
    ):
        return pc.fill_null(column.cast(pa.string()).combine_chunks(), "")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.array(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    return None


def _is_text(kind: Any) -> bool:
    views = getattr(pa.types, "is_string_view", None)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or (views is not None and views(kind)))


def _is_signed(kind: Any) -> bool:
    return bool(pa.types.is_signed_integer(kind))
