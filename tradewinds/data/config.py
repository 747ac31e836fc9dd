"""Settings of the sources, one dataclass a kind. Light: no pandas, no YAML."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import require
from tradewinds.data.readers.names import is_clock, is_hindsight
from tradewinds.data.rules import (
    Date,
    Distinct,
    HoursAhead,
    LagHours,
    Latitude,
    Longitude,
    Moment,
    Names,
    Path,
    Symbol,
)

Variable = Annotated[str, Field(pattern="^[a-z0-9_]{1,64}$", description="a name such as temperature_2m")]
Files = Annotated[tuple[Path, ...], Field(min_length=1, description="files")]
ForecastTarget = Literal["log_return", "relative_return", "difference", "level"]
Target = ForecastTarget | Literal["auto"]
UNPRICED = ("difference", "level")  # targets of what may be zero or negative

Histories = Literal["common", "whole"]
Bars = Annotated[int, Field(ge=1, description="bars")]
Separator = Literal["comma", "semicolon", "tab", "pipe", "space", ",", ";", "|"]
Decimal = Literal["point", "comma", ".", ","]
Thousands = Literal["comma", "point", "apostrophe", "space", "none", ",", ".", "'"]


def settled(target: Target) -> ForecastTarget:
    """Return what is forecast: a log return, where that was left to the series and to a network that reads bars."""
    return "log_return" if target == "auto" else target


def _relative_law(target: str, number: int) -> tuple[bool, str]:
    return (
        target != "relative_return" or number != 1,
        "target must not be relative_return, a return less the mean of several instruments, where there is but one; "
        "take series.target=log_return",
    )


def _span_law(first: str | None, last: str | None) -> tuple[bool, str]:
    return not (first and last) or first <= last, f"first must not lie after last, were {first} and {last}"


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """A series that is shipped, or read from the installed `arch` package.

    Attributes:
        name: `sp500`, `nasdaq`, `wti`, `henry_hub`, `houston`, `netherlands`, `plant_temperature`,
            `chicago_temperature`, or the universe `currencies`.
        instruments: which of its instruments, at least one; a forecaster learns from all of them.
        price_floor: prices from 0 up to it are raised to it, with a note; null raises none, and a price of 0 is then
            refused, as a negative one always is, unless differences are forecast. For series of one price a bar.
        first: first date used, or null for all.
        last: last date used, or null for all.
        target: what is forecast: the `log_return` of a price; of several instruments the `relative_return`, less the
            mean of what traded in that bar; or the `difference` of what may be zero or negative, such as a temperature.
            An account trades returns only; a storage unit (env=battery) trades at prices forecast either way.
    """

    IS_LIVE: ClassVar[bool] = False  # it ends where it ends: no bar will be added

    kind: Literal["sample"] = "sample"
    name: Literal[
        "sp500",
        "nasdaq",
        "wti",
        "henry_hub",
        "houston",
        "netherlands",
        "plant_temperature",
        "chicago_temperature",
        "currencies",
    ]
    instruments: Names
    price_floor: Annotated[float, Field(gt=0, description="the unit of the prices")] | None = None
    first: Date | None = None
    last: Date | None = None
    target: Target = "log_return"

    def __post_init__(self) -> None:
        require(
            (
                self.price_floor is None or self.name not in ("sp500", "nasdaq", "currencies"),
                f"price_floor is for series of one price a bar that may be 0, and {self.name} is none; set it to null",
            ),
            _span_law(self.first, self.last),
            _relative_law(self.target, len(self.instruments)),
        )


@dataclass(frozen=True, kw_only=True)
class FileDirections:
    """How a file of the user's is written, where it does not say so itself; null finds it out, or refuses to guess.

    Attributes:
        time_column: column of the starts of bars or of the values' own intervals; null takes the first that holds
            times, in Parquet and Feather the index.
        time_zone: zone of times that name none, such as UTC or Europe/Berlin; null refuses such times, but for dates.
        time_format: how times are written, such as '%d/%m/%Y', or `day_first` or `month_first`, or `unix`, `unix_ms`,
            `unix_us` or `unix_ns`, counts since 1970; null tells it from the whole column.
        clock_change: `real`, or `ignored` where every day of the file has 24 hours whatever the clocks of `time_zone`
            do: its hours are then read by the zone's summer time all the year, and nothing is known before its time.
        separator: between cells; `comma`, `semicolon`, `tab`, `pipe` or `space`, any run of blanks.
        decimal: `point` or `comma`.
        thousands: `comma`, `point`, `apostrophe`, `space` or `none`.
        names: of the columns, all of them in their order, of a file without a header.
        symbol: which instrument of a file that holds several.
        sheet: which sheet of a workbook; null takes the only one with times and numbers.
    """

    time_column: str | None = None
    time_zone: str | None = None
    time_format: str | None = None
    clock_change: Literal["real", "ignored"] = "real"
    separator: Separator | None = None
    decimal: Decimal | None = None
    thousands: Thousands | None = None
    names: Names | None = None
    symbol: Annotated[str, Field(min_length=1, description="a symbol of the file")] | None = None
    sheet: Annotated[str, Field(min_length=1, description="a sheet of the workbook")] | None = None


@dataclass(frozen=True, kw_only=True)
class FileConfig(FileDirections):
    """A file of the user's: text, Excel, Parquet or Feather, plain or packed; or a folder of such files.

    Attributes:
        path: the file; or several of the same columns, [2021.csv,2022.csv], or a folder, a zip or a pattern of them,
            'prices/*.csv'; or one file an instrument, {AAPL: aapl.csv, MSFT: msft.csv}. A folder or a pattern of files
            of an instrument each is a universe of all of them.
        symbols: `all` instruments of the files, or those named: a universe. The files hold them one below another,
            told apart by a column of symbols, side by side, a column of closes each, or one each; null reads one.
        leave_out: instruments that are not read.
        renamed: later names by earlier ones, such as {FB: META}: one history under the later name.
        membership: when an instrument belongs to the universe: a column of the file, 1 or 0, or a file of symbol, from
            and until, or of date, symbol and member; without the last it lists the members of each date. While it is
            none an instrument does not trade. Known at its date; null: all, always.
        histories: of several instruments, `whole`, each from its first bar to its last, or `common`, the time that all
            have; null takes `whole` for a universe, and `common` for a file an instrument.
        delisted_after: bars without one of an instrument, up to the end, from which on it is gone for good, of whole
            histories.
        bar_length: such as 1D, 1h or 15min; null takes the commonest distance between stamps.
        bars_per_year: to annualise; null counts the bars of the file.
        season_bars: bars of one season; null takes a day of bars within the day, a week of daily bars.
        close: column of the closing price, or of the only one; `close` takes one of its known names in eight languages.
        open: column of the opening price; null takes a column of a known name, if there is one.
        high: likewise.
        low: likewise.
        volume: likewise.
        price_unit: unit of the prices, for the report.
        calendar: exchange code such as XNYS, or 24/7: every session must then be there, and none on a closed day; null
            checks neither.
        dividends: column of the cash paid per unit on the day a price is first quoted without it; null takes a column
            of a known name, if there is one and it is mostly 0.
        splits: column of units that one unit becomes, 0 or 1 where none; null takes a column of a known name, likewise.
        known_ahead: future covariates, such as {load_forecast: 24}: the value of a bar is known at the
            close of every bar that starts at most so many hours before it, in (0, 8784]. Rows after the last price,
            which hold nothing but such values, are bars to come.
        columns: bar columns, known at the close of their bar: signals, sentiment, anything; [] reads none, null
            every column of numbers without holes that varies, and says which. Not with a file an instrument.
        first: first date used, or null for all.
        last: last date used, or null for all.
        target: what is forecast: the `log_return` of a price; of several instruments the `relative_return`, less the
            mean of what traded in that bar; or the `difference` of what may be zero or negative, such as a temperature.
            An account trades returns only; a storage unit (env=battery) trades at prices forecast either way.
    """

    kind: Literal["csv", "parquet"]
    path: Path | Files | Annotated[Mapping[str, Path], Field(min_length=1, description="files")]
    symbols: Literal["all"] | Names | None = None
    leave_out: Distinct = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    membership: Annotated[str, Field(min_length=1, description="a column or a file")] | None = None
    histories: Histories | None = None
    delisted_after: Bars = 20
    bar_length: str | None = None
    bars_per_year: Annotated[float, Field(gt=0, allow_inf_nan=False, description="bars")] | None = None
    season_bars: Annotated[int, Field(ge=1, description="bars")] | None = None
    close: str = "close"
    open: str | None = None
    high: str | None = None
    low: str | None = None
    volume: str | None = None
    dividends: str | None = None
    splits: str | None = None
    known_ahead: Mapping[str, HoursAhead] = field(default_factory=dict)
    columns: Distinct | None = None
    price_unit: str = ""
    calendar: str | None = None
    first: Date | None = None
    last: Date | None = None
    target: Target = "auto"

    def __post_init__(self) -> None:
        roles = ("open", "high", "low", "close", "volume", "dividends", "splits")
        of_bar = {role.lower() for role in roles} | {str(getattr(self, role)).lower() for role in roles}
        announced = sorted(name for name in self.known_ahead if name.lower() in of_bar)
        columns = self.columns or ()
        repeated = sorted(name for name in columns if name.lower() in of_bar or name in self.known_ahead)
        adjusted = sorted(filter(is_hindsight, (*columns, *self.known_ahead)))
        clocks = sorted(filter(is_clock, (*columns, *self.known_ahead)))
        several = isinstance(self.path, Mapping)
        chosen = self.symbols is not None
        require(
            (
                not (chosen and several),
                "symbols must be null where series.path names a file an instrument; name fewer files instead",
            ),
            (
                not (chosen and self.symbol is not None),
                f"symbol reads one instrument and symbols several, were {self.symbol} and "
                f"{self.symbols if isinstance(self.symbols, str) else list(self.symbols or ())}; set one to null",
            ),
            (
                not (chosen and (self.known_ahead or self.columns)),
                "columns and known_ahead are read from a file of one instrument; bring them to a universe with "
                "weather=csv",
            ),
            (
                not adjusted,
                f"columns and known_ahead must not name prices adjusted for later events, did: {', '.join(adjusted)}; "
                "they know the future, and are read as evidence of splits only",
            ),
            (not clocks, f"columns and known_ahead must not name clocks, did: {', '.join(clocks)}; time is no value"),
            (
                not announced,
                f"known_ahead must not name what a bar itself brings, did: {', '.join(announced)}; a price is known "
                "when it is paid",
            ),
            (
                not (self.known_ahead and several),
                "known_ahead is read from one file; with a file an instrument, bring what is announced to all of them "
                "with weather=csv and weather.known_ahead",
            ),
            (
                not repeated,
                f"columns must name further columns, named what a bar itself brings or known_ahead: "
                f"{', '.join(repeated)}",
            ),
            (
                not (columns and several),
                "columns are read from one file; with a file an instrument, bring them to all of them with weather=csv",
            ),
            _span_law(self.first, self.last),
            _relative_law(self.target, len(self.path) if isinstance(self.path, Mapping) else self._named()),
        )

    def _named(self) -> int:
        """Return how many instruments the request names; 0 where it is the files that tell."""
        return 1 if self.symbol is not None else 0 if self.symbols is None else len(self.symbols)


@dataclass(frozen=True, kw_only=True)
class YahooConfig:
    """Bars of Yahoo, from the store; `tradewinds fetch` brings them there.

    Attributes:
        symbols: as Yahoo writes them; at least one.
        bar: length of a bar.
        calendar: exchange code such as XNYS, 24/7, or none; null takes that of the exchange Yahoo names.
        first: first date used, or null for all; nothing earlier is fetched.
        last: last date used, or null for all.
        histories: `common`, the time that all symbols have, or `whole`, each from its first bar to its last.
        delisted_after: bars without one of a symbol, up to the end, from which on it is gone for good, of whole
            histories.
        target: what is forecast: the `log_return`, or of several symbols the `relative_return`, less the mean of what
            traded in that bar.
    """

    kind: Literal["yahoo"] = "yahoo"
    symbols: Annotated[tuple[Symbol, ...], Field(min_length=1, description="symbols")]
    bar: Literal["1d", "1h", "15m", "5m"] = "1d"
    calendar: str | None = None
    first: Date | None = None
    last: Date | None = None
    histories: Histories = "common"
    delisted_after: Bars = 20
    target: Literal["log_return", "relative_return"] = "log_return"

    def __post_init__(self) -> None:
        names = [symbol.upper() for symbol in self.symbols]
        twice = sorted({name for name in names if names.count(name) > 1})
        require(
            (not twice, f"symbols must be named once each, {', '.join(twice)} stood twice"),
            _span_law(self.first, self.last),
            _relative_law(self.target, len(self.symbols)),
        )


@dataclass(frozen=True, kw_only=True)
class NoWeather:
    """No exogenous columns."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class SampleWeather:
    """Weather that is shipped.

    Attributes:
        name: `chicago` (daily) or `gulf_plant` (hourly), or `henry_hub`, the daily price of gas beside another series.
        columns: which of its columns; at least one.
        beside: another sample, all of whose usual columns are joined too, or null.
        last: last date read, or last moment such as 2020-01-31T12:00, in UTC; null for all.
    """

    kind: Literal["sample"] = "sample"
    name: Literal["chicago", "gulf_plant", "henry_hub"]
    columns: Annotated[tuple[str, ...], Field(min_length=1, description="columns")]
    beside: Literal["henry_hub"] | None = None
    last: Moment | None = None

    def __post_init__(self) -> None:
        require((self.beside != self.name, f"beside must be another sample, was {self.beside} itself"))


