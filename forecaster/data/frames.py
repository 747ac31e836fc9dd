"""Tables in memory as rows: which column is what, and what cannot be read is refused by name.

A table is pandas' or polars': long, a row a bar (and symbol), or wide, a column of closes an instrument. Rows after the
last close may hold what is known of the bars to come. Must not know files; the readers of `tradewinds.data` do.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
TIME, SYMBOL, CLOSE = "time", "symbol", "close"
KNOWN_AS = {
    TIME: ("time", "date", "datetime", "timestamp", "ds"),
    SYMBOL: ("symbol", "ticker", "unique_id"),
    CLOSE: ("close", "price", "value", "y"),
}  # what a column may be called that nobody names
BAR = ("open", "high", "low", "close", "volume")
ONE = "series"  # what an instrument is called that nobody named


@dataclass(frozen=True, kw_only=True)
class FrameColumns:
    """Which columns of a table are what.

    Attributes:
        time: of the bars' starts; None: the index, or the first of a name such as time, date or ds.
        symbol: of the instrument; None: one called symbol, ticker or unique_id, if there is one.
        close: of the closes, or of the only price or value; several: an instrument each. None: one called close, price,
            value or y, or the only one of numbers.
        past: of what else is known when a bar closes, of all instruments alike.
        future: of what is known before its bar, by how long before.
        dividends: of cash paid per unit, where prices are not adjusted for it; None: there are none.
        splits: of units that one unit becomes, likewise.
    """

    time: str | None = None
    symbol: str | None = None
    close: str | Sequence[str] | None = None
    past: Sequence[str] = ()
    future: Mapping[str, pd.Timedelta] | Sequence[str] = ()
    dividends: str | None = None
    splits: str | None = None

    def __post_init__(self) -> None:
        for name in ("past", "future"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ValueError(f"{name} must be a list of columns, such as ['{value}'], was '{value}'")
            names = {str(key): lead for key, lead in value.items()} if isinstance(value, Mapping) else _names(value)
            object.__setattr__(self, name, names)
        if self.close is not None and not isinstance(self.close, str | int):
            object.__setattr__(self, "close", _names(self.close))
        if self.close == ():
            raise ValueError("close must name a column, or several, an instrument each; was an empty list")
        events = [name for name in ("dividends", "splits") if getattr(self, name) is not None]
        if isinstance(self.close, tuple) and events:
            raise ValueError(
                f"{' and '.join(events)} are of one instrument, and close names {len(self.close)}; bring a long table, "
                "a row a bar and symbol, or adjusted prices"
            )


def long_frame(frame: Any, roles: FrameColumns) -> pd.DataFrame:
    """Return a table as rows of time (UTC), symbol, prices and columns, in order of time.

    Args:
        frame: of pandas or of polars. Times without a zone are taken for UTC.
        roles: which column is what; what they name is not looked for.

    Returns:
        `time`, `symbol`, those of open, high, low and volume that there are, `close`, `dividends`, `splits`, and the
        columns of `roles.past` and `roles.future` under their own names.

    Raises:
        ValueError: a column that is named is not there or holds no numbers, none can be told from the names, a time is
            missing, or two rows are of the same bar.
    """
    table = _table(frame)
    _refuse_twice(roles)
    times = _times(table, roles)
    if isinstance(roles.close, tuple):
        parts = [_rows_of(table, times, replace(roles, close=name), name, bar=False) for name in roles.close]
    else:
        symbol = _found(table, SYMBOL, roles.symbol)
        close = _found(table, CLOSE, roles.close) or _only_numbers(table, roles, symbol)
        parts = [_rows_of(table, times, replace(roles, close=close), symbol, bar=True)]
    rows = pd.concat(parts, ignore_index=True)
    if rows[CLOSE].isna().all():
        raise ValueError(f"the table holds no bar: none of its {len(table)} rows has a close; bring some that do")
    if len(parts) == 1:
        _refuse_holes(rows)
    twice = rows.duplicated([TIME, SYMBOL])
    if twice.any():
        row = rows[twice].iloc[0]
        raise ValueError(f"two rows are of {row[SYMBOL]} at {row[TIME]:%Y-%m-%d %H:%M} UTC; leave one out")
    return rows.sort_values([TIME, SYMBOL], kind="stable", ignore_index=True)


def _names(columns: Any) -> tuple[str, ...]:
    return tuple(map(str, columns))


def _table(frame: Any) -> pd.DataFrame:
    """Return a table of polars as one of pandas, columns by names that are text; refuse what is no table of rows."""
    cures = {"LazyFrame": "collect it first: frame.collect()", "Series": "make a table of it: .to_frame('close')"}
    table = frame.to_pandas() if hasattr(frame, "to_pandas") else frame
    if not isinstance(table, pd.DataFrame):
        kind = type(frame).__name__
        cure = f"; {cures[kind]}" if kind in cures else ""
        raise ValueError(f"a forecaster reads a DataFrame of pandas or polars, was given {kind}{cure}")
    if table.columns.nlevels > 1:
        raise ValueError(
            f"columns must have one level, had {table.columns.nlevels}; flatten them, or make rows of the symbols: "
            "frame.stack()"
        )
    if isinstance(table.index, pd.MultiIndex):
        levels = ", ".join(map(str, table.index.names))
        raise ValueError(f"the index must have one level, had {levels}; make columns of them: frame.reset_index()")
    if isinstance(table.index, pd.PeriodIndex):
        raise ValueError("the index holds periods, and no moments; take their starts: frame.to_timestamp()")
    if len(table) == 0:
        raise ValueError("the table holds no row; bring some bars")
    names = list(map(str, table.columns))
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise ValueError(f"two columns are called '{twice[0]}'; rename one, or leave it out")
    return table.set_axis(names, axis=1)


def _refuse_twice(roles: FrameColumns) -> None:
    """Refuse a column with two roles, or one role twice."""
    closes = roles.close if isinstance(roles.close, tuple) else ()
    for group in (closes, (*roles.past, *roles.future)):
        twice = [name for number, name in enumerate(group) if name in group[:number]]
        if twice:
            raise ValueError(f"column {twice[0]} is named twice; name it once, among close, past or future")


def _times(table: pd.DataFrame, roles: FrameColumns) -> pd.DatetimeIndex:
    """Return (N,) starts of the rows' bars, UTC."""
    named = roles.time
    if named is None and isinstance(table.index, pd.DatetimeIndex):
        times = table.index
    else:
        column = _found(table, TIME, named)
        if column is None:
            raise ValueError(
                f"no column is called {', '.join(KNOWN_AS[TIME])}, and the index holds no times; name it with the "
                f"argument time, of {', '.join(map(str, table.columns))}"
            )
        if pd.api.types.is_numeric_dtype(table[column]):
            raise ValueError(
                f"column {column} holds numbers, and no moments; make them moments first, by pandas.to_datetime with "
                "the unit that they count"
            )
        if isinstance(table[column].dtype, pd.PeriodDtype):
            raise ValueError(f"column {column} holds periods, and no moments; take their starts: .dt.to_timestamp()")
        times = _moments(table[column], column)
    if times.hasnans:
        raise ValueError(f"row {int(np.argmax(times.isna()))} has no time; fill it in, or leave the row out")
    utc = times.tz_localize("UTC") if times.tz is None else times.tz_convert("UTC")
    return utc.as_unit("ns")


