"""The series that work without a network: files shipped in data/, and daily bars inside the `arch` package."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.data.instruments import DAY, HOUR
from forecaster.data.series import PRICES
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import sha256_of
from tradewinds.data.assemble.instruments import Facts, series_of
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.checks.bars import Array, Bars, checked, cut
from tradewinds.data.checks.weather import check_values
from tradewinds.data.config import UNPRICED, NoWeather, SampleConfig, SampleWeather, settled
from tradewinds.data.providers.currencies import load_currencies
from tradewinds.data.providers.sample_catalogue import Sample, sample
from tradewinds.data.readers.directions import Directions
from tradewinds.data.readers.files import read_table
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.table import Table
from tradewinds.data.readers.text import listed, moment
from tradewinds.data.rules import DataConfig

WEATHER = {"chicago": "chicago_weather_daily", "gulf_plant": "gulf_plant_ambient_hourly"}
LAGS = {  # reasons: the sidecars' `availability`
    "chicago": pd.Timedelta(hours=30),
    "gulf_plant": pd.Timedelta(hours=1),
    "henry_hub": pd.Timedelta(days=3),
}
CHICAGO, AT_ONCE = "America/Chicago", pd.Timedelta(0)
GAS_NOTE = (
    "Henry Hub here is a spot price, not a tradable future: no one could have held it from day to day, "
    "and its bounces from one day to the next are not profits"
)
POWER_NOTE = (
    "electricity cannot be stored for free: trading its hourly price is an exercise in forecasting, "
    "and what it earns here no one could have earned"
)


DAILY = Facts(name="", bar_length=DAY, bars_per_year=252.0, season_bars=5)
HOURLY = Facts(name="", bar_length=HOUR, bars_per_year=8766.0, season_bars=24, calendar="24/7")


@dataclass(frozen=True, kw_only=True)
class SampleMarket:
    """A sample series: where it lies, and what its bars are.

    Attributes:
        prices: per instrument, the column of its price; empty where it has the columns `Open`, `High`, ... of bars.
        sidecar: of the file in data/; empty for a table of the package `arch`.
        facts: its bars, without a name.
        zone: of the place, or None.
        note: what a person should know of it.
        begins: from the stamp of a row to the start of its bar.
    """

    prices: Mapping[str, str]
    sidecar: str = ""
    facts: Facts
    zone: str | None = CHICAGO
    note: str = ""
    begins: pd.Timedelta = AT_ONCE


INDEX = replace(DAILY, price_unit="index points", calendar="XNYS")  # its dividends are not in the price
MARKETS: Mapping[str, SampleMarket] = {
    "sp500": SampleMarket(prices={"SPX": ""}, facts=INDEX, zone="America/New_York"),
    "nasdaq": SampleMarket(prices={"IXIC": ""}, facts=INDEX, zone="America/New_York"),
    "wti": SampleMarket(prices={"WTI": "DCOILWTICO"}, facts=replace(DAILY, price_unit="USD/bbl", calendar="CMES")),
    "henry_hub": SampleMarket(
        prices={"HENRY_HUB": "close"},
        sidecar="henry_hub_spot_daily",
        facts=replace(DAILY, price_unit="USD/MMBtu", calendar="CMES"),
        zone=None,
        note=GAS_NOTE,
    ),
    "houston": SampleMarket(  # ERCOT day-ahead power at three points
        prices={name: name for name in ("HB_HOUSTON", "HB_NORTH", "LZ_WEST")},
        sidecar="ercot_dam_hourly",
        facts=replace(HOURLY, price_unit="USD/MWh"),
        note=POWER_NOTE,
    ),
    "netherlands": SampleMarket(  # day-ahead power, of which 1,029 hours are below zero
        prices={"NL": "eur_mwh"},
        sidecar="nl_day_ahead_hourly",
        facts=replace(HOURLY, price_unit="EUR/MWh"),
        zone="Europe/Amsterdam",
        note=POWER_NOTE,
    ),
    "plant_temperature": SampleMarket(  # of a Gulf-coast plant: a mean over the hour, known when the hour is over
        prices={"temp_f": "temp_f"},
        sidecar=WEATHER["gulf_plant"],
        facts=replace(HOURLY, price_unit="degF"),
    ),
    "chicago_temperature": SampleMarket(  # a mean over the local day, which ends at 05:00 or 06:00 UTC of the next
        prices={"temp": "temp"},
        sidecar=WEATHER["chicago"],
        facts=replace(DAILY, bars_per_year=365.25, season_bars=365, price_unit="degF", calendar="24/7"),
        begins=6 * HOUR,
    ),
}


def load_sample(config: SampleConfig, rules: DataConfig) -> LoadedSeries:
    """Load one of the series that are always there; the files are proven by their sha256, so no rule mends them.

    Raises:
        RequestError: the instrument or the span is none of the series'.
    """
    if config.name == "currencies":
        return load_currencies(config, _shipped)
    market = MARKETS[config.name]
    for instrument in config.instruments:
        if instrument not in market.prices:
            raise RequestError(
                f"series.instruments of {config.name} must be one of {', '.join(market.prices)}, was '{instrument}'"
            )
    names = {market.prices[instrument]: instrument for instrument in config.instruments}
    table, source = _shipped(market.sidecar, list(names)) if market.sidecar else _arch(config.name)
    table = table.iloc[cut(pd.DatetimeIndex(table.index), config.first, config.last, config.name)]
    notes = [market.note] if market.note else []
    columns: dict[str, dict[str, Array]] = {}
    if "" in names:
        columns[names[""]] = {name: table[name.title()].to_numpy(dtype=np.float64) for name in (*PRICES, "volume")}
    else:
        table, dropped = _quoted(table[list(names)], config.name)
        table, carried = _unbroken(table, market.facts, config.name)
        notes += [*dropped, *carried]
        for column, instrument in names.items():
            price, raised = _floored(config, instrument, table[column].to_numpy(dtype=np.float64))
            columns[instrument] = {"close": price}
            notes += raised
    facts = replace(market.facts, name=config.name, target=settled(config.target))
    return _loaded(pd.DatetimeIndex(table.index) + market.begins, columns, facts, source, notes, market.zone)


def no_weather(config: NoWeather, rules: DataConfig) -> None:
    """Load nothing."""


def load_sample_weather(config: SampleWeather, rules: DataConfig) -> list[LoadedColumns]:
    """Load weather that is shipped, or the gas price that stands beside a series as weather does, or both.

    Raises:
        RequestError: a column is not there, or holds values no weather has.
    """
    first = _gas_columns(config.columns, config.last) if config.name == "henry_hub" else _weather_columns(config)
    return [first] if config.beside is None else [first, _gas_columns((config.beside,), config.last)]


def _gas_columns(columns: tuple[str, ...], last: str | None) -> LoadedColumns:
    """The daily gas price: known two days after its day is over, since EIA publishes with a delay."""
    if columns != ("henry_hub",):
        raise RequestError(f"weather.columns of henry_hub must be [henry_hub], were {list(columns)}")
    file = sample("henry_hub_spot_daily")
    table = _proven(file).through(last)
    price = pd.Series(table.numbers("close", empty_allowed=True), index=table.index)
    quoted = pd.DataFrame({"henry_hub": price[price.notna()]})
    moments = {"henry_hub": pd.DatetimeIndex(quoted.index) + LAGS["henry_hub"]}
    origin = Origin.counted(file.path.name, len(quoted))
    return LoadedColumns(quoted, moments, origin, {"henry_hub": "USD/MMBtu"}, (_source(file),))


def _weather_columns(config: SampleWeather) -> LoadedColumns:
    file = sample(WEATHER[config.name])
    table = _proven(file).through(config.last)
    values = {name: table.numbers(name) for name in config.columns}
    units = {name: file.facts["units"][name] for name in config.columns}
    frame = pd.DataFrame(values, index=table.index)
    check_values(frame, table.origin, units)
    moments = dict.fromkeys(config.columns, table.index + LAGS[config.name])
    return LoadedColumns(frame, moments, table.origin, units, (_source(file),), place=CHICAGO)


def _quoted(prices: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Drop the rows in which no price was quoted, and say so."""
    quoted = prices.notna().all(axis=1).to_numpy()
    if quoted.all():
        return prices, []
    dropped = pd.DatetimeIndex(prices.index[~quoted])
    days = listed([moment(day) for day in dropped], 3)
    return prices[quoted], [f"{name} has no price on {days}: {len(dropped)} empty rows were dropped"]


