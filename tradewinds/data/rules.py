"""The rules all sources read and fetch by, and the types of their settings. Light: no pandas, no YAML."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import distinct, require

MAX_HOURS = 24 * 366  # that a value is known before or after its interval: a seasonal outlook, a late revision


def is_date(text: str) -> bool:
    """Say whether a text is a date that a nanosecond clock can count, such as 2015-01-31."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is None:
        return False
    try:
        return 1700 <= date.fromisoformat(text).year <= 2200
    except ValueError:
        return False


def _date(text: str) -> str:
    if not is_date(text):
        raise ValueError("must be a date such as 2015-01-31")
    return text


def _moment(text: str) -> str:
    day, _, time = text.partition("T")
    if not is_date(day) or (time and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time, re.ASCII) is None):
        raise ValueError("must be a date or moment such as 2015-01-31 or 2015-01-31T12:00")
    return text


def _symbol(text: str) -> str:
    """Refuse what Yahoo writes no symbol with; it is also the name of a file in the store, and so may be no path."""
    if re.fullmatch(r"[A-Za-z0-9^][A-Za-z0-9.^=-]{0,31}", text, re.ASCII) is None or ".." in text:
        raise ValueError(
            "must be written as Yahoo writes it, letters, digits and . ^ = - only, such as BRK-B, ^GSPC or EURUSD=X"
        )
    return text


def _jumps(believed: bool | tuple[str, ...]) -> bool | tuple[str, ...]:
    try:
        return believed if isinstance(believed, bool) else tuple(map(_moment, believed))
    except ValueError:
        raise ValueError("must be true, false, or dates or moments such as [2024-03-21,2024-05-02T14:30]") from None


Date = Annotated[str, AfterValidator(_date)]
Moment = Annotated[str, AfterValidator(_moment)]
Symbol = Annotated[str, AfterValidator(_symbol)]
BarLength = Annotated[
    str, Field(pattern="^[1-9][0-9]{0,5} ?(D|h|min)$", description="a length such as 1D, 1h or 15min")
]
Distinct = Annotated[tuple[str, ...], AfterValidator(distinct)]
Names = Annotated[Distinct, Field(min_length=1, description="names")]
Path = Annotated[str, Field(min_length=1, description="the name of a file or folder")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees north")]
Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees east")]
LagHours = Annotated[float, Field(ge=0, le=MAX_HOURS, description="hours")]
HoursAhead = Annotated[float, Field(gt=0, le=MAX_HOURS, description="hours")]
Seconds = Annotated[float, Field(ge=0, description="seconds")]
PositiveSeconds = Annotated[float, Field(gt=0, description="seconds")]


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How data are read and fetched.

    Attributes:
        store: folder of what `fetch` brought; null takes the user's data folder.
        offline: open no socket, whatever is asked for; the flag --offline sets it.
        symbols: what `fetch` asks Yahoo for, such as AAPL or ^GSPC.
        latitude: degrees north of the place whose weather `fetch` asks Open-Meteo for, or null.
        longitude: degrees east, or null.
        allow_partial: `fetch` succeeds even where some of what was asked for could not be had.
        refetch: fetch the whole span again and put it in the place of what is stored.
        repair: which faults are mended and reported instead of refused: `sort` (rows out of order), `duplicates`
            (copies of a row), `drop` (rows without a price), `clip` (open or close beyond high or low: the range is
            widened), `forming` (the bar that has not closed yet is dropped), `dst` (the repeated hour of a clock change
            is told apart by the order of the rows), `gaps` (weather missing for more than `max_gap_hours` is carried),
            `missing` (instead of that, the network is told that it is missing; so too before a column's first value,
            after its last, and in future covariates).
        missing_marks: texts that stand for a missing value, such as 9999.
        accept_jumps: believe prices that look like an unrecorded split, a change of unit or a bad print: true for all,
            or the dates or moments of those to believe, in UTC, such as [2024-03-21,2024-05-02T14:30].
        accept_changes: a date; what was read of that day and later may have changed, or be gone, since the newest
            version of a model was made from it, for `retrain` and `signal`; null accepts no change.
        max_missing: share of an exchange's sessions that may be absent, in [0, 1].
        max_gap_hours: hours for which the newest weather value may be repeated, positive.
        pause_seconds: between two requests to one server, at least 0.
        timeout_seconds: for one request, positive.
        attempts: at most, for one symbol or place, at least 1.
        backoff_seconds: the first wait before another attempt; it doubles, with jitter, up to eight times as long.
        deadline_seconds: for one symbol or place, attempts and waits together.
    """

    store: Path | None = None
    offline: bool = False
    symbols: tuple[Symbol, ...] = ()
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    allow_partial: bool = False
    refetch: bool = False
    repair: tuple[Literal["sort", "duplicates", "drop", "clip", "forming", "dst", "gaps", "missing"], ...] = ()
    missing_marks: tuple[str, ...] = ()
    accept_jumps: Annotated[bool | tuple[str, ...], AfterValidator(_jumps)] = False
    accept_changes: Date | None = None
    max_missing: Annotated[float, Field(ge=0, le=1, description="a share of the sessions")] = 0.05
    max_gap_hours: Annotated[float, Field(gt=0, description="hours")] = 72.0
    pause_seconds: Seconds = 1.0
    timeout_seconds: PositiveSeconds = 30.0
    attempts: Annotated[int, Field(ge=1, le=100, description="requests")] = 5
    backoff_seconds: Seconds = 2.0
    deadline_seconds: PositiveSeconds = 120.0

    def __post_init__(self) -> None:
        require(
            (
                (self.latitude is None) == (self.longitude is None),
                f"latitude and longitude must be given together, were {self.latitude} and {self.longitude}",
            ),
            (
                not {"gaps", "missing"} <= set(self.repair),
                "repair must not name both gaps, which carries a value on, and missing, which says it is missing; "
                "choose one",
            ),
        )

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide what is read, and so a run's numbers."""
        names = ("repair", "missing_marks", "accept_jumps", "max_missing", "max_gap_hours")
        return {name: getattr(self, name) for name in names}
