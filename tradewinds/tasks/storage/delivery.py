"""The days of a day-ahead power market, and what may be known of each when its gate closes.

The gate of day D closes on D - 1 at an hour of the local clock. By then all prices of D - 1 are known, as they were
cleared the day before; so the row at which a day is forecast is the last slot of D - 1. Everything else at that row,
weather and gas, is joined as it was known at the gate closure, not at that hour's end: `known_at`. docs/battery.md.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from forecaster.day_ahead.days import longest_day
from tradewinds.core.errors import RequestError
from trading_env import BatteryConfig

if TYPE_CHECKING:
    from forecaster.hidden_states import HiddenStates

Array = NDArray[np.float64]
Int = NDArray[np.int64]
DAYS_PER_YEAR = 365.25  # a storage unit works every day
HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Delivery:
    """D whole days of delivery that follow one another.

    Attributes:
        first: (D,) row of each day's first slot; the row before it is the last that is known at its gate closure.
        length: (D,) slots of each day: 23 to 25 hours, or 92 to 100 quarters.
        rows: their rows in the series.
        slot: of the clock of these rows, counted from midnight.
        bar_length: of a slot.
    """

    first: Int
    length: Int
    rows: range
    slot: Int
    bar_length: pd.Timedelta

    @property
    def number(self) -> Int:
        """Day of delivery of each row, 0 to D - 1."""
        return np.repeat(np.arange(len(self.first)), self.length)

    @property
    def gate_rows(self) -> Int:
        """(D,) last row whose price is known when the day's gate closes."""
        return self.first - 1


def known_at(index: pd.DatetimeIndex, close_time: pd.DatetimeIndex, config: BatteryConfig) -> pd.DatetimeIndex:
    """Return (T,) moments up to which anything but the price may be known at each row: its close, or the gate before.

    The row of a slot is read when the gate of the next local day closes, at the latest; so of a day's later slots only
    the prices are known, and of all else what was known at the gate closure.
    """
    day = index.tz_convert(config.time_zone).tz_localize(None).normalize()
    gate = (day + pd.Timedelta(hours=config.gate_closure_hour)).tz_localize(
        config.time_zone, ambiguous=np.ones(len(index), dtype=bool), nonexistent="shift_forward"
    )
    nanoseconds = np.minimum(close_time.as_unit("ns").asi8, gate.tz_convert("UTC").as_unit("ns").asi8)
    return pd.DatetimeIndex(nanoseconds, tz="UTC")


def delivery_days(series: Series, config: BatteryConfig, rows: range) -> Delivery:
    """Return the whole local days in `rows` whose gate row lies in `rows` too.

    Raises:
        RequestError: there is none, or a slot is missing between them.
    """
    length = series.bar_length
    local = series.index[rows.start : rows.stop].tz_convert(config.time_zone).tz_localize(None)
    dates = local.normalize()
    slot = ((local - dates) // length).to_numpy(np.int64)
    starts = np.flatnonzero(np.append(True, dates[1:] != dates[:-1]))
    ends = np.append(starts[1:], len(local))
    whole = (starts > 0) & (local == dates)[starts] & (slot[ends - 1] == DAY // length - 1)
    first, slots = starts[whole], (ends - starts)[whole]
    if len(first) == 0:
        raise RequestError(
            f"{series.name}: rows {rows.start} to {rows.stop} hold no whole day of delivery in {config.time_zone}; "
            "bring more bars, or give that part a larger share of the split"
        )
    inside = np.arange(first[0], first[-1] + slots[-1])
    gaps = np.flatnonzero(np.diff(series.index[rows.start + inside].asi8) != length.as_unit("ns").value)
    if len(gaps) or slots.sum() != len(inside):
        after = series.index[rows.start + inside[gaps[0] if len(gaps) else 0]]
        raise RequestError(
            f"{series.name}: a price is missing after {after}, and a storage unit needs that of every slot of "
            f"{minutes(length)}; bring it, or have the price before it repeated with data.repair=[gaps]"
        )
    span = range(rows.start + int(inside[0]), rows.start + int(inside[-1]) + 1)
    return Delivery(rows.start + first, slots, span, slot[inside], length)


def minutes(length: pd.Timedelta) -> str:
    """Return the length of a slot in words: an hour, or 15 minutes."""
    return "an hour" if length == HOUR else f"{length / pd.Timedelta(minutes=1):g} minutes"


def price_paths(series: Series, states: "HiddenStates", rows: Int) -> Array:
    """Return (D, H) prices forecast at `rows` (D,), in the price's unit, from forecasts of its changes."""
    last, steps = series.close[rows, :1], np.cumsum(states.forecast[rows].astype(np.float64), axis=1)
    return np.asarray(last * np.exp(steps) if series.is_price else last + steps)


def by_day(values: Array, day: Int, bar_length: pd.Timedelta) -> Array:
    """Return (D, H) values of each day's slots, NaN past its end, from (T,) of all; H are those of the longest day."""
    table = np.full((int(day[-1]) + 1, longest_day(bar_length)), np.nan)
    table[day, np.arange(len(day)) - np.searchsorted(day, day)] = values
    return table


def midnights(index: pd.DatetimeIndex, config: BatteryConfig) -> pd.DatetimeIndex:
    """Return the first slot of each local day in a stretch of whole days."""
    dates = index.tz_convert(config.time_zone).normalize()
    return pd.DatetimeIndex(index[np.append(True, dates[1:] != dates[:-1])])


def gate_of(delivery: pd.Timestamp, config: BatteryConfig) -> pd.Timestamp:
    """Return when the gate closes for the local day that begins at `delivery`, UTC."""
    before = delivery.tz_convert(config.time_zone).tz_localize(None).normalize() - pd.Timedelta(days=1)
    gate = before + pd.Timedelta(hours=config.gate_closure_hour)
    return gate.tz_localize(config.time_zone, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC")
