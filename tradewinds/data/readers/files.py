"""From the user's files to one table: their columns of times, the rows of one instrument, in the order of time."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.cells import texts
from tradewinds.data.readers.clocks import TimeColumns, as_times, clock_of, with_date
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.foot import time_column, without_foot
from tradewinds.data.readers.numbers import styles_of
from tradewinds.data.readers.order import FileRows, in_order
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.raw import Cells, Raw, read_raws
from tradewinds.data.readers.symbols import of_one_symbol
from tradewinds.data.readers.table import Table, find_column, take_rows
from tradewinds.data.readers.times import Times, localised, read_times, sure_order
from tradewinds.data.rules import DataConfig


def read_table(paths: Sequence[Path], *, directions: Directions, rules: DataConfig) -> Table:
    """Read one table from one or more files, zips or folders, by their first bytes.

    Args:
        paths: files of the same columns; their rows may touch, and may overlap only where they agree and the request
            asks for `duplicates` to be dropped.
        directions: what the request says of them.
        rules: which repairs are asked for.

    Returns:
        The table, its rows in the order of time.

    Raises:
        RequestError: a file cannot be read with certainty.
    """
    return read_table_of(raws_of(paths, directions), directions=directions, rules=rules)


def raws_of(paths: Sequence[Path], directions: Directions) -> list[Raw]:
    """Return the columns of every file of rows that the paths hold.

    Raises:
        RequestError: a file cannot be read, or has not the column of times that the request names.
    """
    raws: list[Raw] = []
    known: dict[tuple[str, ...], str] = {}  # by the names of a file's columns, that of its times
    for raw in (_dated(raw) for path in paths for raw in read_raws(path, directions)):
        names = tuple(raw.cells)
        if names not in known:
            known[names] = time_column(raw, directions)
        raws.append(without_foot(raw, directions, known[names]))
    for raw in raws:
        if directions.time_column is not None:
            find_column(directions.time_column, list(raw.cells), Path(raw.origin.files[0]).name)
    return raws


def read_table_of(raws: Sequence[Raw], *, directions: Directions, rules: DataConfig) -> Table:
    """Read one table from the columns of its files; else as `read_table`.

    Raises:
        RequestError: a file cannot be read with certainty.
    """
    clocks = [clock_in(raw, directions) for raw in raws]
    chosen = of_one_symbol(raws, [clock.columns for clock in clocks], directions)
    directions = _with_order(raws, clocks, directions)
    parts = [
        with_times(raw, clocks[0] if len(clocks) == 1 else clock_in(raw, directions), directions, rules)
        for raw in chosen
    ]
    table = _joined([_ordered(part) for part in parts])
    table = _ordered(table) if len(parts) > 1 else table
    columns = {name: cells for name, cells in table.cells.items() if not isinstance(cells, np.ndarray)}
    separator = table.layout.separator or ","
    styles = styles_of(
        columns,
        separator=separator,
        decimal=directions.decimal or table.layout.decimal or None,
        thousands=directions.thousands,
    )
    return dataclasses.replace(table, styles=styles)


def _with_order(raws: Sequence[Raw], clocks: list[TimeColumns], directions: Directions) -> Directions:
    """Return the directions with the order of day and month that some of several files leave no doubt of."""
    if len(raws) == 1 or directions.time_format is not None:
        return directions
    columns = [raw.cells[clock.column] for raw, clock in zip(raws, clocks, strict=True)]
    orders = {sure_order(cells) for cells in columns if isinstance(cells, pa.Array)} - {None}
    return dataclasses.replace(directions, time_format=orders.pop()) if len(orders) == 1 else directions


def _dated(raw: Raw) -> Raw:
    return dataclasses.replace(raw, cells=with_date(raw.cells))


def clock_in(raw: Raw, directions: Directions) -> TimeColumns:
    """Return the columns of a file that hold the times: those that the request names, or that look like it."""
    column = directions.time_column
    name = None if column is None else find_column(column, list(raw.cells), raw.origin.name)
    return clock_of(raw, name, zoned=directions.time_zone is not None)


def with_times(raw: Raw, clock: TimeColumns, directions: Directions, rules: DataConfig) -> Table:
    """Return the rows of a file as they stand, their times read.

    Raises:
        RequestError: a time cannot be read with certainty.
    """
    writing = directions.writing(rules.repair)
    cells = dict(raw.cells)
    hours = None if clock.hours is None else (clock.hours, as_times(cells.pop(clock.hours)))
    column = cells.pop(clock.column)
    if isinstance(column, pd.DatetimeIndex):
        raw.origin.refuse_first(
            np.asarray(column.isna()), lambda row: f"column {clock.column}", "is empty; remove the row"
        )
        if column.tz is None:
            index, zone = localised(column, raw.origin, column=clock.column, zone=writing.zone, writing=writing)
            times = Times(index, zone, f"{writing.group}.time_zone" if writing.zone else "dates need none", "times")
        else:
            times = Times(column.tz_convert("UTC").as_unit("ns"), "UTC", "the stamps", "times")
    else:
        times = read_times(as_times(column), raw.origin, column=clock.column, writing=writing, hours=hours)
    values: dict[str, Cells] = {
        name: texts(["" if pd.isna(stamp) else stamp.isoformat() for stamp in values])
        if isinstance(values, pd.DatetimeIndex)
        else values
        for name, values in cells.items()
    }
    layout = dataclasses.replace(
        raw.layout,
        time_columns=clock.columns,
        time_format=times.words,
        zone=times.zone,
        zone_source=times.zone_source,
        clock_change=writing.clock_change,
    )
    source = {**raw.source, "rows": len(times.index)}
    notes = [*raw.notes, *(f"{raw.origin.name}: {note}" for note in times.notes)]
    if times.zone_source == "the column's name":
        notes.append(
            f"{raw.origin.name}: the name of the column {clock.column} says that its times are of {times.zone}"
        )
    if writing.clock_change == "ignored" and times.zone_source != "the stamps":
        notes.append(
            f"{raw.origin.name}: its days have 24 hours whatever the clocks do; each is read as of {times.zone}, so "
            "that in winter a bar counts as an hour older than it is, and its days are those of that zone"
        )
    return Table(
        (source,),
        tuple(values),
        times.index,
        times.zone,
        raw.origin,
        values,
        rules,
        layout,
        {},
        directions,
        tuple(notes),
    )


def _joined(parts: list[Table]) -> Table:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    for part in parts[1:]:
        if set(part.columns) != set(first.columns) or part.zone != first.zone:
            raise RequestError(
                f"{part.origin.name} must have the columns and the zone of {first.origin.name}, "
                f"{', '.join(first.columns)} in {first.zone}; has {', '.join(part.columns)} in {part.zone}"
            )
    cells: dict[str, Cells] = {}
    for name in first.columns:
        columns = [part.cells[name] for part in parts]
        if any(isinstance(column, np.ndarray) for column in columns):
            numbers = [
                part.numbers(name, empty_allowed=True) if not isinstance(column, np.ndarray) else column
                for part, column in zip(parts, columns, strict=True)
            ]
            cells[name] = np.concatenate(numbers)
        else:
            cells[name] = pa.concat_arrays(columns)
    origin = Origin(
        tuple(part.origin.name for part in parts),
        np.concatenate([part.origin.file + number for number, part in enumerate(parts)]),
        np.concatenate([part.origin.lines for part in parts]),
    )
    index = pd.DatetimeIndex(np.concatenate([part.index.asi8 for part in parts]), tz="UTC")
    sources = tuple(source for part in parts for source in part.sources)
    notes = _once(parts)
    layout = dataclasses.replace(first.layout, files=len(parts))
    return dataclasses.replace(
        first, sources=sources, index=index, origin=origin, cells=cells, notes=notes, layout=layout
    )


def _once(parts: list[Table]) -> tuple[str, ...]:
    """Return the notes of several files, each said of the first file of which it is true."""
    notes: dict[str, tuple[str, int]] = {}
    for part in parts:
        for note in part.notes:
            words = note.removeprefix(part.origin.name)
            first, number = notes.get(words, (note, 0))
            notes[words] = first, number + 1
    return tuple(
        note if number == 1 else f"{note} (and so in {number - 1} more files)" for note, number in notes.values()
    )


def _ordered(table: Table) -> Table:
    """Put the rows in order, each moment once; but only as far as the request asks for it, or by turning them round."""
    rows = FileRows(table.index.asi8, table.origin, table.cells)
    order, notes, turned = in_order(rows, table.rules.repair, whole=len(table.origin.files) > 1)
    layout = dataclasses.replace(table.layout, newest_first=turned or table.layout.newest_first)
    return dataclasses.replace(take_rows(table, order), notes=(*table.notes, *notes), layout=layout)
