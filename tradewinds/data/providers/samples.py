"""The series that work without a network: files shipped in data/, and daily bars inside the `arch` package."""

import io
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pandas as pd

from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import sha256_of
from tradewinds.data.assemble.instruments import Facts, series_of
from tradewinds.data.assemble.loaded import LoadedColumns, LoadedSeries
from tradewinds.data.checks.bars import Array, Bars, checked, cut
from tradewinds.data.checks.weather import check_values
from tradewinds.data.config import NoWeather, SampleConfig, SampleWeather
from tradewinds.data.providers.sample_catalogue import Sample, sample
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.table import Table, read_table
from tradewinds.data.rules import DataConfig

WEATHER = {"chicago": "chicago_weather_daily", "gulf_plant": "gulf_plant_ambient_hourly"}
LAGS = {  # reasons: the sidecars' `availability`
    "chicago": pd.Timedelta(hours=30),
    "gulf_plant": pd.Timedelta(hours=1),
    "henry_hub": pd.Timedelta(days=3),
}
PLACES = {"chicago": "America/Chicago", "gulf_plant": "America/Chicago"}
GAS_NOTE = (
    "Henry Hub here is a spot price, not a tradable future: no one could have held it from day to day, "
    "and its bounces from one day to the next are not profits"
)
POWER_NOTE = (
    "electricity cannot be stored for free: trading its hourly price is an exercise in forecasting, "
    "and what it earns here no one could have earned"
)


def load_sample(config: SampleConfig, rules: DataConfig) -> LoadedSeries:
    """Load one of the series that are always there; the files are proven by their sha256, so no rule mends them.

    Raises:
        RequestError: the instrument or the span is none of the series'.
    """
    load: Callable[[SampleConfig], LoadedSeries] = {
        "sp500": _index_bars,
        "nasdaq": _index_bars,
        "wti": _oil,
        "henry_hub": _gas,
        "houston": _power,
        "plant_temperature": _temperature,
    }[config.name]
    return load(config)


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
    one = sample("henry_hub_spot_daily")
    table = _proven(one).through(last)
    price = pd.Series(table.numbers("close", empty_allowed=True), index=table.index)
    quoted = pd.DataFrame({"henry_hub": price[price.notna()]})
    moments = {"henry_hub": pd.DatetimeIndex(quoted.index) + LAGS["henry_hub"]}
    origin = Origin.counted(one.path.name, len(quoted))
    return LoadedColumns(quoted, moments, origin, {"henry_hub": "USD/MMBtu"}, (_source(one),))


def _weather_columns(config: SampleWeather) -> LoadedColumns:
    one = sample(WEATHER[config.name])
    table = _proven(one).through(config.last)
    values = {name: table.numbers(name) for name in config.columns}
    units = {name: one.facts["units"][name] for name in config.columns}
    frame = pd.DataFrame(values, index=table.index)
    check_values(frame, table.origin, units)
    moments = dict.fromkeys(config.columns, table.index + LAGS[config.name])
    return LoadedColumns(frame, moments, table.origin, units, (_source(one),), place=PLACES[config.name])


def _index_bars(config: SampleConfig) -> LoadedSeries:
    """S&P 500 and NASDAQ Composite, daily bars 1999 to 2018; an index: its dividends are not in the price."""
    table, source = _arch(config.name)
    _check_instrument(config, {"sp500": ("SPX",), "nasdaq": ("IXIC",)}[config.name])
    part = cut(pd.DatetimeIndex(table.index), config.first, config.last, config.name)
    columns = {
        name.lower(): table[name].to_numpy(dtype=np.float64)[part]
        for name in ("Open", "High", "Low", "Close", "Volume")
    }
    facts = Facts(
        name=config.name,
        bar_length=pd.Timedelta(days=1),
        bars_per_year=252.0,
        season_bars=5,
        price_unit="index points",
        calendar="XNYS",
        target=config.target,
    )
    instruments = {config.instruments[0]: columns}
    return _loaded(pd.DatetimeIndex(table.index)[part], instruments, facts, source, (), "America/New_York")


def _oil(config: SampleConfig) -> LoadedSeries:
    """West Texas Intermediate, Cushing, daily spot."""
    table, source = _arch("wti")
    _check_instrument(config, ("WTI",))
    return _single(config, "WTI", table.iloc[:, 0], source, "USD/bbl", bars_per_year=252.0, calendar="CMES")


def _gas(config: SampleConfig) -> LoadedSeries:
    """Henry Hub natural gas, daily spot."""
    _check_instrument(config, ("HENRY_HUB",))
    one = sample("henry_hub_spot_daily")
    table = _proven(one)
    price = pd.Series(table.numbers("close", empty_allowed=True), index=table.index)
    loaded = _single(config, "HENRY_HUB", price, _source(one), "USD/MMBtu", bars_per_year=252.0, calendar="CMES")
    return LoadedSeries(loaded.series, (GAS_NOTE, *loaded.notes), loaded.sources)


