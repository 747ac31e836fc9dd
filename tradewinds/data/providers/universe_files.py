"""A universe from the user's files: the bars of every instrument checked as one's are, and put on one clock.

What cannot be read with certainty is refused by instrument, several at once, and may be left out by name. Notes that
many instruments have in common are said once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.instruments import DAY, bar_length
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.instruments import Facts, Whole, series_of
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.assemble.membership import Membership, members_of
from tradewinds.data.assemble.roles import Roles, roles_of
from tradewinds.data.assemble.universe import tell_universe, universe_of
from tradewinds.data.checks.bars import Bars, carry_events
from tradewinds.data.config import FileConfig, settled
from tradewinds.data.notes import Note
from tradewinds.data.providers.file_bars import Cells, cells_of, check_bars, layout_of, length_of, tell_missing
from tradewinds.data.readers.containers import stem
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.names import letters
from tradewinds.data.readers.panels import Panel, SymbolChoice, read_panel
from tradewinds.data.readers.raw import Raw
from tradewinds.data.readers.table import Table, take_rows
from tradewinds.data.readers.text import file_name, listed
from tradewinds.data.rules import DataConfig

LEAST = 3  # bars of an instrument
MOST = 3  # instruments whose faults are told, of several
CURRENCIES = {"currency", "ccy", "cur", "waehrung", "wahrung", "devise", "moneda", "valuta"}

Notes = Sequence[str]


def load_universe(raws: Sequence[Raw], config: FileConfig, directions: Directions, rules: DataConfig) -> LoadedSeries:
    """Read all instruments of some files, or those that the request names.

    Raises:
        RequestError: files or bars cannot be read with certainty; the message names instruments, rows and the cure.
    """
    symbols = config.symbols if isinstance(config.symbols, tuple) else None
    choice = SymbolChoice(symbols=symbols, leave_out=config.leave_out, renamed=config.renamed)
    panel = read_panel(raws, choice=choice, directions=directions, rules=rules)
    if config.known_ahead or config.columns:
        raise RequestError("series.columns and series.known_ahead are for one instrument; leave them out of a universe")
    roles = roles_of(panel.table, config)
    _refuse_currencies(panel.table, config)
    membership = None if config.membership is None else members_of(panel, config.membership, directions, rules)
    parts, cells = _checked(panel, roles, config, rules)
    bars, left, never = _as_members(parts.bars, panel, membership)
    if len(bars) == 1 and config.target == "relative_return":
        raise RequestError(
            f"series.target=relative_return is a return less the mean of several instruments, and {next(iter(bars))} "
            "is the only one; take series.target=log_return"
        )
    layout = replace(layout_of(panel.table, cells, config), left_out=_unread(panel.table, cells, config))
    facts = Facts(
        name=_name(raws, panel),
        bar_length=parts.length,
        bars_per_year=config.bars_per_year,
        season_bars=config.season_bars,
        price_unit=config.price_unit or _currency_of(panel.table) or layout.unit,
        calendar=config.calendar or "",
        zone=panel.table.zone,
        target=settled(config.target),
    )
    whole = None if config.histories == "common" else Whole(config.delisted_after, frozenset(left))
    series, notes = series_of(bars, facts, whole)
    universe = universe_of(
        bars,
        series,
        left=tuple(left) if whole is not None else (),
        renamed=panel.renamed,
        left_out=config.leave_out,
        too_short=parts.too_short,
        never_members=never,
        delisted_after=None if whole is None else config.delisted_after,
        form=panel.form,
    )
    said = [*panel.table.notes, *roles.notes, *cells.notes, *tell_missing(cells), *_once(parts.notes)]
    zone = panel.table.zone if panel.table.zone != "UTC" else None
    return LoadedSeries(
        series,
        (*said, *_some(notes), *(tell_universe(universe) if len(bars) > 1 else [])),
        panel.table.sources,
        zone,
        layouts=dict.fromkeys(series.instruments, layout),
        universe=universe,
    )


@dataclass(frozen=True, eq=False)
class _Checked:
    """The bars of every instrument, their length, what was noticed of each, and what is too short to be read."""

    bars: Mapping[str, Bars]
    length: pd.Timedelta
    notes: Mapping[str, Notes]
    too_short: tuple[str, ...]


def _checked(panel: Panel, roles: Roles, config: FileConfig, rules: DataConfig) -> tuple[_Checked, Cells]:
    number, faults = len(panel.symbols), {}
    try:
        cells = cells_of(panel.table, roles, config)
    except RequestError as error:  # which instruments have such a cell, so that all are told
        faults = _bad_cells(panel, roles, config)
        if not faults:
            raise
        if len(faults) == number:
            raise _refusal(faults, number, config) from error
        panel = panel.without(faults)
        cells = cells_of(panel.table, roles, config)
    index, origin = panel.table.index, _unowned(panel.table).origin
    inside = _inside(index, config, panel.table.zone)
    length = length_of(config.bar_length) or _length(index, inside)
    bars, notes, short = {}, {}, []
    for place, symbol in enumerate(panel.symbols):
        rows = panel.rows(place)
        columns = {name: column[rows] for name, column in cells.columns.items()}
        own = origin.take(rows)
        part = Bars(index[rows], columns, own.alone() if len(own.files) > 1 else own)
        part = part if inside[rows].all() else part.take(inside[rows])
        if len(part.index) < LEAST:
            short.append(symbol)
            continue
        try:
            bars[symbol], _, notes[symbol] = check_bars(part, config, rules, length, beside=number)
        except RequestError as error:
            faults[symbol] = str(error)
    if faults:
        raise _refusal(dict(sorted(faults.items())), number, config)
    if not bars:
        raise RequestError(
            f"{panel.table.origin.name}: none of {number} instruments has {LEAST} bars between "
            f"series.first={config.first} and series.last={config.last}"
        )
    return _Checked(bars, length, notes, tuple(short)), cells


def _bad_cells(panel: Panel, roles: Roles, config: FileConfig) -> dict[str, str]:
    """Return by instrument what is wrong with its cells."""
    table, faults = _unowned(panel.table), {}
    for number, symbol in enumerate(panel.symbols):
        rows = panel.rows(number)
        try:
            cells_of(take_rows(table, np.arange(rows.start, rows.stop)), roles, config)
        except RequestError as error:
            faults[symbol] = str(error)
    return faults


def _length(index: pd.DatetimeIndex, inside: np.ndarray) -> pd.Timedelta:
    clock = pd.DatetimeIndex(np.unique(index.asi8[inside]), tz="UTC")
    return bar_length(clock) if len(clock) > 1 else DAY


def _inside(index: pd.DatetimeIndex, config: FileConfig, zone: str) -> np.ndarray:
    """(N,) whether the date of a row, in `zone`, lies in the span that is asked for."""
    inside = np.ones(len(index), dtype=bool)
    if config.first is None and config.last is None:
        return inside
    local = index.tz_convert(zone).tz_localize(None)
    if config.first is not None:
        inside &= np.asarray(local >= pd.Timestamp(config.first))
    if config.last is not None:
        inside &= np.asarray(local < pd.Timestamp(config.last) + DAY)
    return inside


def _as_members(
    bars: Mapping[str, Bars], panel: Panel, membership: Membership | None
) -> tuple[dict[str, Bars], list[str], tuple[str, ...]]:
    """Return the bars of members alone, those that leave for good, and those that are never members.

    What happens to a unit while its instrument is no member, a split or a dividend, is of its next bar as one.
    """
    if membership is None:
        return dict(bars), [], ()
    kept: dict[str, Bars] = {}
    left, never = [], []
    for symbol, part in bars.items():
        member = membership.at(symbol, part.index)
        if member.sum() < LEAST:
            never.append(symbol)
            continue
        moved = replace(part, columns=carry_events(part.columns, member))
        kept[symbol] = part if member.all() else moved.take(member)
        if not member[-1]:
            left.append(symbol)
    if not kept:
        raise RequestError(
            f"series.membership has no member among the {len(bars)} instruments of {panel.table.origin.name}: "
            f"{listed(list(bars), 5)} there, and {listed(membership.symbols, 5)} as members; write the symbols alike"
        )
    return kept, left, tuple(never)


def _refusal(faults: Mapping[str, str], number: int, config: FileConfig) -> RequestError:
    """Return the refusal of instruments, the first of them with their faults."""
    names = list(faults)
    out = [*config.leave_out, *names]
    cure = f"'series.leave_out=[{','.join(out[:20])}{',...' if len(out) > 20 else ''}]'"
    if len(names) == 1:
        return RequestError(
            f"{names[0]}: {faults[names[0]]}" + (f"; or leave it out with {cure}" if number > 1 else "")
        )
    told = "; ".join(f"{name}: {faults[name]}" for name in names[:MOST])
    more = f"; and {len(names) - MOST} more: {listed(names[MOST:], 10)}" if len(names) > MOST else ""
    rest = f"; or leave them out with {cure}" if len(names) < number else ""
    return RequestError(f"{len(names)} of {number} instruments cannot be read with certainty: {told}{more}{rest}")


def _unowned(table: Table) -> Table:
    """Return a table whose rows are told without their instrument, which the message names already."""
    return replace(table, origin=replace(table.origin, owners=(), owner=None))


def _refuse_currencies(table: Table, config: FileConfig) -> None:
    """Refuse prices in several currencies: their sum is no money."""
    words = _currencies(table)
    if len(words) > 1 and not config.price_unit:
        raise RequestError(
            f"{table.origin.name} has prices in {listed(words, 5)}, and an account has one currency; write all prices "
            "in one, read those in one by series.symbols, or say with series.price_unit that they are"
        )


def _currency_of(table: Table) -> str:
    words = _currencies(table)
    return words[0] if len(words) == 1 else ""


def _currencies(table: Table) -> list[str]:
    column = next((name for name in table.columns if letters(name) in CURRENCIES), None)
    if column is None or isinstance(table.cells[column], np.ndarray):
        return []
    return sorted({str(word).strip() for word in table.cells[column].unique().to_pylist()} - {""})


def _unread(table: Table, cells: Cells, config: FileConfig) -> dict[str, str]:
    read = {*cells.names.values(), *([config.membership] if config.membership else [])}
    return {
        name: "of one instrument each; a universe has features of all" for name in table.columns if name not in read
    }


def _once(notes: Mapping[str, Notes]) -> list[str]:
    """Return the notes of many instruments: the first of each kind, and how many more have one like it."""
    first: dict[str, tuple[str, str]] = {}
    number: dict[str, int] = {}
    for symbol, own in notes.items():
        for kind, note in {_kind(note): note for note in reversed(list(own))}.items():
            first.setdefault(kind, (symbol, note))
            number[kind] = number.get(kind, 0) + 1
    said = []
    for kind, (symbol, note) in first.items():
        more = f" (and so of {number[kind] - 1} more instruments)" if number[kind] > 1 else ""
        words = f"{symbol}: {note}{more}"
        said.append(Note(words, note.about) if isinstance(note, Note) else words)
    return said


def _kind(note: str) -> str:
    """Return what a note says whatever its file, its row and its numbers."""
    words = re.sub(r"^.*?: |^.*?, row \d+, ", "", note)
    return " ".join(word for word in words.split() if word.isalpha())


def _some(notes: Sequence[str]) -> list[str]:
    return [*notes[:MOST], *([f"and so of {len(notes) - MOST} more instruments"] if len(notes) > MOST else [])]


def _name(raws: Sequence[Raw], panel: Panel) -> str:
    """Return the name of the series: that of its file, or of the folder of its files."""
    path = Path(raws[0].origin.files[0])
    folder = path.parent.name if len(raws) > 1 else ""
    return file_name(folder or stem(path))
