"""The user's own CSV files, as a market series or as exogenous columns."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tradewinds.errors import RequestError
from tradewinds.sources.bars import cut, series_of
from tradewinds.sources.config import CsvConfig, CsvWeather
from tradewinds.sources.loaded import LoadedColumns, LoadedSeries
from tradewinds.sources.table import Table, read_table


def load_csv(config: CsvConfig) -> LoadedSeries:
    """Read bars from a CSV file.

    Raises:
        RequestError: the file cannot be read with certainty; see `table` and `bars`.
    """
    path = Path(config.path)
    table = read_table(path, time_column=config.time_column, time_zone=config.time_zone)
    length = _length(config.bar_length)
    columns = {"close": table.numbers(config.close)}
    for role in ("open", "high", "low", "volume"):
        name = getattr(config, role) or (role if table.has(role) else None)
        if name is not None:
            columns[role] = table.numbers(name)
    part = cut(table.index, config.first, config.last, str(path), table.zone)
    series = series_of(
        str(path),
        name=_plain_name(path),
        instrument=_stem(path),
        index=table.index[part],
        close=columns["close"][part],
        open_=columns["open"][part] if "open" in columns else None,
        high=columns["high"][part] if "high" in columns else None,
        low=columns["low"][part] if "low" in columns else None,
        volume=columns["volume"][part] if "volume" in columns else None,
        bar_length=length,
        bars_per_year=config.bars_per_year,
        season_bars=config.season_bars,
        price_unit=config.price_unit,
        calendar=config.calendar,
        zone=table.zone,
        lines=table.lines[part],
    )
    return LoadedSeries(series, _remarks(columns), (_source(table),))


def load_csv_weather(config: CsvWeather) -> LoadedColumns:
    """Read exogenous columns from a CSV file; an empty cell is a value not measured.

    Raises:
        RequestError: the file cannot be read with certainty.
    """
    table = read_table(Path(config.path), time_column=config.time_column, time_zone=config.time_zone)
    values = {name: table.numbers(name, empty_allowed=True) for name in config.columns}
    for name, column in values.items():
        if not np.isfinite(column).any():
            raise RequestError(f"{config.path}, column {name}: no value at all")
    lag = pd.Timedelta(hours=config.lag_hours)
    frame = pd.DataFrame(values, index=table.index)
    return LoadedColumns(frame, dict.fromkeys(config.columns, lag), {}, (_source(table),))


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


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".csv") or path.name


def _plain_name(path: Path) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in _stem(path))[:64]


def _remarks(columns: dict[str, np.ndarray]) -> tuple[str, ...]:
    missing = [role for role in ("open", "high", "low") if role not in columns]
    if missing and len(missing) < 3:
        return (f"columns {', '.join(missing)} are missing: only close is used, as one price a bar",)
    return ()


def _source(table: Table) -> dict[str, str | int]:
    return {"file": table.path.name, "sha256": table.sha256, "rows": len(table.index)}
