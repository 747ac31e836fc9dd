"""From bars of each instrument to one series: a common clock, and a mark for every instrument at every bar of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import PRICES, Series, Target

Array = NDArray[np.float64]
Rows = slice | NDArray[np.int64]
DAY = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)


class InstrumentBars(Protocol):
    """T bars of one instrument that have been checked, whoever read them."""

    @property
    def index(self) -> pd.DatetimeIndex:
        """(T,) starts, UTC, strictly increasing."""

    @property
    def columns(self) -> Mapping[str, Array]:
        """(T,) each: `close`, or `open`, `high`, `low` and `close`; `volume`, `dividends`, `splits` where known."""

    @property
    def single_price(self) -> bool:
        """Whether a bar has one price only."""


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


@dataclass(frozen=True)
class Whole:
    """That every history is read as long as it is.

    Attributes:
        delisted_after: bars of the clock without one of an instrument, up to the end, from which on it is gone for
            good.
        left: instruments that are gone after their last bar, however few bars follow.
    """

    delisted_after: int
    left: frozenset[str] = frozenset()


def series_of(
    instruments: Mapping[str, InstrumentBars], facts: Facts, whole: Whole | None = None
) -> tuple[Series, list[str]]:
    """Put A instruments side by side.

    The series runs from the day the last of them begins to the day the first of them ends, over every bar that any of
    them has; where each history is `whole`, from the first bar that any has to the last. Where one has none, its close
    before stands as open, high, low and close, with a volume of 0; before its first bar 1 stands, of `whole` histories.

    Args:
        instruments: checked bars, by name, in order.
        facts: what the series is.
        whole: that histories begin and end where they do, or None.

    Returns:
        The series, raw prices with dividends and splits as events, and a sentence on every instrument that lacks bars;
        of `whole` histories none.

    Raises:
        ValueError: the instruments have no time in common, and are not read whole.
    """
    names, parts = tuple(instruments), list(instruments.values())
    index = _common(names, parts) if whole is None else _every(parts)
    rows = [_rows(part.index, index) for part in parts]
    present = [part.index.asi8[row] == index.asi8 for part, row in zip(parts, rows, strict=True)]
    traded = None if whole is None or all(has.all() for has in present) else np.column_stack(present)
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
        traded=traded,
        delisted=None if traded is None or whole is None else _delisted(names, traded, whole),
        single_price=single,
        units=dict.fromkeys(("close",) if single else PRICES, facts.price_unit),
        price_unit=facts.price_unit,
        calendar=facts.calendar,
        target=facts.target,
    )
    if whole is not None:
        return series, []
    notes = [
        f"{name} has no bar on {int((~has).sum())} of {len(has)}, the first on {index[~has][0]:%Y-%m-%d}: its close "
        "before is carried"
        for name, has in zip(names, present, strict=True)
        if not has.all()
    ]
    return series, notes


def bar_length(index: pd.DatetimeIndex) -> pd.Timedelta:
    """Return the distance between most starts; where most do not agree the shortest, as February is among months."""
    steps, counts = np.unique(np.diff(index.asi8), return_counts=True)
    commonest = pd.Timedelta(int(steps[counts.argmax()]), unit="ns")
    agreed = counts.max() >= 0.8 * counts.sum() or commonest <= DAY + HOUR
    return commonest if agreed else pd.Timedelta(int(steps[0]), unit="ns")


def _common(names: tuple[str, ...], parts: Sequence[InstrumentBars]) -> pd.DatetimeIndex:
    if all(part.index.equals(parts[0].index) for part in parts):
        return parts[0].index
    last_start, first_end = max(part.index[0] for part in parts), min(part.index[-1] for part in parts)
    stamps = np.unique(np.concatenate([part.index.asi8 for part in parts]))
    index = pd.DatetimeIndex(stamps, tz="UTC")
    index = index[(index >= last_start) & (index <= first_end)]
    if len(index) < 3:
        late = names[int(np.argmax([part.index[0].value for part in parts]))]
        early = names[int(np.argmin([part.index[-1].value for part in parts]))]
        raise ValueError(
            f"the instruments have no time in common: {late} begins {last_start:%Y-%m-%d} and {early} ends "
            f"{first_end:%Y-%m-%d}; choose others"
        )
    return index


def _every(parts: Sequence[InstrumentBars]) -> pd.DatetimeIndex:
    if all(part.index.equals(parts[0].index) for part in parts):
        return parts[0].index
    return pd.DatetimeIndex(np.unique(np.concatenate([part.index.asi8 for part in parts])), tz="UTC")


def _delisted(names: tuple[str, ...], traded: NDArray[np.bool_], whole: Whole) -> NDArray[np.bool_] | None:
    """(T, A) the first bar after the last of what is gone for good; None where nothing is."""
    number = len(traded)
    last = number - 1 - np.argmax(traded[::-1], axis=0)  # (A,)
    left = np.array([name in whole.left for name in names])
    gone = np.flatnonzero((number - 1 - last >= np.where(left, 1, whole.delisted_after)) & (last < number - 1))
    if len(gone) == 0:
        return None
    delisted = np.zeros(traded.shape, dtype=bool)
    delisted[last[gone] + 1, gone] = True
    return delisted


def _rows(bars: pd.DatetimeIndex, index: pd.DatetimeIndex) -> Rows:
    """Which of an instrument's bars stands at each bar of the common clock: its newest at or before."""
    return slice(None) if bars is index or bars.equals(index) else bars.get_indexer(index, method="ffill")


def _names(parts: Sequence[InstrumentBars], *, single: bool) -> list[str]:
    prices = ["close"] if single else list(PRICES)
    volume = [name for name in ("volume",) if all(name in part.columns for part in parts)]
    events = [name for name in ("dividends", "splits") if any(name in part.columns for part in parts)]
    return [*prices, *volume, *events]


def _filled(
    name: str, parts: Sequence[InstrumentBars], rows: list[Rows], present: list[NDArray[np.bool_]], *, single: bool
) -> Array:
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
            if not isinstance(row, slice):
                filled[number][row < 0] = 1.0  # before its first bar, which only whole histories have
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
