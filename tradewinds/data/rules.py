"""The rules all sources read and fetch by. Plain dataclasses: no pandas, no YAML."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from tradewinds.request.validate import require

MAX_AHEAD_HOURS = 24 * 366


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
            after its last, and in columns known ahead).
        missing_marks: texts that stand for a missing value, such as 9999.
        accept_jumps: believe a bar-to-bar price ratio that looks like an unrecorded split or a change of unit.
        max_missing: share of an exchange's sessions that may be absent, in [0, 1].
        max_gap_hours: hours for which the newest weather value may be repeated, positive.
        pause_seconds: between two requests to one server, at least 0.
        timeout_seconds: for one request, positive.
        attempts: at most, for one symbol or place, at least 1.
        backoff_seconds: the first wait before another attempt; it doubles, with jitter, up to eight times as long.
        deadline_seconds: for one symbol or place, attempts and waits together.
    """

    store: str | None = None
    offline: bool = False
    symbols: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    allow_partial: bool = False
    refetch: bool = False
    repair: tuple[Literal["sort", "duplicates", "drop", "clip", "forming", "dst", "gaps", "missing"], ...] = ()
    missing_marks: tuple[str, ...] = ()
    accept_jumps: bool = False
    max_missing: float = 0.05
    max_gap_hours: float = 72.0
    pause_seconds: float = 1.0
    timeout_seconds: float = 30.0
    attempts: int = 5
    backoff_seconds: float = 2.0
    deadline_seconds: float = 120.0

    def __post_init__(self) -> None:
        require(
            (self.store != "", "store must name a folder or be null, was empty"),
            (
                (self.latitude is None) == (self.longitude is None),
                f"latitude and longitude must be given together, were {self.latitude} and {self.longitude}",
            ),
            *place_laws(self.latitude, self.longitude),
            (
                not {"gaps", "missing"} <= set(self.repair),
                "repair must not name both gaps, which carries a value on, and missing, which says it is missing; "
                "choose one",
            ),
            *[symbol_law(symbol) for symbol in self.symbols],
            (0.0 <= self.max_missing <= 1.0, f"max_missing must be a share in [0, 1], was {self.max_missing}"),
            (self.max_gap_hours > 0.0, f"max_gap_hours must be positive, was {self.max_gap_hours}"),
            (self.pause_seconds >= 0.0, f"pause_seconds must be at least 0, was {self.pause_seconds}"),
            (self.timeout_seconds > 0.0, f"timeout_seconds must be positive, was {self.timeout_seconds}"),
            (1 <= self.attempts <= 100, f"attempts must lie in [1, 100], was {self.attempts}"),
            (self.backoff_seconds >= 0.0, f"backoff_seconds must be at least 0, was {self.backoff_seconds}"),
            (self.deadline_seconds > 0.0, f"deadline_seconds must be positive, was {self.deadline_seconds}"),
        )

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide what is read, and so a run's numbers."""
        names = ("repair", "missing_marks", "accept_jumps", "max_missing", "max_gap_hours")
        return {name: getattr(self, name) for name in names}


def place_laws(latitude: float | None, longitude: float | None) -> list[tuple[bool, str]]:
    """Return what must hold of a place."""
    return [
        (latitude is None or abs(latitude) <= 90.0, f"latitude must lie in [-90, 90] degrees north, was {latitude}"),
        (
            longitude is None or abs(longitude) <= 180.0,
            f"longitude must lie in [-180, 180] degrees east, was {longitude}",
        ),
    ]


def ahead_laws(known_ahead: Mapping[str, float]) -> list[tuple[bool, str]]:
    """Return what must hold of columns known ahead, hours by name."""
    wrong = [f"{name}: {hours:g}" for name, hours in known_ahead.items() if not 0.0 < hours <= MAX_AHEAD_HOURS]
    return [
        (not wrong, f"known_ahead must give hours in (0, {MAX_AHEAD_HOURS}] for each column, had {', '.join(wrong)}"),
    ]


def symbol_law(symbol: str) -> tuple[bool, str]:
    """Return what must hold of a symbol, which is also the name of a file in the store: these signs write no path."""
    plain = re.fullmatch(r"[A-Za-z0-9^][A-Za-z0-9.^=-]{0,31}", symbol, re.ASCII) is not None and ".." not in symbol
    return plain, (
        f"symbols must be written as Yahoo writes them, letters, digits and . ^ = - only, such as BRK-B, ^GSPC or "
        f"EURUSD=X; was '{symbol}'"
    )


def is_date(text: str) -> bool:
    """Say whether a text is a date that a nanosecond clock can count, such as 2015-01-31."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is None:
        return False
    try:
        return 1700 <= date.fromisoformat(text).year <= 2200
    except ValueError:
        return False