def _power(config: SampleConfig) -> LoadedSeries:
    """ERCOT day-ahead power at one of three points, hourly."""
    one = sample("ercot_dam_hourly")
    table = _proven(one)
    _check_instrument(config, table.columns)
    part = cut(table.index, config.first, config.last, config.name)
    prices, notes = {}, [POWER_NOTE]
    for instrument in config.instruments:
        prices[instrument], raised = _floored(config, instrument, table.numbers(instrument)[part])
        notes += raised
    facts = Facts(
        name=config.name,
        bar_length=pd.Timedelta(hours=1),
        bars_per_year=8766.0,
        season_bars=24,
        price_unit="USD/MWh",
        calendar="24/7",
        target=config.target,
    )
    columns = {name: {"close": price} for name, price in prices.items()}
    return _loaded(table.index[part], columns, facts, _source(one), tuple(notes), "America/Chicago")


def _temperature(config: SampleConfig) -> LoadedSeries:
    """Hourly temperature of a Gulf-coast plant: a mean over the hour, known when the hour is over."""
    _check_instrument(config, ("temp_f",))
    one = sample(WEATHER["gulf_plant"])
    table = _proven(one)
    part = cut(table.index, config.first, config.last, config.name)
    facts = Facts(
        name=config.name,
        bar_length=pd.Timedelta(hours=1),
        bars_per_year=8766.0,
        season_bars=24,
        price_unit="degF",
        calendar="24/7",
        target=config.target,
    )
    columns = {"temp_f": {"close": table.numbers("temp_f")[part]}}
    return _loaded(table.index[part], columns, facts, _source(one), (), PLACES["gulf_plant"])


def _single(
    config: SampleConfig,
    instrument: str,
    price: pd.Series,
    source: dict[str, str | int],
    unit: str,
    *,
    bars_per_year: float,
    calendar: str,
) -> LoadedSeries:
    """A daily series of one price a bar; empty rows are dropped and said so, because no price was quoted."""
    index = pd.DatetimeIndex(price.index)
    part = cut(index, config.first, config.last, config.name)
    price, index = price.iloc[part], index[part]
    quoted = price.notna().to_numpy()
    notes = []
    if not quoted.all():
        dropped = index[~quoted]
        days = ", ".join(day.strftime("%Y-%m-%d") for day in dropped[:3])
        more = f" and {len(dropped) - 3} more" if len(dropped) > 3 else ""
        notes.append(f"{config.name} has no price on {days}{more}: {len(dropped)} empty rows were dropped")
    close, raised = _floored(config, instrument, price.to_numpy(dtype=np.float64)[quoted])
    facts = Facts(
        name=config.name,
        bar_length=pd.Timedelta(days=1),
        bars_per_year=bars_per_year,
        season_bars=5,
        price_unit=unit,
        calendar=calendar,
        target=config.target,
    )
    instruments = {instrument: {"close": close}}
    return _loaded(index[quoted], instruments, facts, source, (*notes, *raised), "America/Chicago")


def _loaded(
    index: pd.DatetimeIndex,
    instruments: dict[str, dict[str, Array]],
    facts: Facts,
    source: dict[str, str | int],
    notes: tuple[str, ...],
    zone: str,
) -> LoadedSeries:
    """Bars of a file that is proven: checked like all, but what is odd in them is known and stands in the sidecar."""
    origin = Origin.counted(str(source["file"]), len(index))
    bars = {name: Bars(index, columns, origin) for name, columns in instruments.items()}
    proven = {name: _checked(part, facts) for name, part in bars.items()}
    series, _ = series_of(proven, facts)
    return LoadedSeries(series, notes, (source,), zone)


def _checked(bars: Bars, facts: Facts) -> Bars:
    return checked(bars, rules=DataConfig(), length=facts.bar_length, positive=facts.target == "log_return")[0]


def _floored(config: SampleConfig, instrument: str, price: Array) -> tuple[Array, list[str]]:
    """Raise prices from 0 up to the floor, and say how many; refuse negative ones, which have no return."""
    if config.target == "difference":
        return price, []
    negative = int((price < 0.0).sum())
    if negative:
        raise RequestError(
            f"{instrument} has {negative} negative prices, and returns need positive ones; choose another instrument, "
            "other dates with series.first and series.last, or forecast differences with series.target=difference"
        )
    floor = config.price_floor
    if floor is None or not (price < floor).any():
        return price, []
    raised = int((price < floor).sum())
    return np.maximum(price, floor), [f"{raised} prices below {floor:g} were raised to it (series.price_floor)"]


def _proven(one: Sample) -> Table:
    """Read a sample file, and refuse it if it is not the one its sidecar describes."""
    table = read_table([one.path], time_column=None, time_zone="UTC", time_format=None, rules=DataConfig())
    if table.sources[0]["sha256"] != one.sha256:
        raise GateError(f"{one.path.name} differs from the sha256 in its sidecar; install Tradewinds again")
    return table


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


def _check_instrument(config: SampleConfig, known: tuple[str, ...]) -> None:
    for instrument in config.instruments:
        if instrument not in known:
            raise RequestError(
                f"series.instruments of {config.name} must be one of {', '.join(known)}, was '{instrument}'"
            )


def _source(one: Sample) -> dict[str, str | int]:
    return {"file": one.path.name, "sha256": one.sha256, "rows": one.rows}
