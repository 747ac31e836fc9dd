"""From the user's files to the rows of many instruments: one below another, side by side, or a file each.

The rows may stand in any order. Must not know what the columns mean; `universe_files` does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.data.notes import Note
from tradewinds.data.readers.clocks import TimeColumns
from tradewinds.data.readers.containers import stem
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.files import clock_in, with_times
from tradewinds.data.readers.melted import CLOSE, SymbolRows, from_column, from_columns, is_wide, joined_rows
from tradewinds.data.readers.names import meaning
from tradewinds.data.readers.numbers import styles_of
from tradewinds.data.readers.order import FileRows, refuse_copies
from tradewinds.data.readers.raw import Raw, take_cells
from tradewinds.data.readers.symbols import CERTAIN, symbol_column
from tradewinds.data.readers.table import Table, take_rows
from tradewinds.data.readers.text import listed, moment
from tradewinds.data.rules import DataConfig

ENOUGH = 100  # files, by which it is known what a folder holds
SHARED = 0.5  # of the rows of files of one instrument each have a time that another file has, at least
Form = Literal["long", "wide", "files"]


@dataclass(frozen=True, kw_only=True)
class SymbolChoice:
    """Which instruments of the files are read.

    Attributes:
        symbols: those, or None for all.
        leave_out: those that are not.
        renamed: later names by earlier ones: one history under the later.
    """

    symbols: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Panel:
    """The rows of many instruments.

    Attributes:
        table: all rows, instrument by instrument, and of each in the order of time.
        symbols: sorted by name.
        starts: (A + 1,) the first row of each instrument, and the number of rows.
        form: how they stood in the files.
        renamed: by earlier name the later one, of those that were there.
    """

    table: Table
    symbols: tuple[str, ...]
    starts: NDArray[np.int64]
    form: Form
    renamed: Mapping[str, str]

    def rows(self, number: int) -> slice:
        """Return the rows of an instrument."""
        return slice(int(self.starts[number]), int(self.starts[number + 1]))

    def without(self, symbols: Collection[str]) -> "Panel":
        """Return the rows of the other instruments, of which there must be some."""
        stay = [number for number, symbol in enumerate(self.symbols) if symbol not in symbols]
        rows = [np.arange(self.starts[number], self.starts[number + 1]) for number in stay]
        starts = np.cumsum([0, *map(len, rows)])
        names = tuple(self.symbols[number] for number in stay)
        return replace(self, table=take_rows(self.table, np.concatenate(rows)), symbols=names, starts=starts)


def read_panel(raws: Sequence[Raw], *, choice: SymbolChoice, directions: Directions, rules: DataConfig) -> Panel:
    """Read the rows of many instruments.

    Args:
        raws: the files.
        choice: which instruments.
        directions: what the request says of the files.
        rules: which repairs are asked for.

    Raises:
        RequestError: a file cannot be read with certainty, holds no instruments, or a moment of one stands twice.
    """
    clocks = _clocks(raws, directions)
    form, parts = _by_symbol(raws, clocks, choice, rules)
    kept = _chosen(sorted({symbol for part in parts for symbol in part.symbols}), raws, choice)
    parts = [part.of(kept) for part in parts]
    parts = [part for part in parts if part.symbols]
    _refuse_unlike(parts)
    rows = joined_rows(parts)
    symbols, codes, renamed = _renamed(rows, choice.renamed)
    raw = replace(rows.raw, origin=replace(rows.raw.origin, owners=rows.symbols, owner=rows.codes))
    table = _timed(raw, clocks[0], directions, rules)
    table = replace(
        table,
        sources=tuple({**raw.source, "rows": len(raw.origin.lines)} for raw in raws),
        notes=_notes(raws, table),
        layout=replace(table.layout, files=len(raws), symbol="", symbols=symbols),
    )
    order = np.lexsort((table.index.asi8, codes))
    order, notes = _each_once(table, codes, order, rules, renamed)
    table = take_rows(table, order)
    starts = np.searchsorted(codes[order], np.arange(len(symbols) + 1))
    texts = {name: cells for name, cells in table.cells.items() if not isinstance(cells, np.ndarray)}
    decimal = directions.decimal or table.layout.decimal or None
    styles = styles_of(texts, separator=table.layout.separator or ",", decimal=decimal, thousands=directions.thousands)
    return Panel(replace(table, styles=styles, notes=(*table.notes, *notes)), symbols, starts, form, renamed)


def files_of_one_each(raws: Sequence[Raw], directions: Directions) -> bool:
    """Say whether the files of a folder hold one instrument each: by a column of symbols, or by the times they share.

    Files of the same instrument follow one another: the times that they share are few, and their cells the same. The
    first `ENOUGH` of the files tell.
    """
    raws = raws[:ENOUGH]
    if len(raws) < 2 or any(raw.layout.symbol_column for raw in raws):
        return False
    clocks = _clocks(raws, directions)
    columns = [symbol_column(raw, clock.columns) for raw, clock in zip(raws, clocks, strict=True)]
    if all(column is not None for column in columns):
        parts = [from_column(raw, str(column)) for raw, column in zip(raws, columns, strict=True)]
        named = [part.symbols for part in parts]
        return all(len(symbols) == 1 for symbols in named) and len(set(named)) == len(named)
    if any(column is not None for column in columns):
        return False
    stamps = [_stamps(raw, clock) for raw, clock in zip(raws, clocks, strict=True)]
    if any(own.has_duplicates for own in stamps):
        return False
    codes, _ = pd.factorize(np.concatenate([own.astype(str).to_numpy(dtype=object) for own in stamps]))
    shared = np.bincount(codes)[codes] > 1
    if shared.mean() < SHARED:
        return False
    return any(_differ(stamps[0], raws[0], own, raw) for own, raw in zip(stamps[1:], raws[1:], strict=True))


def _stamps(raw: Raw, clock: TimeColumns) -> pd.Index:
    cells = [raw.cells[name] for name in clock.columns]
    words = [
        pd.Index(column if isinstance(column, (np.ndarray, pd.DatetimeIndex)) else column.to_pylist())
        for column in cells
    ]
    return words[0] if len(words) == 1 else pd.Index(words[0].astype(str) + " " + words[1].astype(str))


def _differ(first: pd.Index, one: Raw, second: pd.Index, other: Raw) -> bool:
    """Whether two files have other cells at a time that both have."""
    places = first.get_indexer(second)
    here = np.flatnonzero(places >= 0)
    names = [name for name in one.cells if name in other.cells]
    return any(_plain(one.cells[name], places[here]) != _plain(other.cells[name], here) for name in names)


def _plain(cells: object, rows: NDArray[np.int64]) -> list[object]:
    taken = take_cells(cells, rows)
    return list(taken.tolist() if isinstance(taken, (np.ndarray, pd.DatetimeIndex)) else taken.to_pylist())


def _clocks(raws: Sequence[Raw], directions: Directions) -> list[TimeColumns]:
    """Return the columns of the times; files with the names of the first have them where it has them."""
    first = clock_in(raws[0], directions)
    names = list(raws[0].cells)
    return [first if list(raw.cells) == names else clock_in(raw, directions) for raw in raws]


def _by_symbol(
    raws: Sequence[Raw], clocks: Sequence[TimeColumns], choice: SymbolChoice, rules: DataConfig
) -> tuple[Form, list[SymbolRows]]:
    if any(raw.layout.symbol_column == "header" for raw in raws):
        return "wide", [
            from_columns(raw, clock.columns, rules.missing_marks) for raw, clock in zip(raws, clocks, strict=True)
        ]
    column = symbol_column(raws[0], clocks[0].columns)
    if column is not None and all(column in raw.cells for raw in raws):
        parts = [from_column(raw, column) for raw in raws]
        several = len({symbol for part in parts for symbol in part.symbols}) > 1
        if several or len(raws) == 1 or meaning(column) in CERTAIN:
            return ("long" if any(len(part.symbols) > 1 for part in parts) else "files"), [
                replace(part, raw=replace(part.raw, layout=replace(part.raw.layout, symbol_column=column)))
                for part in parts
            ]
    if is_wide(raws[0], clocks[0].columns, choice.symbols or ()):
        return "wide", [
            from_columns(raw, clock.columns, rules.missing_marks) for raw, clock in zip(raws, clocks, strict=True)
        ]
    if len(raws) == 1:
        raise RequestError(
            f"{raws[0].origin.name} holds one instrument: no column of symbols, and its columns are those of a bar "
            f"({listed(list(raws[0].cells), 8)}); leave series.symbols out"
        )
    return "files", [_of_file(raw, clock) for raw, clock in zip(raws, clocks, strict=True)]


def _of_file(raw: Raw, clock: TimeColumns) -> SymbolRows:
    rest = [name for name in raw.cells if name not in clock.columns]
    if len(rest) == 1:  # a price under the name of its instrument, as often as not
        raw = replace(raw, cells={CLOSE if name == rest[0] else name: cells for name, cells in raw.cells.items()})
    return SymbolRows(raw, (stem(Path(raw.origin.files[0])),), np.zeros(len(raw.origin.lines), dtype=np.int64))


def _chosen(there: Sequence[str], raws: Sequence[Raw], choice: SymbolChoice) -> set[str]:
    """Return the symbols that are read.

    Raises:
        RequestError: one that is named is not there, or none is left.
    """
    renamed = set(choice.renamed.values())
    where = f"{raws[0].origin.name}{f' and {len(raws) - 1} more files' if len(raws) > 1 else ''}"
    wanted = {"symbols": choice.symbols or (), "leave_out": choice.leave_out, "renamed": tuple(choice.renamed)}
    for key, names in wanted.items():
        strange = [name for name in names if name not in there and not (key == "symbols" and name in renamed)]
        if strange:
            raise RequestError(
                f"series.{key} must name symbols of {where}, {listed(strange, 5)} "
                f"{'is' if len(strange) == 1 else 'are'} none of the {len(there)}{nearest(strange[0], there)} "
                f"({listed(there, 8)})"
            )
    kept = set(there if choice.symbols is None else choice.symbols) - set(choice.leave_out)
    if choice.symbols is not None:  # who asks for the later name asks for the whole history
        for _ in choice.renamed:
            kept |= {earlier for earlier, later in choice.renamed.items() if later in kept}
    if not kept:
        raise RequestError(f"series.leave_out leaves no symbol of {where}; leave some in")
    return kept


def _refuse_unlike(parts: Sequence[SymbolRows]) -> None:
    first = parts[0].raw
    for part in parts[1:]:
        if set(part.raw.cells) != set(first.cells):
            raise RequestError(
                f"{part.raw.origin.name} must have the columns of {first.origin.name}, {', '.join(first.cells)}; has "
                f"{', '.join(part.raw.cells)}; write them alike, or leave it out with "
                f"'series.leave_out=[{','.join(part.symbols[:3])}]'"
            )


def _renamed(
    rows: SymbolRows, renamed: Mapping[str, str]
) -> tuple[tuple[str, ...], NDArray[np.int64], Mapping[str, str]]:
    """Return the symbols under their last names, and (N,) which of them each row is of."""
    last = {}
    for symbol in rows.symbols:
        name, seen = symbol, {symbol}
        while name in renamed:
            name = renamed[name]
            if name in seen:
                raise RequestError(f"series.renamed must not lead back to where it began, did at {name}")
            seen.add(name)
        last[symbol] = name
    symbols = tuple(sorted(set(last.values())))
    place = {symbol: number for number, symbol in enumerate(symbols)}
    codes = np.array([place[last[symbol]] for symbol in rows.symbols], dtype=np.int64)[rows.codes]
    return symbols, codes, {symbol: name for symbol, name in last.items() if symbol != name}


def _timed(raw: Raw, clock: TimeColumns, directions: Directions, rules: DataConfig) -> Table:
    """Read the times, each text once: a panel repeats them for every instrument."""
    cells = raw.cells[clock.column]
    if clock.hours is not None or not isinstance(cells, pa.Array):
        return with_times(raw, clock, directions, rules)
    coded = cells.dictionary_encode()
    numbers = np.asarray(coded.indices)
    first = np.unique(numbers, return_index=True)[1]
    few = with_times(
        replace(raw, cells={clock.column: coded.dictionary}, origin=raw.origin.take(first)), clock, directions, rules
    )
    rest = {name: values for name, values in raw.cells.items() if name != clock.column}
    whole = (
        with_times(replace(raw, cells={clock.column: few.index, **rest}), clock, directions, rules)
        if any(isinstance(values, pd.DatetimeIndex) for values in rest.values())
        else None
    )
    cells_read = rest if whole is None else whole.cells
    index = pd.DatetimeIndex(few.index[numbers])
    return replace(few, columns=tuple(cells_read), index=index, origin=raw.origin, cells=cells_read)


def _notes(raws: Sequence[Raw], table: Table) -> tuple[str, ...]:
    """Return the notes of files and times; of many files the first ones', and how many more have some."""
    noted = [raw for raw in raws if raw.notes]
    notes = [note for raw in noted[:2] for note in raw.notes]
    more = len(noted) - 2
    own = [note for note in table.notes if note not in raws[0].notes]
    return (*notes, *own, *([f"and so in {more} more files"] if more > 0 else []))


