"""The user's own files, of whatever kind, as a market series or as exogenous columns."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.bar_columns import with_columns
from tradewinds.data.assemble.future_covariates import announced, leads_of, refuse_holes
from tradewinds.data.assemble.instruments import Facts, series_of
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.assemble.roles import roles_of
from tradewinds.data.checks.bars import DAY, Array, Bars, checked, cut
from tradewinds.data.checks.excursions import check_excursions
from tradewinds.data.checks.jumps import check_jumps, refuse_adjusted
from tradewinds.data.checks.sessions import check_sessions
from tradewinds.data.checks.weather import check_values, median_interval
from tradewinds.data.config import FileConfig, FileWeather
from tradewinds.data.notes import Note
from tradewinds.data.notes import of as note_on
from tradewinds.data.readers.containers import stem
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.files import read_table
from tradewinds.data.readers.layout import Layout
from tradewinds.data.readers.names import is_adjusted_close, meanings, unit_in
from tradewinds.data.readers.numbers import currency_in, thousands_in
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import file_name, moment
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
    """Read bars from a file of the user's.

    Raises:
        RequestError: the file cannot be read with certainty; see `table` and `bars`.
    """
    named = isinstance(config.path, Mapping)
    if isinstance(config.path, Mapping):
        files = {name: [Path(path)] for name, path in config.path.items()}
        name = file_name("-".join(files))
    else:
        paths = _paths(config.path)
        symbol = [] if config.symbol is None else [config.symbol]
        files = {config.symbol or stem(paths[0]): paths}
        name = file_name("-".join([*map(stem, paths[:1] + paths[1:][-1:]), *symbol]))
    instruments = {name: _read_bars(paths, config, rules) for name, paths in files.items()}
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
        target=config.target,
    )
    series, notes = series_of({name: instrument_bars.bars for name, instrument_bars in instruments.items()}, facts)
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
    return LoadedSeries(series, (*remarks, *notes), sources, zone, layouts=layouts)


@dataclass(frozen=True, eq=False)
class _Read:
    """The bars of one instrument, the table they were read from, what was understood of it, and what was noticed."""

    bars: Bars
    table: Table
    layout: Layout
    length: pd.Timedelta
    notes: tuple[str, ...]


def _read_bars(paths: list[Path], config: FileConfig, rules: DataConfig) -> _Read:
    table = read_table(paths, directions=_directions(config, "series"), rules=rules)
    roles = roles_of(table, config)
    close = roles.columns["close"]
    whole = table  # with the bars to come, of which only announced columns have values
    table = table.until(close) if config.known_ahead else table
    columns = {role: table.numbers(column) for role, column in roles.columns.items()}
    evidence = _evidence(table, close)
    columns |= {role: table.numbers(column, empty_allowed=True) for role, column in evidence.items()}
    notes = [*roles.notes, *_of_yfinance(config, table, columns)]
    if "splits" in columns:
        columns["splits"] = np.where(columns["splits"] == 0.0, 1.0, columns["splits"])  # 0 where there was none
    columns, halted = _halted(columns, table)
    notes += halted
    bars = Bars(table.index, columns, table.origin)
    bars = bars.take(cut(bars.index, config.first, config.last, table.origin.name, table.zone))
    positive = config.target == "log_return"
    bars, length, remarks = checked(bars, rules=rules, length=_length(config.bar_length), positive=positive)
    notes += remarks
    if positive:  # what is no price is not split, and jumps by no ratio
        refuse_adjusted(bars)
        notes += check_jumps(bars, rules, window=max(int(DAY / length), 10))
    check_excursions(bars, rules, positive=positive)
    if config.calendar is not None:
        notes += check_sessions(bars, config.calendar, length=length, max_missing=rules.max_missing)
    style, signs = table.styles.get(close), table.cells[close]
    currency = "" if style is None else currency_in(signs)
    layout = dataclasses.replace(
        table.layout,
        roles={role: column for role, column in {**roles.columns, **evidence}.items() if role in columns},
        decimal="" if style is None else style.decimal or ".",
        unit=config.price_unit or unit_in(close) or currency,
        thousands="" if style is None else thousands_in(signs, style),
    )
    return _Read(bars, whole, layout, length, (*table.notes, *notes, *_remarks(columns)))


def _directions(config: FileConfig | FileWeather, group: str) -> Directions:
    return Directions(group=group, **{name: getattr(config, name) for name in DIRECTIONS})


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


def load_file_weather(config: FileWeather, rules: DataConfig) -> LoadedColumns:
    """Read exogenous columns from a file; an empty cell is a value not measured.

    Raises:
        RequestError: the file cannot be read with certainty.
    """
    table = read_table(_paths(config.path), directions=_directions(config, "weather"), rules=rules).through(config.last)
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


def _length(text: str | None) -> pd.Timedelta | None:
    if text is None:
        return None
    try:
        length = pd.Timedelta(text) if re.fullmatch(r"\d{1,6} ?[A-Za-z]+", text, re.ASCII) else None
    except ValueError:
        length = None
    if length is None or not length > pd.Timedelta(0):  # not NaT either
        raise RequestError(f"series.bar_length must be a length such as 1D, 1h or 15min, was '{text}'")
    return length


def _paths(path: str | tuple[str, ...]) -> list[Path]:
    return [Path(name) for name in ((path,) if isinstance(path, str) else path)]


def _remarks(columns: dict[str, np.ndarray]) -> tuple[str, ...]:
    missing = [role for role in ("open", "high", "low") if role not in columns]
    if missing and len(missing) < 3:
        return (f"columns {', '.join(missing)} are missing: only close is used, as one price a bar",)
    return ()
