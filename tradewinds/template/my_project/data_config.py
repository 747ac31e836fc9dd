"""Settings of the sources. Light: no pandas."""

from typing import Literal

from pydantic.dataclasses import dataclass

from tradewinds.data.rules import Date, Latitude, Path


@dataclass(frozen=True, kw_only=True)
class SemicolonsConfig:
    """Daily bars of one instrument in a CSV of `day;open;high;low;close` with decimal commas, newest day first.

    Attributes:
        path: the file.
        last: last day read, or null for all; the leak check reads a shorter file through it.
        target: what is forecast.
    """

    kind: Literal["semicolons"] = "semicolons"
    path: Path
    last: Date | None = None
    target: Literal["log_return", "difference"] = "log_return"


@dataclass(frozen=True, kw_only=True)
class DaylightConfig:
    """Hours of daylight, reckoned and not measured.

    Attributes:
        latitude: of the place, in degrees north.
        first: first day.
        last: last day.
    """

    kind: Literal["daylight"] = "daylight"
    latitude: Latitude = 52.0
    first: Date = "1970-01-01"
    last: Date = "2035-12-31"
