"""Which column of a file of bars is the close, the open, the volume: named by the request, or known by its name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.config import FileConfig
from tradewinds.data.readers.names import (
    RANKED,
    ROLES,
    candidates,
    is_adjusted,
    is_of_bar,
    letters,
    meanings,
    why_no_feature,
)
from tradewinds.data.readers.table import Table, take_rows
from tradewinds.data.readers.text import listed, typed

PRICED = re.compile(r"(?i)price|preis|prix|precio|close|settle|last|mid|lmp|mwh|usd|eur|[$€£]")  # likelier offered
HEAD = 1000  # rows by which a column that has values is known
RARE = 0.1  # share of the bars above which what differs from nothing are no dividends and no splits


@dataclass(frozen=True)
class Roles:
    """The columns that were found.

    Attributes:
        columns: by role, its column.
        notes: where a column was known by another name than its role's.
    """

    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()


def roles_of(table: Table, config: FileConfig) -> Roles:
    """Find the columns of a bar.

    Raises:
        RequestError: a column that is named is not there, or which is the close cannot be told.
    """
    spoken_for = {table.find(name) for name in (*config.known_ahead, *(config.columns or ()))}
    meant = {
        name: word
        for name, word in meanings(table.columns).items()
        if name not in spoken_for and not is_adjusted(name) and not is_adjusted(word)
    }
    found = {"close": _close(table, config, meant)}
    for role in ROLES:
        column = found.get(role) or _role(table, config, role, meant)
        if column is not None and (role == "close" or column != found["close"]):
            found[role] = column
    translated = [
        f"{column} is read as {role}"
        for role, column in found.items()
        if getattr(config, role) in (None, role) and meant.get(column, letters(column)) != role
    ]
    name = table.origin.name
    return Roles(found, (f"{name}: {', '.join(translated)}",) if translated else ())


def _role(table: Table, config: FileConfig, role: str, meant: Mapping[str, str]) -> str | None:
    named = getattr(config, role)
    if named is not None:
        return table.find(named)
    if role in ("dividends", "splits"):
        return _events(table, role, meant)
    if role == "volume":
        return _volume(table, meant)
    columns = candidates(role, dict(meant))
    return columns[0] if len(columns) == 1 else None


def _close(table: Table, config: FileConfig, meant: Mapping[str, str]) -> str:
    if config.close != "close":
        return table.find(config.close)
    columns = candidates("close", dict(meant)) or _only_numbers(table, meant)
    if len(columns) == 1:
        return columns[0]
    others = [name for name, word in meant.items() if _may_be_a_price(name, word)] or list(table.columns)
    others = sorted(others, key=lambda name: PRICED.search(name) is None)
    if columns:
        raise RequestError(
            f"{table.origin.name} has no column 'close', and {listed(columns, 4)} may each be it; say which, such as "
            f"{typed('series.close', columns[0])}"
        )
    missing = f"{table.origin.name} has no column 'close'{nearest('close', table.columns)}"
    if len(others) == 1:
        raise RequestError(
            f"{missing} (columns there: {', '.join(table.columns)}); say which is the price, such as "
            f"{typed('series.close', others[0])}"
        )
    raise RequestError(
        f"{missing}; say which is the price by series.close=NAME, NAME being one of {listed(others, 12)}; or, "
        "if each is an instrument, read all with series.symbols=all"
    )


def _only_numbers(table: Table, meant: Mapping[str, str]) -> list[str]:
    """Return the only column of numbers, where there is but one: it is the price, whatever it is called."""
    numbers = [name for name, word in meant.items() if _may_be_a_price(name, word) and _is_of_numbers(table, name)]
    priced = any(word in line for word in meant.values() for role in ("open", "high", "low") for line in RANKED[role])
    return numbers if len(numbers) == 1 and not priced else []


def _may_be_a_price(name: str, meant: str) -> bool:
    return not why_no_feature(name, meant) and not is_of_bar(meant)


def _is_of_numbers(table: Table, name: str) -> bool:
    try:
        values = table.numbers(name, empty_allowed=True)
    except RequestError as error:
        return "may be" in str(error)  # of numbers, whichever way they are read
    known = values[np.isfinite(values)]
    return len(known) > 0 and (len(known) < 3 or bool(np.ptp(known) > 0.0))


def _volume(table: Table, meant: Mapping[str, str]) -> str | None:
    """Return the column of the volume: of MetaTrader's two the one in which something stands."""
    lines = [[name for name, word in meant.items() if word in line] for line in RANKED["volume"]]
    single = [columns[0] for columns in lines if len(columns) == 1]
    for column in single:
        try:
            head = take_rows(table, np.arange(min(HEAD, len(table.index)))).numbers(column, empty_allowed=True)
            if np.nan_to_num(head).any():
                return column
            values = table.numbers(column, empty_allowed=True)
        except RequestError:
            return column
        if np.nan_to_num(values).any() or (column == single[-1] and np.isfinite(values).any()):
            return column
    return None


def _events(table: Table, role: str, meant: Mapping[str, str]) -> str | None:
    """Return the column of dividends or splits: of the role's own name, or of another and mostly nothing."""
    columns = [name for name in candidates(role, dict(meant)) if meant[name] != "stocksplits"]
    if len(columns) != 1 or meant[columns[0]] == role:
        return columns[0] if len(columns) == 1 else None
    try:
        values = table.numbers(columns[0], empty_allowed=True)
    except RequestError:
        return None
    nothing = np.isin(values, (0.0, 1.0) if role == "splits" else (0.0,)) | np.isnan(values)
    return columns[0] if np.mean(~nothing) <= RARE else None
