"""From the columns of a table to a validated series: the one border every market source crosses."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.series import Series
from tradewinds.errors import RequestError

Array = NDArray[np.float64]
DAY = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)


def series_of(
    where: str,
    *,
    name: str,
    instrument: str,
    index: pd.DatetimeIndex,
    close: Array,
    open_: Array | None = None,
    high: Array | None = None,
    low: Array | None = None,
    volume: Array | None = None,
    bar_length: pd.Timedelta | None = None,
    bars_per_year: float | None = None,
    season_bars: int | None = None,
    price_unit: str = "",
    calendar: str = "24/7",
    zone: str = "UTC",
    lines: NDArray[np.int64] | None = None,
) -> Series:
    """Validate (T,) columns of one instrument and build its series.

    Args:
        where: the file, for messages.
        name: of the series.
        instrument: of the one instrument.
        index: (T,) starts of the bars, UTC, strictly increasing.
        close: (T,) prices; with `open_`, `high` and `low` None it is the only price of a bar.
        open_: (T,) or None.
        high: (T,) or None.
        low: (T,) or None.
        volume: (T,) or None.
        bar_length: None takes the commonest distance between stamps.
        bars_per_year: None counts the bars of the span.
        season_bars: None takes a day of bars within the day, a week of daily bars, a year of monthly ones.
        price_unit: unit of the prices.
        calendar: exchange code or 24/7.
        zone: zone in which the bars' days are counted.
        lines: (T,) lines of the file, for messages; None counts from 2.

    Raises:
        RequestError: a bar that cannot be; the message names file, row, column, value and cure.
    """
    if len(index) < 3:
        raise RequestError(f"{where} holds {len(index)} bars; a series needs at least 3")
    length = bar_length or _bar_length(index)
    lines = np.arange(2, len(index) + 2) if lines is None else lines
    single = open_ is None or high is None or low is None
    given = {"open": open_, "high": high, "low": low, "close": close}
    prices = {"close": close} if single else {name: values for name, values in given.items() if values is not None}
    for column, values in prices.items():
        bad = ~(np.isfinite(values) & (values > 0.0))
        _refuse_first(where, column, values, bad, index, lines, "must be positive and finite")
    if not single:
        _check_range(where, prices, index, lines)
    if volume is not None:
        _refuse_first(where, "volume", volume, volume < 0.0, index, lines, "must be at least 0")
    _check_spacing(where, index, lines, length)
    columns = {column: values[:, None] for column, values in prices.items()}
    return Series(
        name=name,
        instruments=(instrument,),
        index=index,
        bar_length=length,
        bars_per_year=bars_per_year or _bars_per_year(index),
        season_bars=season_bars or _season(index.tz_convert(zone), length),
        open=columns.get("open", columns["close"]),
        high=columns.get("high", columns["close"]),
        low=columns.get("low", columns["close"]),
        close=columns["close"],
        volume=None if volume is None else volume[:, None],
        single_price=single,
        units={column: price_unit for column in columns},
        price_unit=price_unit,
        calendar=calendar,
    )


def cut(index: pd.DatetimeIndex, first: str | None, last: str | None, where: str, zone: str = "UTC") -> slice:
    """Return the rows whose date, in `zone`, lies in [first, last].

    Raises:
        RequestError: none does.
    """
    local = index.tz_convert(zone).tz_localize(None)
    start = 0 if first is None else int((local < pd.Timestamp(first)).sum())
    stop = len(index) if last is None else int((local < pd.Timestamp(last) + DAY).sum())
    if start >= stop:
        raise RequestError(
            f"{where} has no bar between series.first={first} and series.last={last}; "
            f"it runs {index[0]:%Y-%m-%d} to {index[-1]:%Y-%m-%d}"
        )
    return slice(start, stop)


def _check_range(where: str, prices: dict[str, Array], index: pd.DatetimeIndex, lines: NDArray[np.int64]) -> None:
    open_, high, low, close = (prices[name] for name in ("open", "high", "low", "close"))
    _refuse_first(
        where, "high", high, high < np.maximum(open_, close), index, lines, "must not lie below open or close"
    )
    _refuse_first(where, "low", low, low > np.minimum(open_, close), index, lines, "must not lie above open or close")


def _refuse_first(
    where: str,
    column: str,
    values: Array,
    bad: NDArray[np.bool_],
    index: pd.DatetimeIndex,
    lines: NDArray[np.int64],
    law: str,
) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
        row = int(rows[0])
        raise RequestError(
            f"{where}, row {lines[row]} ({index[row]}), {column} {law}, was {values[row]:g}{more}; correct the file"
        )


def _check_spacing(where: str, index: pd.DatetimeIndex, lines: NDArray[np.int64], length: pd.Timedelta) -> None:
    shortest = length - HOUR if length >= DAY else length  # a local day of a clock change has 23 hours
    near = np.flatnonzero(np.diff(index.asi8) < shortest.as_unit("ns").value)
    if len(near):
        row = int(near[0]) + 1
        raise RequestError(
            f"{where}, row {lines[row]}: the bar at {index[row]} starts before the one at {index[row - 1]} ends, "
            f"{length} later; give series.bar_length"
        )
    now = pd.Timestamp(datetime.now(UTC))
    if index[-1] + length > now:
        raise RequestError(
            f"{where}: the last bar, {index[-1]}, has not closed yet at {now:%Y-%m-%d %H:%M} UTC; "
            "remove it, or cut it off with series.last"
        )


def _bar_length(index: pd.DatetimeIndex) -> pd.Timedelta:
    """The commonest distance between stamps; beyond a day the shortest, as February is among months."""
    steps, counts = np.unique(np.diff(index.asi8), return_counts=True)
    commonest = pd.Timedelta(int(steps[counts.argmax()]), unit="ns")
    return commonest if commonest <= DAY + HOUR else pd.Timedelta(int(steps[0]), unit="ns")


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
