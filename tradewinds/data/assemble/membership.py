"""When an instrument belongs to a universe, known at its date: what is told of a date reaches no earlier bar.

An instrument that is no member does not trade; one that leaves for good is paid out at its last price as a member, and
one that comes back is held meanwhile as in a halt. Before it is a member nothing of it is known: that it will be one
is a thing of the future.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.files import clock_in, raws_of, with_times
from tradewinds.data.readers.melted import from_column
from tradewinds.data.readers.names import letters
from tradewinds.data.readers.panels import Panel
from tradewinds.data.readers.raw import Raw
from tradewinds.data.readers.symbols import symbol_column
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import shown
from tradewinds.data.rules import DataConfig

YES = {"1", "1.0", "true", "t", "yes", "y", "in", "member", "x"}
NO = {"0", "0.0", "false", "f", "no", "n", "out", "", "nan"}
FROM = ("from", "start", "startdate", "begin", "added", "dateadded", "in", "entry", "entrydate", "first", "since")
UNTIL = (
    "until",
    "to",
    "end",
    "enddate",
    "thru",
    "through",
    "removed",
    "dateremoved",
    "out",
    "exit",
    "exitdate",
    "last",
)
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Membership:
    """By symbol, the moments from which on its membership changes, and what it is then.

    Attributes:
        changes: (K,) nanoseconds of UTC, increasing, and (K,) whether it is a member from then on.
    """

    changes: Mapping[str, tuple[NDArray[np.int64], NDArray[np.bool_]]]

    @property
    def symbols(self) -> list[str]:
        """Those that are ever told of."""
        return sorted(self.changes)

    def at(self, symbol: str, index: pd.DatetimeIndex) -> NDArray[np.bool_]:
        """Return (T,) whether a symbol is a member at the start of each bar; not before it is first told of."""
        if symbol not in self.changes:
            return np.zeros(len(index), dtype=bool)
        moments, member = self.changes[symbol]
        place = np.searchsorted(moments, index.as_unit("ns").asi8, side="right") - 1
        return np.asarray((place >= 0) & member[np.maximum(place, 0)])


def members_of(panel: Panel, name: str, directions: Directions, rules: DataConfig) -> Membership:
    """Return the membership that a column of the file tells, or another file.

    Args:
        panel: the rows of the instruments.
        name: of the column, or of the file.
        directions: what the request says of times.
        rules: which repairs are asked for.

    Raises:
        RequestError: there is neither, or it cannot be read with certainty.
    """
    if panel.table.has(name):
        return _of_column(panel, name)
    if not Path(name).exists():
        raise RequestError(
            f"series.membership must name a column of {panel.table.origin.name} or a file, was {shown(name)}"
            f"{nearest(name, panel.table.columns)} (columns there: {', '.join(panel.table.columns)})"
        )
    plain = Directions(group="series", time_zone=directions.time_zone)
    changes: dict[str, list[tuple[int, bool]]] = {}
    for raw in raws_of([Path(name)], plain):
        for symbol, moments in _of_file(raw, plain, rules).items():
            last = panel.renamed.get(symbol, symbol)
            changes.setdefault(last, []).extend(moments)
    return Membership({symbol: _in_order(moments) for symbol, moments in changes.items()})


def _of_column(panel: Panel, name: str) -> Membership:
    table = panel.table
    member = _states(table, name)
    changes = {}
    for number, symbol in enumerate(panel.symbols):
        rows = panel.rows(number)
        changes[symbol] = table.index.asi8[rows], member[rows]
    return Membership(changes)


def _of_file(raw: Raw, directions: Directions, rules: DataConfig) -> dict[str, list[tuple[int, bool]]]:
    words = {letters(column): column for column in raw.cells}
    first = next((words[word] for word in FROM if word in words), None)
    until = next((words[word] for word in UNTIL if word in words), None)
    clock = clock_in(raw, directions)
    if first is not None and until is not None:
        return _of_spans(raw, first, until, directions, rules)
    column = symbol_column(raw, clock.columns) or next(
        (name for name in raw.cells if name not in clock.columns and letters(name) in ("symbol", "ticker")), None
    )
    if column is None:
        raise RequestError(
            f"{raw.origin.name} needs a column of symbols and one of dates, or symbol, from and until; has "
            f"{', '.join(raw.cells)}"
        )
    rows = from_column(raw, column)
    table = with_times(rows.raw, clock, directions, rules)
    stamps = table.index.asi8
    if table.columns:
        member = _states(table, table.columns[0])
        return {
            symbol: list(zip(stamps[rows.codes == number].tolist(), member[rows.codes == number].tolist(), strict=True))
            for number, symbol in enumerate(rows.symbols)
        }
    dates = np.unique(stamps)  # each lists its members
    return {
        symbol: [
            (int(date), bool(there))
            for date, there in zip(dates, np.isin(dates, stamps[rows.codes == number]), strict=True)
        ]
        for number, symbol in enumerate(rows.symbols)
    }


def _of_spans(
    raw: Raw, first: str, until: str, directions: Directions, rules: DataConfig
) -> dict[str, list[tuple[int, bool]]]:
    """Read spans of membership, the day named by `until` not among them; an empty one is not over."""
    column = symbol_column(raw, (first, until)) or next(
        (name for name in raw.cells if name not in (first, until)), None
    )
    if column is None:
        raise RequestError(f"{raw.origin.name} needs a column of symbols beside {first} and {until}")
    rows = from_column(raw, column)
    starts, ends = (_moments(rows.raw, name, directions, rules) for name in (first, until))
    raw.origin.refuse_first(
        starts == NEVER, lambda row: f"column {first}", "is empty; write since when the symbol has been a member"
    )
    raw.origin.refuse_first(ends <= starts, lambda row: f"column {until}", f"must lie after {first}; correct the row")
    changes: dict[str, list[tuple[int, bool]]] = {}
    for code, start, end in zip(rows.codes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        moments = changes.setdefault(rows.symbols[code], [])
        moments.append((start, True))
        if end < NEVER:
            moments.append((end, False))
    return changes


def _moments(raw: Raw, name: str, directions: Directions, rules: DataConfig) -> NDArray[np.int64]:
    """(N,) nanoseconds of UTC of a column of times, NEVER where a cell is empty."""
    from tradewinds.data.readers.clocks import TimeColumns
    from tradewinds.data.readers.melted import filled

    there = filled(raw.cells[name], ())
    moments = np.full(len(there), NEVER, dtype=np.int64)
    if there.any():
        part = raw.take(there)
        column = {name: part.cells[name]}
        table = with_times(
            Raw(part.origin, part.source, column, None, part.layout), TimeColumns(name), directions, rules
        )
        moments[there] = table.index.asi8
    return moments


def _states(table: Table, name: str) -> NDArray[np.bool_]:
    """(N,) whether a cell says that its row's instrument is a member.

    Raises:
        RequestError: it says neither.
    """
    column = table.find(name)
    cells = table.cells[column]
    words = (
        [f"{value:g}" for value in cells]
        if isinstance(cells, np.ndarray)
        else [str(cell) for cell in cells.to_pylist()]
    )
    plain = np.array([word.strip().lower() for word in words])
    yes, no = np.isin(plain, list(YES)), np.isin(plain, list(NO))
    table.origin.refuse_first(
        ~(yes | no),
        lambda row: f"column {column}: {shown(words[row])}",
        "says neither that it is a member nor that it is none; write 1 or 0",
    )
    return np.asarray(yes)


def _in_order(moments: list[tuple[int, bool]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return changes in the order of time; of those of one moment a beginning counts."""
    ordered = sorted(moments)
    return np.array([moment for moment, _ in ordered], dtype=np.int64), np.array([member for _, member in ordered])
