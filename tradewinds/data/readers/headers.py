"""Which name each column has: from the header, from several lines of it, from the request, or from a known shape."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.dialect import Dialect
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.grammar import UNITS
from tradewinds.data.readers.names import RANKED, meaning
from tradewinds.data.readers.text import listed, number, shown, typed

KLINES = (  # what Binance and its kin write without a header, in this order
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades", "taker_buy_volume",
    "taker_buy_quote_volume", "ignore",
)  # fmt: skip
PRICE_WORDS = {word for lines in RANKED.values() for line in lines for word in line} | {"adjclose"}


@dataclass(frozen=True)
class Header:
    """The columns that are read.

    Attributes:
        places: of each in a row.
        names: of each, none twice.
        symbols: that the header itself holds, one above each column; or none.
        notes: what a person should know.
    """

    places: tuple[int, ...]
    names: tuple[str, ...]
    symbols: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def header_of(name: str, dialect: Dialect, directions: Directions, *, blank: Sequence[int] = ()) -> Header:
    """Name the columns.

    Args:
        name: of the file, for messages.
        dialect: how it is laid out.
        directions: names and symbol, where they are given.
        blank: places of columns in which nothing stands.

    Raises:
        RequestError: it has no names, a name twice, or several symbols of which none is chosen.
    """
    if directions.names is not None:
        return _given(name, dialect, directions)
    if not dialect.header:
        return _by_shape(name, dialect, directions)
    if len(dialect.header) > 1:
        return _stacked(name, dialect, directions)
    names = [_clean(cell) for cell in dialect.header[0]]
    if len(names) < dialect.width:  # R leaves the column of its row names without a name
        ends = blank and dialect.width - 1 in blank
        names = [*names, ""] if ends else ["", *names]
    places = [place for place in range(dialect.width) if names[place] or place not in blank]
    return _checked(name, tuple(places), tuple(names[place] for place in places))


def _clean(cell: str) -> str:
    """Return a name without the angle brackets of MetaTrader and the mark of a comment."""
    stripped = " ".join(cell.split()).removeprefix("#").strip()
    return stripped[1:-1].strip() if re.fullmatch(r"<[^<>]*>", stripped) else stripped


def _checked(name: str, places: tuple[int, ...], names: tuple[str, ...], symbols: tuple[str, ...] = ()) -> Header:
    if names and names[0] == "":  # how pandas writes an index without a name
        names = ("index", *names[1:])
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice or "" in names:
        reason = f"{twice} stand twice" if twice else "one is unnamed"
        raise RequestError(f"{name} must name every column once; {reason}")
    return Header(places, names, symbols)


def _given(name: str, dialect: Dialect, directions: Directions) -> Header:
    names = directions.names or ()
    if len(names) != dialect.width:
        raise RequestError(
            f"{directions.group}.names must name the {dialect.width} columns of {name}, named {len(names)}; its first "
            f"row is {shown(dialect.separator.join(dialect.rows[0]) if dialect.rows else '')}"
        )
    return _checked(name, tuple(range(dialect.width)), tuple(names))


def _by_shape(name: str, dialect: Dialect, directions: Directions) -> Header:
    if _counts(dialect.rows, 0) and _are_bars(dialect.rows, 1):
        known: tuple[str, ...] = ()
        if len(dialect.rows[0]) == len(KLINES) and _counts(dialect.rows, 6):
            known = KLINES
        elif dialect.width in (6, 7):
            known = ("time", *KLINES[1:6], "trades")[: dialect.width]
        if known:
            note = f"{name} has no header; it is read as an exchange's bars: {listed(known, 7)}"
            return Header(tuple(range(dialect.width)), known, (), (note,))
    likely = _known_names(dialect)
    names = f"{directions.group}.names"
    cure = (
        f"name the {dialect.width} columns, such as {typed(names, f'[{likely}]')}"
        if likely
        else f"name all {dialect.width} columns in their order by {names}=[...], time and close among them"
    )
    cells = dialect.separator.join(dialect.rows[0])
    raise RequestError(f"{name} has no header: its first line is a row, {shown(cells)}; {cure}")


def _counts(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Say whether a column counts from 1970."""
    texts = [row[place].strip() for row in rows]
    return bool(texts) and all(text.isdecimal() and text.isascii() and len(text) in UNITS for text in texts)