@dataclass(frozen=True, kw_only=True)
class FileWeather(FileDirections):
    """Exogenous columns from a file of the user's, of any kind that bars may have: weather, load, anything by time.

    Attributes:
        path: the file, or several of the same columns, or a folder or a zip of them.
        columns: which columns; at least one.
        units: their units, one each, such as [degC,percent]; null takes them from the names where these say it.
        lag_hours: hours from the start of a value's interval until it is known; a daily mean needs at least 24.
        available_column: column that says when each row was known, in the place of `lag_hours`; or null.
        known_ahead: those of the columns that are forecasts or announced, such as {temperature_forecast: 24}: a value
            is known at the close of every bar that starts at most so many hours before the value's interval, in
            (0, 8784]. `lag_hours` is not read for them.
        place: zone of the place the weather is of, such as America/Chicago, to check the clock of its temperatures;
            null takes the market's zone, where that is known.
        last: last date read, or last moment such as 2020-01-31T12:00, in UTC; null for all.
    """

    kind: Literal["csv", "parquet"]
    path: Path | Files
    columns: Annotated[tuple[str, ...], Field(min_length=1, description="columns")]
    units: tuple[str, ...] | None = None
    lag_hours: LagHours | None
    available_column: str | None = None
    known_ahead: Mapping[str, HoursAhead] = field(default_factory=dict)
    place: str | None = None
    last: Moment | None = None

    def __post_init__(self) -> None:
        lag, units = self.lag_hours, self.units
        strange = [name for name in self.known_ahead if name not in self.columns]
        require(
            (
                (lag is None) != (self.available_column is None),
                f"lag_hours or available_column must be given, and the other be null; were {lag} and "
                f"{self.available_column}",
            ),
            (
                not strange,
                f"known_ahead must name columns of {', '.join(self.columns)}, named {', '.join(strange)}",
            ),
            (
                units is None or len(units) == len(self.columns),
                f"units must be one a column, {len(self.columns)}, were {list(units or ())}",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class OpenMeteoConfig:
    """Weather of a place from Open-Meteo, from the store; `tradewinds fetch` brings it there.

    Attributes:
        latitude: degrees north.
        longitude: degrees east.
        product: `archive` (ERA5, a reanalysis made afterwards) or `previous_runs` (what was forecast for each hour
            `lead_days` before it).
        interval: `hourly`, or for the archive `daily`: means, sums and extremes of UTC days.
        variables: as Open-Meteo calls them, such as temperature_2m, or temperature_2m_mean of a day.
        lead_days: days between a forecast and its hour, in [1, 7]; for `previous_runs`.
        lag_hours: hours from the start of a value's interval until it counts as known; null takes the time at which it
            was published, five days for the archive. Less treats the reanalysis as if a station had read it.
        first: first date fetched.
        last: last date read from the store, or last moment such as 2020-01-31T12:00, in UTC; null for all.
        url: another address of the same service, or null.
    """

    kind: Literal["open_meteo"] = "open_meteo"
    latitude: Latitude
    longitude: Longitude
    product: Literal["archive", "previous_runs"] = "archive"
    interval: Literal["hourly", "daily"] = "hourly"
    variables: Annotated[tuple[Variable, ...], Field(min_length=1, description="variables")] = (
        "temperature_2m",
        "relative_humidity_2m",
        "wind_speed_10m",
    )
    lead_days: Annotated[int, Field(ge=1, le=7, description="days")] = 1
    lag_hours: LagHours | None = None
    first: Date = "2015-01-01"
    last: Moment | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        lag = self.lag_hours
        require(
            (
                self.product == "archive" or self.interval == "hourly",
                f"interval of previous_runs must be hourly, was {self.interval}",
            ),
            (
                lag is None or self.product == "archive",
                "lag_hours is for the archive; when a forecast was known follows from lead_days. Set it to null",
            ),
            (
                lag is None or self.interval == "hourly" or lag >= 24.0,
                f"lag_hours of daily values must be at least 24 hours or null, was {lag}",
            ),
        )
