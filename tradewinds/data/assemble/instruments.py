"""From bars of each instrument to one series: a common clock, and a mark for every instrument at every bar of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series, Target
from tradewinds.core.errors import RequestError
from tradewinds.data.checks.bars import DAY, PRICES, Array, Bars

Rows = slice | NDArray[np.int64]


@dataclass(frozen=True)
class Facts:
    """What a series is, beside its bars.

    Attributes:
        name: of the series.
        bar_length: of a bar.
        bars_per_year: None counts the bars of the span.
        season_bars: None takes a day of bars within the day, a week of daily bars, a year of monthly ones.
        price_unit: unit of the prices.
        calendar: exchange code, 24/7, or empty where none is known.
        zone: zone in which the bars' days are counted.
        target: what is forecast: log returns or differences.
    """

    name: str
    bar_length: pd.Timedelta
    bars_per_year: float | None = None
    season_bars: int | None = None
    price_unit: str = ""
    calendar: str = ""
    zone: str = "UTC"
    target: Target = "log_return"


def series_of(instruments: Mapping[str, Bars], facts: Facts) -> tuple[Series, list[str]]:
    """Put A instruments side by side.

    The series runs from the day the last of them begins to the day the first of them ends, over every bar that any of
    them has. Where one has none, its close before stands as open, high, low and close, with a volume of 0.

    Args:
        instruments: checked bars, by name, in order.
        facts: what the series is.

    Returns:
        The series, raw prices with dividends and splits as events, and a sentence on every instrument that lacks bars.

    Raises:
        RequestError: the instruments have no time in common.
    """
    names, parts = tuple(instruments), list(instruments.values())
    index = _common(names, parts)
    rows = [_rows(part.index, index) for part in parts]
    present = [part.index.asi8[row] == index.asi8 for part, row in zip(parts, rows, strict=True)]
    single = any(part.single_price for part in parts)
    columns = {name: _filled(name, parts, rows, present, single=single) for name in _names(parts, single=single)}
    close = columns["close"]
    series = Series(
        name=facts.name,
        instruments=names,
        index=index,
        bar_length=facts.bar_length,
        bars_per_year=facts.bars_per_year or _bars_per_year(index),
        season_bars=facts.season_bars or _season(index.tz_convert(facts.zone), facts.bar_length),
        open=columns.get("open", close),
        high=columns.get("high", close),
        low=columns.get("low", close),
        close=close,
        volume=columns.get("volume"),
        dividends=_if_any(columns.get("dividends"), 0.0),
        splits=_if_any(columns.get("splits"), 1.0),
        single_price=single,
        units=dict.fromkeys(("close",) if single else PRICES, facts.price_unit),
        price_unit=facts.price_unit,
        calendar=facts.calendar,
        target=facts.target,
    )
    notes = [
        f"{name} has no bar on {int((~has).sum())} of {len(has)}, the first on {index[~has][0]:%Y-%m-%d}: its close "
        "before is carried"
        for name, has in zip(names, present, strict=True)
        if not has.all()
    ]
    return series, notes


def _common(names: tuple[str, ...], parts: list[Bars]) -> pd.DatetimeIndex:
    if all(part.index.equals(parts[0].index) for part in parts):
        return parts[0].index
    last_start, first_end = max(part.index[0] for part in parts), min(part.index[-1] for part in parts)
    stamps = np.unique(np.concatenate([part.index.asi8 for part in parts]))
    index = pd.DatetimeIndex(stamps, tz="UTC")
    index = index[(index >= last_start) & (index <= first_end)]
    if len(index) < 3:
        late = names[int(np.argmax([part.index[0].value for part in parts]))]
        early = names[int(np.argmin([part.index[-1].value for part in parts]))]
        raise RequestError(
            f"the instruments have no time in common: {late} begins {last_start:%Y-%m-%d} and {early} ends "
            f"{first_end:%Y-%m-%d}; choose others"
        )
    return index


def _rows(bars: pd.DatetimeIndex, index: pd.DatetimeIndex) -> Rows:
    """Which of an instrument's bars stands at each bar of the common clock: its newest at or before."""
    return slice(None) if bars is index or bars.equals(index) else bars.get_indexer(index, method="ffill")


def _names(parts: list[Bars], *, single: bool) -> list[str]:
    prices = ["close"] if single else list(PRICES)
    volume = [name for name in ("volume",) if all(name in part.columns for part in parts)]
    events = [name for name in ("dividends", "splits") if any(name in part.columns for part in parts)]
    return [*prices, *volume, *events]


def _filled(name: str, parts: list[Bars], rows: list[Rows], present: list[NDArray[np.bool_]], *, single: bool) -> Array:
    """(T, A), laid out by instrument: column by column as it is filled and read."""
    missing = {"volume": 0.0, "dividends": 0.0, "splits": 1.0}
    filled = np.empty((len(parts), len(present[0])))
    for number, (part, row, has) in enumerate(zip(parts, rows, present, strict=True)):
        if name not in part.columns:
            filled[number] = missing[name]
        elif has.all():
            filled[number] = part.columns[name][row]
        elif name in missing:
            filled[number] = np.where(has, part.columns[name][row], missing[name])
        else:
            filled[number] = np.where(has, part.columns[name][row], part.columns["close"][row])
    return filled.T


def _if_any(column: Array | None, nothing: float) -> Array | None:
    return None if column is None or bool((column == nothing).all()) else column


def _bars_per_year(index: pd.DatetimeIndex) -> float:
    years = (index[-1] - index[0]) / pd.Timedelta(days=365.25)
    return float((len(index) - 1) / years)


def _season(local: pd.DatetimeIndex, length: pd.Timedelta) -> int:
    """As many bars as most days have; a week of daily bars; four of weekly, twelve of monthly."""
    if length < DAY:
        return int(np.bincount(np.unique(local.normalize().asi8, return_counts=True)[1]).argmax())
    if length < 2 * DAY:
        return 7 if bool((local.day_of_week >= 5).any()) else 5
    return 12 if length >= 28 * DAY else 4