def _are_bars(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Say whether four columns hold to the law of open, high, low and close, and some row tells high and low apart."""
    if not rows or len(rows[0]) < place + 4:
        return False
    bars = [[number(cell) for cell in row[place : place + 4]] for row in rows]
    return all(low <= min(o, c) and max(o, c) <= high for o, high, low, c in bars) and any(
        bar[1] > bar[2] for bar in bars
    )


def _known_names(dialect: Dialect) -> str:
    """Return the names of a time and its bar, or of a time and one value; nothing where the rows do not tell."""
    width, rows = dialect.width, dialect.rows
    two = width > 2 and all(re.fullmatch(r"\d{1,2}:\d\d(:\d\d)?", row[1].strip()) for row in rows)
    names = ["date", "time"] if two else ["time"]
    rest = width - len(names)
    if rest == 1:
        return ",".join([*names, "close"])
    bars = _are_bars(rows, len(names)) and rest in (4, 5)
    return ",".join([*names, *("open", "high", "low", "close", "volume")[:rest]]) if bars else ""


def _stacked(name: str, dialect: Dialect, directions: Directions) -> Header:
    """Name columns that have a field and a symbol above them, as yfinance and pandas-datareader write them."""
    upper, lower = (tuple(map(_clean, cells)) for cells in dialect.header[:2])
    fields, tickers = (upper, lower) if speaks_of_prices(upper[1:]) >= speaks_of_prices(lower[1:]) else (lower, upper)
    time = dialect.header[2][0].strip() if len(dialect.header) > 2 else ""
    symbols = tuple(sorted(set(tickers[1:]) - {""}))
    if directions.several:
        columns = (paired(field, ticker) for field, ticker in zip(fields[1:], tickers[1:], strict=True))
        return _checked(name, tuple(range(dialect.width)), (time or "Date", *columns), symbols)
    chosen = chosen_symbol(name, "its header", symbols, directions) if len(symbols) > 1 or directions.symbol else None
    places = (0, *(place for place in range(1, dialect.width) if chosen is None or tickers[place] == chosen))
    return _checked(name, places, (time or "Date", *(fields[place] for place in places[1:])), symbols)


def paired(field: str, symbol: str) -> str:
    """Return the name of the column of one field of one symbol, where all symbols of a header are read."""
    return f"{field}\n{symbol}" if symbol else field


def speaks_of_prices(cells: Sequence[str]) -> int:
    """Return how many of some names are those of prices or volumes."""
    return sum(meaning(cell) in PRICE_WORDS for cell in cells)


def chosen_symbol(name: str, where: str, symbols: Sequence[str], directions: Directions) -> str:
    """Return the symbol of a file of several that the request asks for.

    Raises:
        RequestError: it asks for none, or for one that is not there.
    """
    if directions.symbol is None:
        example = typed(f"{directions.group}.symbol", symbols[0])
        every = ", or series.symbols=all for a universe of all" if directions.group == "series" else ""
        raise RequestError(
            f"{name} holds {len(symbols)} symbols in {where}, {listed(symbols, 5)}; type {example} to read one of "
            f"them{every}"
        )
    if directions.symbol in symbols:
        return directions.symbol
    alike = [symbol for symbol in symbols if symbol.lower() == directions.symbol.lower()]
    if len(alike) == 1:
        return alike[0]
    raise RequestError(
        f"{directions.group}.symbol={directions.symbol} is none of the {len(symbols)} symbols in {where} of {name}"
        f"{nearest(directions.symbol, symbols)} ({listed(symbols, 8)})"
    )
