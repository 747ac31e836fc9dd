"""The user's own files, CSV or Parquet, as a market series or as exogenous columns."""

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
from tradewinds.data.checks.bars import DAY, Array, Bars, checked, cut
from tradewinds.data.checks.excursions import check_excursions
from tradewinds.data.checks.jumps import check_jumps, refuse_adjusted
from tradewinds.data.checks.sessions import check_sessions
from tradewinds.data.checks.weather import check_values, median_interval
from tradewinds.data.config import FileConfig, FileWeather
from tradewinds.data.readers.names import is_adjusted_close, letters
from tradewinds.data.readers.table import Table, read_table
from tradewinds.data.readers.text import file_name
from tradewinds.data.rules import DataConfig

ROLES = ("open", "high", "low", "volume", "dividends", "splits")  # columns of a bar that are read if they are there


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
        files, name = {_stem(paths[0]): paths}, file_name("-".join(map(_stem, paths[:1] + paths[1:][-1:])))
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
    if not named:
        series, column_notes = with_columns(series, first.table, config, rules)
        notes = [*notes, *column_notes]
    remarks = [
        f"{instrument}: {note}" if named else note
        for instrument, instrument_bars in instruments.items()
        for note in instrument_bars.notes
    ]
    sources = tuple(source for instrument_bars in instruments.values() for source in instrument_bars.table.sources)
    zone = first.table.zone if first.table.zone != "UTC" else None
    return LoadedSeries(series, (*remarks, *notes), sources, zone)


@dataclass(frozen=True, eq=False)
class _Read:
    """The bars of one instrument, the table they were read from, their length, and what was noticed."""

    bars: Bars
    table: Table
    length: pd.Timedelta
    notes: tuple[str, ...]


def _read_bars(paths: list[Path], config: FileConfig, rules: DataConfig) -> _Read:
    table = read_table(
        paths, time_column=config.time_column, time_zone=config.time_zone, time_format=config.time_format, rules=rules
    )
    whole = table  # with the bars to come, of which only announced columns have values
    table = table.until(config.close) if config.known_ahead else table
    columns = {"close": table.numbers(config.close)}
    for role in ROLES:
        if getattr(config, role) or table.has(role):
            columns[role] = table.numbers(getattr(config, role) or role)
    columns |= _evidence(config, table)
    notes = _of_yfinance(config, table, columns)
    if "splits" in columns:
        columns["splits"] = np.where(columns["splits"] == 0.0, 1.0, columns["splits"])  # 0 where there was none
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
    return _Read(bars, whole, length, (*table.notes, *notes, *_remarks(columns)))


def _evidence(config: FileConfig, table: Table) -> dict[str, Array]:
    """Return the adjusted close that a file has beside its close, if it can be read; holes are NaN."""
    for name in table.columns:
        if is_adjusted_close(name) and letters(name) != letters(config.close):
            try:
                return {"adjusted_close": table.numbers(name, empty_allowed=True)}
            except RequestError:
                continue
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
    table = read_table(
        _paths(config.path),
        time_column=config.time_column,
        time_zone=config.time_zone,
        time_format=config.time_format,
        rules=rules,
    ).through(config.last)
    values = {name: table.numbers(name, empty_allowed=True) for name in config.columns}
    for name, column in values.items():
        if not np.isfinite(column).any():
            raise RequestError(f"{table.origin.name}, column {name}: no value at all")
    units = dict(zip(config.columns, config.units or (), strict=False))
    frame = pd.DataFrame(values, index=table.index)
    check_values(frame, table.origin, units)
    interval = median_interval(table.index)
    leads = leads_of(config.known_ahead, interval, "weather")
    moments = dict.fromkeys(config.columns, _available(table, config)) | dict.fromkeys(leads, table.index + interval)
    return LoadedColumns(frame, moments, table.origin, units, table.sources, table.notes, config.place, leads=leads)


def _available(table: Table, config: FileWeather) -> pd.DatetimeIndex:
    if config.available_column is None:
        return table.index + pd.Timedelta(hours=config.lag_hours or 0.0)
    return table.times(config.available_column, config.time_zone, config.time_format)


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


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".csv").removesuffix(".parquet") or path.name


def _remarks(columns: dict[str, np.ndarray]) -> tuple[str, ...]:
    missing = [role for role in ("open", "high", "low") if role not in columns]
    if missing and len(missing) < 3:
        return (f"columns {', '.join(missing)} are missing: only close is used, as one price a bar",)
    return ()