def _each_once(
    table: Table, codes: NDArray[np.int64], order: NDArray[np.int64], rules: DataConfig, renamed: Mapping[str, str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the rows that stay: a moment of an instrument once.

    Raises:
        RequestError: one stands twice; with the same values, and copies are not to be dropped, or with others.
    """
    stamps = table.index.asi8[order]
    twice = np.flatnonzero((np.diff(codes[order]) == 0) & (np.diff(stamps) == 0)) + 1
    if len(twice) == 0:
        return order, []
    origin = table.origin
    owner = origin.owner
    assert owner is not None
    both = twice[owner[order[twice]] != owner[order[twice - 1]]]
    if len(both):
        row, before = int(order[both[0]]), int(order[both[0] - 1])
        names = origin.owners[owner[before]], origin.owners[owner[row]]
        raise RequestError(
            f"series.renamed joins {names[0]} and {names[1]}, and both have a bar of "
            f"{moment(table.index[row])}, in {origin.row(before)} and {origin.row(row)} (and {len(both) - 1} more): a "
            "name follows the other, or they are two instruments"
        )
    refuse_copies(FileRows(table.index.asi8, origin, table.cells), order, twice, rules.repair)
    kept = np.ones(len(order), dtype=bool)
    kept[twice] = False
    words = f"{origin.name}: {len(twice)} rows that stood twice with the same values were dropped"
    return order[kept], [Note(words, "repair")]