def _moments(values: "pd.Series[Any]", column: str) -> pd.DatetimeIndex:
    """Return (N,) moments of a column; of texts such as 31/01/2026 in the one order of day and month that reads all.

    Raises:
        ValueError: it holds none, or texts that are other days in either order.
    """
    texts = values.dropna().astype(str) if values.dtype == object or values.dtype == "string" else pd.Series(dtype=str)
    orders = (False, True) if texts.str.match(r"\d{1,2}\D\d{1,2}\D").any() else (False,)
    readings, fault = [], ""
    for day_first in orders:
        try:
            with warnings.catch_warnings(action="ignore"):  # of texts of no common format
                moments = pd.to_datetime(values, utc=values.dtype == object, dayfirst=day_first)
        except (TypeError, ValueError) as error:
            fault = fault or str(error).splitlines()[0]
            continue
        readings.append(pd.DatetimeIndex(moments))
    if not readings:
        raise ValueError(f"column {column} must hold moments, such as '2026-01-31 14:00': {fault}")
    if len(readings) > 1 and not readings[0].equals(readings[1]):
        raise ValueError(
            f"column {column} may begin with the day or with the month, as in {texts.iloc[0]}; make moments of it, "
            "by pandas.to_datetime with dayfirst"
        )
    return readings[0]


