"""From a table of the user's to checked bars: which column is what, what a halt looks like, and every check there is.

Knows one table and one request; not whose bars they are nor what stands beside them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecaster.data.instruments import DAY
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.roles import Roles
from tradewinds.data.checks.bars import Array, Bars, checked
from tradewinds.data.checks.excursions import check_excursions
from tradewinds.data.checks.jumps import check_jumps, refuse_adjusted
from tradewinds.data.checks.sessions import check_sessions
from tradewinds.data.config import UNPRICED, FileConfig
from tradewinds.data.notes import Note
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.names import is_adjusted_close, meanings, unit_in
from tradewinds.data.readers.numbers import currency_in, thousands_in
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import moment
from tradewinds.data.rules import DataConfig


@dataclass(frozen=True, eq=False)
class Cells:
    """The numbers of a table that a bar is made of.

    Attributes:
        columns: (N,) each, by role.
        names: of the columns they were read from, by role.
        notes: what a person should know.
    """

    columns: dict[str, Array]
    names: Mapping[str, str]
    notes: tuple[str, ...] = ()


def cells_of(table: Table, roles: Roles, config: FileConfig) -> Cells:
    """Read the columns of a bar, and of an adjusted close beside it.

    Raises:
        RequestError: a cell holds no number.
    """
    columns = {role: table.numbers(column) for role, column in roles.columns.items()}
    evidence = _evidence(table, roles.columns["close"])
    columns |= {role: table.numbers(column, empty_allowed=True) for role, column in evidence.items()}
    notes = _of_yfinance(config, table, columns)
    if "splits" in columns:
        columns["splits"] = np.where(columns["splits"] == 0.0, 1.0, columns["splits"])  # 0 where there was none
    columns, halted = _halted(columns, table)
    names = {role: column for role, column in {**roles.columns, **evidence}.items() if role in columns}
    return Cells(columns, names, (*notes, *halted))


def check_bars(
    bars: Bars, config: FileConfig, rules: DataConfig, length: pd.Timedelta | None, *, beside: int = 1
) -> tuple[Bars, pd.Timedelta, list[str]]:
    """Hold the bars of one instrument of `beside` against every law; else as `checks.bars.checked`.

    Raises:
        RequestError: bars that cannot be, or are hardly to be believed.
    """
    positive = config.target not in UNPRICED
    bars, length, notes = checked(bars, rules=rules, length=length, positive=positive)
    if positive:  # what is no price is not split, and jumps by no ratio
        refuse_adjusted(bars)
        notes += check_jumps(bars, rules, window=max(int(DAY / length), 10))
    check_excursions(bars, rules, positive=positive, beside=beside)
    if config.calendar is not None:
        notes += check_sessions(bars, config.calendar, length=length, max_missing=rules.max_missing)
    return bars, length, notes


def layout_of(table: Table, cells: Cells, config: FileConfig) -> Layout:
    """Return what was understood of a table of bars."""
    close = cells.names["close"]
    style, signs = table.styles.get(close), table.cells[close]
    currency = "" if style is None else currency_in(signs)
    return replace(
        table.layout,
        roles=cells.names,
        decimal="" if style is None else style.decimal or ".",
        unit=config.price_unit or unit_in(close) or currency,
        thousands="" if style is None else thousands_in(signs, style),
    )


def length_of(text: str | None) -> pd.Timedelta | None:
    """Return the length that `series.bar_length` names, or None.

    Raises:
        RequestError: it is none.
    """
    if text is None:
        return None
    try:
        length = pd.Timedelta(text) if re.fullmatch(r"\d{1,6} ?[A-Za-z]+", text, re.ASCII) else None
    except ValueError:
        length = None
    if length is None or not length > pd.Timedelta(0):  # not NaT either
        raise RequestError(f"series.bar_length must be a length such as 1D, 1h or 15min, was '{text}'")
    return length


def tell_missing(cells: Cells) -> tuple[str, ...]:
    """Say which of the four prices are missing, where some are there and do not count without the others."""
    missing = [role for role in ("open", "high", "low") if role not in cells.columns]
    if missing and len(missing) < 3:
        return (f"columns {', '.join(missing)} are missing: only close is used, as one price a bar",)
    return ()


def _halted(columns: dict[str, Array], table: Table) -> tuple[dict[str, Array], list[str]]:
    """Read bars of which only the close stands, open, high, low and volume being 0, as bars of that one price."""
    if not {"open", "high", "low"} <= columns.keys():
        return columns, []
    halted = (columns["open"] == 0.0) & (columns["high"] == 0.0) & (columns["low"] == 0.0) & (columns["close"] > 0.0)
    if "volume" in columns:
        halted &= np.nan_to_num(columns["volume"]) == 0.0
    if not halted.any() or halted.all():
        return columns, []
    first = moment(table.index[int(np.argmax(halted))])
    words = (
        f"{table.origin.name}: in {int(halted.sum())} bars open, high and low are 0 and the close stands, as when "
        f"trade is halted, the first on {first}: all four are read as the close"
    )
    return {
        **columns,
        **{name: np.where(halted, columns["close"], columns[name]) for name in ("open", "high", "low")},
    }, [Note(words, "repair")]


def _evidence(table: Table, close: str) -> dict[str, str]:
    """Return the column of the adjusted close that a file has beside its close, if it can be read."""
    for name, meant in meanings(table.columns).items():
        if (is_adjusted_close(name) or is_adjusted_close(meant)) and name != close:
            try:
                table.numbers(name, empty_allowed=True)
            except RequestError:
                continue
            return {"adjusted_close": name}
    return {}


def _of_yfinance(config: FileConfig, table: Table, columns: dict[str, Array]) -> list[str]:
    """Leave out the events of a file that yfinance wrote, whose prices are divided by splits already.

    Without a column `Adj Close` they are adjusted for dividends too.
    """
    if not table.has("stock splits") or config.splits is not None:
        return []
    adjusted = "adjusted_close" not in columns and config.dividends is None
    if adjusted:
        columns.pop("dividends", None)
    unused = "Stock Splits and Dividends are" if adjusted else "Stock Splits is"
    return [f"{table.origin.name} is as yfinance writes it, its prices adjusted already: {unused} not used"]