def _unbroken(prices: pd.DataFrame, facts: Facts, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Repeat the hour before where an hour is missing in a series that has one for every hour, and say so."""
    if facts.calendar != "24/7":
        return prices, []
    every = pd.date_range(prices.index[0], prices.index[-1], freq=facts.bar_length)
    missing = every.difference(pd.DatetimeIndex(prices.index))
    if len(missing) == 0:
        return prices, []
    hours = listed([moment(hour) for hour in missing], 3)
    words = f"{name} has no price of {hours}: {len(missing)} hours repeat the one before"
    return prices.reindex(every, method="ffill"), [f"{words}; what is earned in them no one could have earned"]


def _loaded(
    index: pd.DatetimeIndex,
    instruments: Mapping[str, dict[str, Array]],
    facts: Facts,
    source: dict[str, str | int],
    notes: list[str],
    zone: str | None,
) -> LoadedSeries:
    """Bars of a file that is proven: checked like all, but what is odd in them is known and stands in the sidecar."""
    origin, positive = Origin.counted(str(source["file"]), len(index)), facts.target not in UNPRICED
    bars = {
        name: checked(Bars(index, columns, origin), rules=DataConfig(), length=facts.bar_length, positive=positive)[0]
        for name, columns in instruments.items()
    }
    series, _ = series_of(bars, facts)
    return LoadedSeries(series, tuple(notes), (source,), zone)


def _floored(config: SampleConfig, instrument: str, price: Array) -> tuple[Array, list[str]]:
    """Raise prices from 0 up to the floor, and say how many; refuse negative ones, which have no return."""
    if config.target in UNPRICED:
        return price, []
    negative = int((price < 0.0).sum())
    if negative:
        raise RequestError(
            f"{instrument} has {negative} negative prices, and returns need positive ones; for a storage unit forecast "
            "prices as they are (env=battery model=day_lstm trainer=days); else choose another instrument, other dates "
            "with series.first and series.last, or forecast differences with series.target=difference, or values with "
            "series.target=level"
        )
    floor = config.price_floor
    if floor is None or not (price < floor).any():
        return price, []
    raised = int((price < floor).sum())
    return np.maximum(price, floor), [f"{raised} prices below {floor:g} were raised to it (series.price_floor)"]


def _proven(file: Sample) -> Table:
    """Read a sample file, and refuse it if it is not the one its sidecar describes."""
    table = read_table([file.path], directions=Directions(time_zone="UTC"), rules=DataConfig())
    if table.sources[0]["sha256"] != file.sha256:
        raise GateError(f"{file.path.name} differs from the sha256 in its sidecar; install Tradewinds again")
    return table


def _shipped(sidecar: str, columns: list[str]) -> tuple[pd.DataFrame, dict[str, str | int]]:
    """Columns of a file in data/ by time."""
    file = sample(sidecar)
    table = _proven(file)
    values = {name: table.numbers(name, empty_allowed=True) for name in columns}
    return pd.DataFrame(values, index=table.index), _source(file)


def _arch(name: str) -> tuple[pd.DataFrame, dict[str, str | int]]:
    """Daily table of the installed `arch` package, with UTC dates; read from its file, so that its sha256 is known.

    The file is found without importing `arch`, which takes seconds.
    """
    path = Path(str(distribution("arch").locate_file(f"arch/data/{name}/{name}.csv.gz")))
    table = pd.read_csv(
        io.BytesIO(path.read_bytes()), compression="gzip", index_col=0, parse_dates=True, na_values=["."]
    )
    table.index = pd.DatetimeIndex(table.index).tz_localize("UTC").as_unit("ns")
    return table.sort_index(), {"file": f"arch/{name}.csv.gz", "sha256": sha256_of(path), "rows": len(table)}


def _source(file: Sample) -> dict[str, str | int]:
    return {"file": file.path.name, "sha256": file.sha256, "rows": file.rows}
