"""The border every exogenous column crosses: values that can be, a clock that fits the sun, and no silent holes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import moment
from tradewinds.data.rules import DataConfig

Array = NDArray[np.float64]
DAWN = range(3, 10)  # local hours in which a day is coldest, on most days nearly everywhere


@dataclass(frozen=True)
class Bounds:
    """What a quantity can be on Earth.

    Attributes:
        quantity: its name.
        unit: in which `low` and `high` are.
        low: no less than that.
        high: no more.
        hint: the likely mistake where a value lies beyond.
    """

    quantity: str
    unit: str
    low: float
    high: float
    hint: str = "remove the value, or say its unit with weather.units"


CELSIUS = Bounds(
    "temperature", "degC", -90.0, 60.0, "is it in Fahrenheit or Kelvin? say its unit with weather.units=[degF]"
)
BY_UNIT: Mapping[str, Bounds] = {
    "degC": CELSIUS,
    "degF": Bounds("temperature", "degF", -130.0, 140.0),
    "K": Bounds("temperature", "K", 183.0, 333.0),
    "percent": Bounds("relative humidity", "percent", 0.0, 100.0),
    "m/s": Bounds("wind speed", "m/s", 0.0, 115.0),
    "km/h": Bounds("wind speed", "km/h", 0.0, 410.0),
    "mph": Bounds("wind speed", "mph", 0.0, 255.0),
    "kn": Bounds("wind speed", "kn", 0.0, 222.0),
    "hPa": Bounds("pressure", "hPa", 300.0, 1090.0),
    "psi": Bounds("pressure", "psi", 4.3, 15.9),
    "inHg": Bounds("pressure", "inHg", 8.8, 32.2),
    "mm": Bounds("precipitation", "mm", 0.0, 2000.0),
    "degrees": Bounds("direction", "degrees", 0.0, 360.0),
}
ALIASES: Mapping[str, str] = {
    "c": "degC",
    "°c": "degC",
    "celsius": "degC",
    "f": "degF",
    "°f": "degF",
    "fahrenheit": "degF",
    "degrees fahrenheit": "degF",
    "kelvin": "K",
    "%": "percent",
    "ms": "m/s",
    "kmh": "km/h",
    "kph": "km/h",
    "knots": "kn",
    "kt": "kn",
    "mbar": "hPa",
    "miles per hour or knots, not stated": "mph",
    "pounds per square inch, absolute": "psi",
    "inches of mercury": "inHg",
    "°": "degrees",
    **{unit.lower(): unit for unit in BY_UNIT},
}
CHANGE = re.compile(r"change|tendency|jump|diff|delta")
PRESSURE_CHANGE = Bounds("change of pressure", "hPa", -25.0, 25.0, "was the sensor exchanged? remove the value")
TEMPERATURE = re.compile(r"(^|_)(temp|temperature|tmin|tmax|tavg|tmean|t2m|dew_?point|dry_?bulb)(_|$|\d)")
SPEED = re.compile(r"(^|_)(wind(_?speed)?|(wind_?)?gusts?)(_(max|min|mean|avg|\d+m?|mph|kmh|kph|ms|kn|kt))*$")
NO_BOUNDS = re.compile(r"degree_?days|hdd|cdd|anomal|index|humidex|chill")  # made of such quantities, and none
SUFFIXES: Mapping[str, str] = {
    ending: unit
    for unit, endings in {
        "degC": ("c", "degc", "celsius"),
        "degF": ("f", "degf", "fahrenheit"),
        "K": ("k", "kelvin"),
        "km/h": ("kmh", "kph"),
        "m/s": ("ms",),
        "kn": ("kn", "kt"),
        "mph": ("mph",),
        "psi": ("psi", "psia"),
        "hPa": ("hpa", "mbar"),
        "percent": ("pct",),
    }.items()
    for ending in endings
}
HUMIDITY = re.compile(r"(^|_)rh(_|$|\d)|relative_?humidity|^humidity")
ANY_SPEED = Bounds("wind speed", "mph", 0.0, 255.0, "is it in km/h? say its unit with weather.units=[km/h]")


def check_values(table: pd.DataFrame, origin: Origin, units: Mapping[str, str]) -> None:
    """Refuse values that no weather has.

    Args:
        table: (N, K) columns, NaN where nothing was measured.
        origin: file and line of each row.
        units: of those columns whose unit is known; the others are judged by their names.

    Raises:
        RequestError: a value lies beyond what its quantity can be.
    """
    for name in table.columns:
        bounds = bounds_of(str(name), units.get(str(name)))
        if bounds is None:
            continue
        values = table[name].to_numpy(dtype=np.float64)
        bad = np.flatnonzero((values < bounds.low) | (values > bounds.high))
        if len(bad):
            row, more = int(bad[0]), f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
            raise RequestError(
                f"{origin.row(row)}, column {name}: {values[row]:g} of {moment(table.index[row])} is no "
                f"{bounds.quantity} in {bounds.unit}, which lies in [{bounds.low:g}, {bounds.high:g}]; "
                f"{bounds.hint}{more}"
            )


def bounds_of(name: str, unit: str | None) -> Bounds | None:
    """Return what a column can be: by its unit, or else by its name; None where neither says what it is."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if CHANGE.search(words):
        return PRESSURE_CHANGE if "pressure" in words else None
    if NO_BOUNDS.search(words):
        return None
    by_unit = BY_UNIT.get(ALIASES.get((unit or "").lower(), ""))
    if by_unit is not None:
        return by_unit
    ending = BY_UNIT.get(SUFFIXES.get(words.rsplit("_", 1)[-1], ""))
    for pattern, bounds in ((TEMPERATURE, CELSIUS), (SPEED, ANY_SPEED), (HUMIDITY, BY_UNIT["percent"])):
        if pattern.search(words):
            return ending if ending is not None and ending.quantity == bounds.quantity else bounds
    return ending if ending is not None and "pressure" in words else None