def _found(table: pd.DataFrame, role: str, named: Any) -> str | None:
    """Return the column of a role: the one that is named, or one that is called as such columns are; else None."""
    if named is not None:
        _refuse_absent(table, [str(named)])
        return str(named)
    return next((column for name in KNOWN_AS[role] if (column := _called(table, name)) is not None), None)


def _called(table: pd.DataFrame, name: str) -> str | None:
    """Return the column of a name, in small letters or capitals; None: there is none."""
    alike = [str(column) for column in table.columns if column.lower() == name]
    if len(alike) > 1:
        raise ValueError(f"columns {' and '.join(alike)} cannot be told apart; rename one, or leave it out")
    return alike[0] if alike else None


def _refuse_absent(table: pd.DataFrame, names: Sequence[str]) -> None:
    absent = [name for name in names if name not in table.columns]
    if absent:
        raise ValueError(f"the table has no column '{absent[0]}'; it has {', '.join(table.columns)}")


def _only_numbers(table: pd.DataFrame, roles: FrameColumns, symbol: str | None) -> str:
    """Return the one column of numbers that no role names."""
    others = {symbol, roles.time, roles.dividends, roles.splits, *roles.past, *roles.future}
    numbers = [str(name) for name in table.select_dtypes("number").columns if name not in others]
    if len(numbers) != 1:
        raise ValueError(
            f"no column is called {', '.join(KNOWN_AS[CLOSE])}, and {len(numbers)} hold numbers; name what is "
            f"forecast with the argument close, or several, an instrument each, of {', '.join(map(str, table.columns))}"
        )
    return numbers[0]


def _rows_of(
    table: pd.DataFrame, times: pd.DatetimeIndex, roles: FrameColumns, symbol: str | None, *, bar: bool
) -> pd.DataFrame:
    """Return the rows of an instrument, `symbol`; of a `bar` the column of that name tells which, if there is one."""
    close = str(roles.close)
    taken = {CLOSE: close}
    if bar:
        there = {name: _called(table, name) for name in BAR if name != CLOSE}
        whole = None not in (there["open"], there["high"], there["low"])
        taken |= {name: column for name, column in there.items() if column and (whole or name == "volume")}
        taken |= {
            name: column
            for name, column in {"dividends": roles.dividends, "splits": roles.splits}.items()
            if column is not None
        }
    taken |= {name: name for name in (*roles.past, *roles.future)}
    _refuse_absent(table, list(taken.values()))
    columns: dict[str, Any] = {TIME: times}
    if bar and symbol:
        nameless = table[symbol].isna().to_numpy()
        if nameless.any():
            raise ValueError(f"row {int(np.argmax(nameless))} has no {symbol}; fill it in, or leave the row out")
        columns[SYMBOL] = table[symbol].astype(str).to_numpy()
    elif bar:
        columns[SYMBOL] = ONE if close == CLOSE else close
    else:
        columns[SYMBOL] = symbol
    for name, column in taken.items():
        try:
            numbers = pd.to_numeric(table[column])
            if numbers.dtype.kind == "c":
                raise TypeError
            columns[name] = numbers.to_numpy(dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"column {column} must hold numbers, held {table[column].dtype}") from None
    return pd.DataFrame(columns)


def _refuse_holes(rows: pd.DataFrame) -> None:
    """Refuse a row without a close before the last of its symbol; in a wide table it says that there was no bar."""
    bars = rows[rows[CLOSE].notna()]
    last = rows[SYMBOL].map(bars.groupby(SYMBOL)[TIME].max())
    hole = rows[CLOSE].isna() & (rows[TIME] < last)
    if hole.any():
        row = rows[hole].iloc[0]
        raise ValueError(f"{row[SYMBOL]} has no close at {row[TIME]:%Y-%m-%d %H:%M} UTC; fill it, or leave the row out")
