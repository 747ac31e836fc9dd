"""The user's own files, of whatever kind, as a market series or as exogenous columns."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.bar_columns import with_columns
from tradewinds.data.assemble.future_covariates import announced, leads_of, refuse_holes
from tradewinds.data.assemble.instruments import Facts, Whole, series_of
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.assemble.roles import roles_of
from tradewinds.data.assemble.universe import tell_universe, universe_of
from tradewinds.data.checks.bars import Bars, cut
from tradewinds.data.checks.weather import check_values, median_interval
from tradewinds.data.config import FileConfig, FileWeather, settled
from tradewinds.data.notes import of as note_on
from tradewinds.data.providers.file_bars import cells_of, check_bars, layout_of, length_of, tell_missing
from tradewinds.data.providers.universe_files import load_universe
from tradewinds.data.readers.containers import stem
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.files import raws_of, read_table, read_table_of
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.names import unit_in
from tradewinds.data.readers.panels import files_of_one_each
from tradewinds.data.readers.raw import Raw
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import file_name
from tradewinds.data.rules import DataConfig

DIRECTIONS = (
    "time_column",
    "time_zone",
    "time_format",
    "clock_change",
    "separator",
    "decimal",
    "thousands",
    "names",
    "symbol",
    "sheet",
)


def load_file(config: FileConfig, rules: DataConfig) -> LoadedSeries:
    """Read bars from a file of the user's: of one instrument, of a file an instrument, or of a universe.

    Raises:
        RequestError: the file cannot be read with certainty; see `table` and `bars`.
    """
    directions = directions_of(config, "series")
    named = isinstance(config.path, Mapping)
    if isinstance(config.path, Mapping):
        files = {name: raws_of([Path(path)], directions) for name, path in config.path.items()}
        name = file_name("-".join(files))
    else:
        paths = paths_of(config.path)
        if config.symbols is not None:
            return load_universe(raws_of(paths, replace(directions, several=True)), config, directions, rules)
        raws = raws_of(paths, directions)
        if isinstance(config.path, str) and config.symbol is None and files_of_one_each(raws, directions):
            return load_universe(raws, config, directions, rules)
        symbol = [] if config.symbol is None else [config.symbol]
        files = {config.symbol or stem(paths[0]): raws}
        name = file_name("-".join([*map(stem, paths[:1] + paths[1:][-1:]), *symbol]))
    _refuse_of_universes(config)
    instruments = {name: _read_bars(raws, config, rules) for name, raws in files.items()}
    lengths = {instrument_bars.length for instrument_bars in instruments.values()}
    if len(lengths) > 1:
        lengths_by_name = ", ".join(
            f"{instrument} of {instrument_bars.length}" for instrument, instrument_bars in instruments.items()
        )
        raise RequestError(f"the files of series.path must have bars of one length, have {lengths_by_name}")
    first = next(iter(instruments.values()))
    facts = Facts(
        name=name,
        bar_length=first.length,
        bars_per_year=config.bars_per_year,
        season_bars=config.season_bars,
        price_unit=config.price_unit,
        calendar=config.calendar or "",
        zone=first.table.zone,
        target=settled(config.target),
    )
    whole = Whole(config.delisted_after) if config.histories == "whole" else None
    bars = {name: instrument_bars.bars for name, instrument_bars in instruments.items()}
    series, notes = series_of(bars, facts, whole)
    universe = universe_of(bars, series, delisted_after=whole and whole.delisted_after) if len(bars) > 1 else None
    notes += tell_universe(universe) if universe is not None and whole is not None else []
    if config.known_ahead:
        series = _with_announced(series, first.table, config, rules)
    layouts = {instrument: instrument_bars.layout for instrument, instrument_bars in instruments.items()}
    if not named:
        series, further = with_columns(series, first.table, config, rules, first.layout.roles)
        notes = [*notes, *further.notes]
        layout = dataclasses.replace(first.layout, features=further.names, left_out=further.left_out)
        layouts = dict.fromkeys(layouts, layout)
    remarks = [
        note_on(instrument, note) if named else note
        for instrument, instrument_bars in instruments.items()
        for note in instrument_bars.notes
    ]
    sources = tuple(source for instrument_bars in instruments.values() for source in instrument_bars.table.sources)
    zone = first.table.zone if first.table.zone != "UTC" else None
    return LoadedSeries(series, (*remarks, *notes), sources, zone, layouts=layouts, universe=universe)


@dataclass(frozen=True, eq=False)
class _Read:
    """The bars of one instrument, the table they were read from, what was understood of it, and what was noticed."""

    bars: Bars
    table: Table
    layout: Layout
    length: pd.Timedelta
    notes: tuple[str, ...]


def _read_bars(raws: list[Raw], config: FileConfig, rules: DataConfig) -> _Read:
    table = read_table_of(raws, directions=directions_of(config, "series"), rules=rules)
    roles = roles_of(table, config)
    whole = table  # with the bars to come, of which only announced columns have values
    table = table.until(roles.columns["close"]) if config.known_ahead else table
    cells = cells_of(table, roles, config)
    bars = Bars(table.index, cells.columns, table.origin)
    bars = bars.take(cut(bars.index, config.first, config.last, table.origin.name, table.zone))
    bars, length, remarks = check_bars(bars, config, rules, length_of(config.bar_length))
    notes = (*table.notes, *roles.notes, *cells.notes, *remarks, *tell_missing(cells))
    return _Read(bars, whole, layout_of(table, cells, config), length, notes)


def directions_of(config: FileConfig | FileWeather, group: str) -> Directions:
    """Return what a request says of a file."""
    return Directions(group=group, **{name: getattr(config, name) for name in DIRECTIONS})


def _with_announced(series: Series, table: Table, config: FileConfig, rules: DataConfig) -> Series:
    """Put future covariates beside the bars, and keep what is known of the bars to come."""
    values = {name: table.numbers(name, empty_allowed=True) for name in config.known_ahead}
    refuse_holes(values, np.asarray(table.index.isin(series.index)), table.origin, rules)
    ahead = announced(values, table.index, config.known_ahead, series.bar_length)
    return dataclasses.replace(
        series,
        exogenous=pd.DataFrame(values, index=table.index).reindex(series.index),
        lags={name: series.bar_length - lead for name, lead in ahead.leads.items()},
        missing=tuple(values) if "missing" in rules.repair else (),
        future_covariates=(ahead.between(series.index[0], series.index[-1]),),
    )


def load_file_weather(config: FileWeather, rules: DataConfig) -> LoadedColumns:
    """Read exogenous columns from a file; an empty cell is a value not measured.

    Raises:
        RequestError: the file cannot be read with certainty.
    """
    table = read_table(paths_of(config.path), directions=directions_of(config, "weather"), rules=rules).through(
        config.last
    )
    values = {name: table.numbers(name, empty_allowed=True) for name in config.columns}
    for name, column in values.items():
        if not np.isfinite(column).any():
            raise RequestError(f"{table.origin.name}, column {name}: no value at all")
    written = {name: unit_in(table.find(name)) for name in config.columns}
    units = {name: unit for name, unit in written.items() if unit} | dict(
        zip(config.columns, config.units or (), strict=False)
    )
    frame = pd.DataFrame(values, index=table.index)
    check_values(frame, table.origin, units)
    interval = median_interval(table.index)
    leads = leads_of(config.known_ahead, interval, "weather")
    moments = dict.fromkeys(config.columns, _available(table, config)) | dict.fromkeys(leads, table.index + interval)
    return LoadedColumns(
        frame, moments, table.origin, units, table.sources, table.notes, config.place, leads=leads, layout=table.layout
    )


def _available(table: Table, config: FileWeather) -> pd.DatetimeIndex:
    if config.available_column is None:
        return table.index + pd.Timedelta(hours=config.lag_hours or 0.0)
    return table.times(config.available_column)


def paths_of(path: str | tuple[str, ...]) -> list[Path]:
    """Return the files, folders and zips of a request; those of a pattern such as prices/*.csv by their names.

    Raises:
        RequestError: no file is called as a pattern says.
    """
    paths: list[Path] = []
    for name in (path,) if isinstance(path, str) else path:
        if not re.search(r"[*?\[]", name) or Path(name).exists():
            paths.append(Path(name))
            continue
        alike = [Path(file) for file in sorted(glob(name, recursive=True)) if Path(file).is_file()]
        if not alike:
            raise RequestError(f"no file is called as series.path says: {name}; it is read from {Path.cwd()}")
        paths += alike
    return paths


def _refuse_of_universes(config: FileConfig) -> None:
    """Refuse what only a universe has, where one instrument is read or each has a file of its own."""
    given = {"leave_out": config.leave_out, "renamed": config.renamed, "membership": config.membership}
    keys = [f"series.{key}" for key, value in given.items() if value]
    one = not isinstance(config.path, Mapping)
    if keys:
        cure = "type series.symbols=all to read all of the file" if one else "name the files that are read"
        raise RequestError(f"{' and '.join(keys)} {'is' if len(keys) == 1 else 'are'} for a universe; {cure}")
    if one and config.target == "relative_return":
        raise RequestError(
            "series.target=relative_return is a return less the mean of several instruments, and one is read; type "
            "series.symbols=all to read all of the file, or series.target=log_return"
        )