def check_gaps(
    table: pd.DataFrame, origin: Origin, rules: DataConfig, *, first: pd.Timestamp, last: pd.Timestamp
) -> list[str]:
    """Refuse holes in a column that are longer than `data.max_gap_hours`, or say that the value before is carried.

    A hole is never filled by interpolation: its far end was not known inside it.

    Args:
        table: (N, K) columns, NaN where nothing was measured.
        origin: file and line of each row.
        rules: how long a hole may be, and whether longer ones are carried over.
        first: holes that end before it do not matter.
        last: nor those that begin after it.

    Returns:
        A sentence a column with holes of more than three intervals. With `data.repair=[missing]`, what such a column
        says in a longer hole is that it is missing; see `join`.

    Raises:
        RequestError: a hole too long.
    """
    notes, index = [], pd.DatetimeIndex(table.index)
    interval = median_interval(index)
    most = max(pd.Timedelta(hours=rules.max_gap_hours), interval)
    for name in table.columns:
        rows = np.flatnonzero(table[name].notna().to_numpy())
        stamps = index[rows]
        holes = np.diff(stamps.asi8) - interval.as_unit("ns").value
        holes[(stamps[1:] < first) | (stamps[:-1] > last)] = 0
        if len(holes) == 0 or holes.max() <= 2 * interval.as_unit("ns").value:
            continue
        widest = int(holes.argmax())
        gap = f"column {name} has no value for {holes[widest] / 3.6e12:g} hours after {moment(stamps[widest])}"
        too_wide = holes[widest] > most.as_unit("ns").value
        if too_wide and not {"gaps", "missing"} & set(rules.repair):
            raise RequestError(
                f"{origin.row(int(rows[widest]))}, {gap}, and data.max_gap_hours is {rules.max_gap_hours:g}; bring "
                "the values, raise it, have the value before carried with data.repair=[gaps], or have the network told "
                "that it is missing with data.repair=[missing]"
            )
        until = (
            f" for {rules.max_gap_hours:g} hours, and then missing" if too_wide and "missing" in rules.repair else ""
        )
        notes.append(f"{gap}: the value before is carried{until}")
    return notes


def median_interval(index: pd.DatetimeIndex) -> pd.Timedelta:
    """Return the commonest distance of the values of a table."""
    if len(index) < 2:
        return pd.Timedelta(days=1)
    return pd.Timedelta(int(np.median(np.diff(index.asi8))), unit="ns")


def check_clock(table: pd.DataFrame, units: Mapping[str, str], place: str | float | None) -> list[str]:
    """Say if hourly temperatures are coldest at an hour that does not fit the place: their clock is then not UTC.

    Args:
        table: (N, K) columns by UTC.
        units: of those columns whose unit is known.
        place: the zone of the place, or its longitude in degrees east; None where it is not known.

    Returns:
        A sentence a temperature column whose days are coldest outside 03-09 h local; where the place is not known, the
        longitude that would fit.

    Raises:
        RequestError: no such zone.
    """
    index = pd.DatetimeIndex(table.index)
    if len(index) < 24 * 14 or median_interval(index) > pd.Timedelta(hours=3):
        return []
    notes = []
    for name in table.columns:
        bounds = bounds_of(str(name), units.get(str(name)))
        if bounds is None or bounds.quantity != "temperature":
            continue
        coldest = coldest_hour(table[name])
        if coldest is None:
            continue
        if place is None:
            longitude = ((6.0 - coldest) * 15.0 + 180.0) % 360.0 - 180.0
            notes.append(
                f"{name} is coldest at {coldest:.0f} h UTC, as near longitude {longitude:.0f}; give weather.place, "
                "such as America/Chicago, to have its clock checked"
            )
            continue
        local = _local_hour(coldest, place, index)
        if not DAWN.start <= local < DAWN.stop:
            notes.append(
                f"{name} is coldest at {local:.0f} h local time ({place}), not between 03 and 09 h: its times seem not "
                "to be in the zone they are declared in; check weather.time_zone"
            )
    return notes


def coldest_hour(column: pd.Series) -> float | None:
    """Return the hour of UTC at which the mean day is coldest, or None if days differ little from hour to hour."""
    measured = column.dropna()
    index = pd.DatetimeIndex(measured.index)
    daily = measured.to_numpy(dtype=np.float64) - measured.groupby(index.normalize()).transform("mean").to_numpy()
    hours = index.hour.to_numpy() + index.minute.to_numpy() / 60.0
    means = pd.Series(daily).groupby(hours).mean()
    if len(means) < 8 or float(means.max() - means.min()) < 1.0:
        return None
    return float(means.index.to_numpy()[int(means.to_numpy().argmin())])


def _local_hour(hour: float, place: str | float, index: pd.DatetimeIndex) -> float:
    if isinstance(place, float):
        return (hour + place / 15.0) % 24.0
    try:
        zone = ZoneInfo(place)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise RequestError(f"weather.place must be a zone such as America/Chicago, was '{place}'") from None
    some = index[:: max(len(index) // 50, 1)]
    offsets = (some.tz_convert(zone).tz_localize(None) - some.tz_localize(None)) / pd.Timedelta(hours=1)
    return (hour + float(np.median(offsets))) % 24.0
