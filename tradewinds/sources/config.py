"""Settings of the sources, one dataclass a kind. Plain dataclasses: no pandas, no YAML."""

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from tradewinds.validate import require

MAX_LAG_HOURS = 24 * 366


def _span_laws(first: str | None, last: str | None) -> list[tuple[bool, str]]:
    laws = []
    for name, value in (("first", first), ("last", last)):
        laws.append((value is None or _is_date(value), f"{name} must be a date such as 2015-01-31, was '{value}'"))
    if all(holds for holds, _ in laws) and first and last:
        laws.append((first <= last, f"first must not lie after last, were {first} and {last}"))
    return laws


def _is_date(text: str) -> bool:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is None:
        return False
    try:
        return 1700 <= date.fromisoformat(text).year <= 2200  # what a nanosecond clock can count
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """A series that is shipped, or read from the installed `arch` package.

    Attributes:
        name: `sp500`, `nasdaq`, `wti`, `henry_hub` or `houston`.
        instruments: which of its instruments; exactly one is traded at present.
        price_floor: prices from 0 up to it are raised to it, with a note; null raises none, and a price of 0 is then
            refused, as a negative one always is. For series of one price a bar.
        first: first date used, or null for all.
        last: last date used, or null for all.
    """

    kind: Literal["sample"] = "sample"
    name: Literal["sp500", "nasdaq", "wti", "henry_hub", "houston"]
    instruments: tuple[str, ...]
    price_floor: float | None = None
    first: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        one, floor = len(self.instruments) == 1, self.price_floor
        require(
            (one, f"instruments must be exactly one at present, were {list(self.instruments)}"),
            (floor is None or floor > 0.0, f"price_floor must be positive or null, was {floor}"),
            (
                floor is None or self.name not in ("sp500", "nasdaq"),
                f"price_floor is for series of one price a bar, and {self.name} has four; set it to null",
            ),
            *_span_laws(self.first, self.last),
        )


@dataclass(frozen=True, kw_only=True)
class CsvConfig:
    """A CSV file of the user's, plain or gzipped, comma-separated, with a header.

    Attributes:
        path: the file.
        time_column: column of the bars' starts, ISO 8601; null takes the first column.
        time_zone: zone of stamps that name none, such as UTC or Europe/Berlin; null refuses such stamps.
        bar_length: such as 1D, 1h or 15min; null takes the commonest distance between stamps.
        bars_per_year: to annualise; null counts the bars of the file.
        season_bars: bars of one season; null takes a day of bars within the day, a week of daily bars.
        close: column of the closing price, or of the only one.
        open: column of the opening price; null takes a column called open, if there is one.
        high: likewise.
        low: likewise.
        volume: likewise.
        price_unit: unit of the prices, for the report.
        calendar: exchange code such as XNYS, or 24/7.
        first: first date used, or null for all.
        last: last date used, or null for all.
    """

    kind: Literal["csv"] = "csv"
    path: str
    time_column: str | None = None
    time_zone: str | None = "UTC"
    bar_length: str | None = None
    bars_per_year: float | None = None
    season_bars: int | None = None
    close: str = "close"
    open: str | None = None
    high: str | None = None
    low: str | None = None
    volume: str | None = None
    price_unit: str = ""
    calendar: str = "24/7"
    first: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        year, season = self.bars_per_year, self.season_bars
        positive = year is None or (math.isfinite(year) and year > 0.0)
        require(
            (bool(self.path), "path must name a CSV file, was empty"),
            (positive, f"bars_per_year must be positive, was {year}"),
            (season is None or season >= 1, f"season_bars must be at least 1 bar, was {season}"),
            *_span_laws(self.first, self.last),
        )


@dataclass(frozen=True, kw_only=True)
class NoWeather:
    """No exogenous columns."""

    kind: Literal["none"] = "none"


@dataclass(frozen=True, kw_only=True)
class SampleWeather:
    """Weather that is shipped.

    Attributes:
        name: `chicago` (daily) or `gulf_plant` (hourly).
        columns: which of its columns; at least one.
    """

    kind: Literal["sample"] = "sample"
    name: Literal["chicago", "gulf_plant"]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        require((len(self.columns) >= 1, "columns must name at least one column, were none"))


@dataclass(frozen=True, kw_only=True)
class CsvWeather:
    """Exogenous columns from a CSV file of the user's: weather, load, anything by time.

    Attributes:
        path: the file.
        time_column: column of the starts of the values' own intervals; null takes the first column.
        time_zone: zone of stamps that name none; null refuses such stamps.
        columns: which columns; at least one.
        lag_hours: hours from the start of a value's interval until it is known; a daily mean needs at least 24.
    """

    kind: Literal["csv"] = "csv"
    path: str
    time_column: str | None = None
    time_zone: str | None = "UTC"
    columns: tuple[str, ...]
    lag_hours: float

    def __post_init__(self) -> None:
        require(
            (bool(self.path), "path must name a CSV file, was empty"),
            (len(self.columns) >= 1, "columns must name at least one column, were none"),
            (
                0.0 <= self.lag_hours <= MAX_LAG_HOURS,
                f"lag_hours must lie in [0, {MAX_LAG_HOURS}], was {self.lag_hours}",
            ),
        )
