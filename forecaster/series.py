"""A series: bars of one or more instruments in UTC, and what else was known when each bar closed.

Prices are raw. An exogenous value is joined as-of on its availability, never on its validity: a mean temperature valid
on Monday and published on Tuesday belongs to Tuesday's row at the earliest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, eq=False)
class Series:
    """T bars of A instruments with K exogenous columns.

    Attributes:
        name: short name, also of the run.
        instruments: A names.
        index: (T,) start of each bar, UTC, strictly increasing.
        bar_length: from the start of a bar to its close.
        bars_per_year: bars in a year, to annualise.
        season_bars: bars of one season: 24 for hourly power, 5 for daily sessions.
        open: (T, A) prices, positive, in `price_unit`.
        high: (T, A).
        low: (T, A).
        close: (T, A).
        volume: (T, A) units traded, or None.
        single_price: one price a bar: open, high, low and close are the same.
        exogenous: (T, K) newest values available at each bar's close; NaN before the first.
        lags: per exogenous column, time from the start of its own interval until it is available.
        units: per column, its unit.
        price_unit: unit of the prices.
        calendar: exchange code, or `24/7`.

    Raises:
        ValueError: shapes or indexes disagree, times do not increase, a price is not positive and finite or leaves its
            bar's range, a volume is negative, an exogenous value is infinite.
    """

    name: str
    instruments: tuple[str, ...]
    index: pd.DatetimeIndex
    bar_length: pd.Timedelta
    bars_per_year: float
    season_bars: int
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array | None = None
    single_price: bool = False
    exogenous: pd.DataFrame = field(default_factory=pd.DataFrame)
    lags: Mapping[str, pd.Timedelta] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    price_unit: str = ""
    calendar: str = "24/7"

    def __post_init__(self) -> None:
        if self.exogenous.empty and len(self.exogenous) != len(self.index):
            object.__setattr__(self, "exogenous", pd.DataFrame(index=self.index))
        object.__setattr__(self, "index", self.index.as_unit("ns"))
        faults = self._shape_faults() or [*self._time_faults(), *self._price_faults(), *self._other_faults()]
        if faults:
            raise ValueError("; ".join(faults))

    def _shape_faults(self) -> list[str]:
        shape = (len(self.index), len(self.instruments))
        columns = {name: getattr(self, name) for name in (*PRICES, "volume")}
        faults = [
            f"{name} must be (T, A) = {shape}, was {column.shape}"
            for name, column in columns.items()
            if column is not None and column.shape != shape
        ]
        if len(self.exogenous) != len(self.index):
            faults.append(f"exogenous must have {len(self.index)} rows, had {len(self.exogenous)}")
        return faults

    def _time_faults(self) -> list[str]:
        faults = []
        if str(self.index.tz) != "UTC":
            faults.append(f"index must be in UTC, was in {self.index.tz}")
        late = np.flatnonzero(np.diff(self.index.asi8) <= 0)
        if len(late):
            faults.append(f"index must increase strictly, but {self.index[late[0] + 1]} follows {self.index[late[0]]}")
        if self.bar_length <= pd.Timedelta(0) or not self.bars_per_year > 0.0 or self.season_bars < 1:
            faults.append(
                "bar_length, bars_per_year and season_bars must be positive, "
                f"were {self.bar_length}, {self.bars_per_year} and {self.season_bars}"
            )
        return faults

    def _price_faults(self) -> list[str]:
        faults = []
        for name in PRICES:
            column: Array = getattr(self, name)
            bad = np.argwhere(~(np.isfinite(column) & (column > 0.0)))
            if len(bad):
                row, asset = bad[0]
                faults.append(
                    f"{name} of {self.instruments[asset]} must be positive and finite, "
                    f"was {column[row, asset]} at {self.index[row]}"
                )
        if not faults:
            outside = (self.high < np.maximum(self.open, self.close)) | (self.low > np.minimum(self.open, self.close))
            for row, asset in np.argwhere(outside)[:1]:
                faults.append(
                    f"open and close of {self.instruments[asset]} must lie between low and high, "
                    f"did not at {self.index[row]}"
                )
        return faults

    def _other_faults(self) -> list[str]:
        faults = []
        if self.volume is not None and not (np.isfinite(self.volume) & (self.volume >= 0.0)).all():
            faults.append("volume must be finite and at least 0")
        if self.single_price and not all(np.array_equal(getattr(self, name), self.close) for name in PRICES):
            faults.append("open, high, low and close must be the same where single_price is set, were different")
        if not pd.DatetimeIndex(self.exogenous.index).equals(self.index):
            faults.append("exogenous must have the index of the bars, had another; join it with join_as_of")
        elif np.isinf(self.exogenous.to_numpy(dtype=np.float64)).any():
            faults.append("exogenous values must be finite, or NaN before the first is known")
        return faults

    @property
    def close_time(self) -> pd.DatetimeIndex:
        """(T,) moments at which the bars close."""
        return closes_of(self.index, self.bar_length)

    def log_return(self) -> Array:
        """Return (T, A) log returns from close to close; row 0, which has no bar before it, is 0."""
        return np.diff(np.log(self.close), axis=0, prepend=np.log(self.close[:1]))

    def rows(self, rows: range) -> "Series":
        """Return the series of the bars `rows`, a range with step 1."""
        part = slice(rows.start, rows.stop)
        return Series(
            name=self.name,
            instruments=self.instruments,
            index=self.index[part],
            bar_length=self.bar_length,
            bars_per_year=self.bars_per_year,
            season_bars=self.season_bars,
            open=self.open[part],
            high=self.high[part],
            low=self.low[part],
            close=self.close[part],
            volume=None if self.volume is None else self.volume[part],
            single_price=self.single_price,
            exogenous=self.exogenous.iloc[part],
            lags=self.lags,
            units=self.units,
            price_unit=self.price_unit,
            calendar=self.calendar,
        )

    def sha256(self) -> str:
        """Return the identity of the content: names, times, prices, volume and exogenous values, to the last bit."""
        digest = hashlib.sha256()
        digest.update(repr((self.instruments, list(self.exogenous.columns), str(self.bar_length))).encode())
        digest.update(self.index.as_unit("ns").asi8.tobytes())
        columns = [getattr(self, name) for name in PRICES] + ([] if self.volume is None else [self.volume])
        for column in [*columns, self.exogenous.to_numpy(dtype=np.float64)]:
            digest.update(np.ascontiguousarray(column, dtype=np.float64).tobytes())
        return digest.hexdigest()


def closes_of(index: pd.DatetimeIndex, bar_length: pd.Timedelta) -> pd.DatetimeIndex:
    """Return (T,) closes of bars: their length after their start, or the next bar's start if that comes before.

    A local day of 23 hours, or February among bars of a month, is over when the next one begins.
    """
    ends = (index + bar_length).as_unit("ns").asi8
    starts = np.append(index.as_unit("ns").asi8[1:], ends[-1:])
    return pd.DatetimeIndex(np.minimum(ends, starts), tz="UTC")


def join_as_of(
    index: pd.DatetimeIndex, bar_length: pd.Timedelta, table: pd.DataFrame, lags: Mapping[str, pd.Timedelta]
) -> pd.DataFrame:
    """Join each column of `table` onto bars by what was available at their close.

    Args:
        index: (T,) starts of the bars, UTC, increasing.
        bar_length: from start to close.
        table: columns by the start of their own interval, UTC, increasing.
        lags: per column, time from the start of its interval until its value is available.

    Returns:
        (T, K): per column the newest value with `valid time + lag <= bar close`; NaN before the first.

    Raises:
        KeyError: a column has no lag; there is no safe default.
        ValueError: the times of `table` do not increase, or a lag is negative.
    """
    valid = pd.DatetimeIndex(table.index)
    if not (valid.is_monotonic_increasing and valid.is_unique):
        raise ValueError("the times of the table must increase strictly; sort it first")
    early = [str(name) for name in table.columns if lags[str(name)] < pd.Timedelta(0)]
    if early:
        raise ValueError(
            f"lags must be at least 0, those of {', '.join(early)} were not; nothing is known before it is"
        )
    closes = closes_of(index, bar_length).asi8
    joined = {}
    for name in table.columns:
        known = table[name].dropna()
        available = (pd.DatetimeIndex(known.index) + lags[str(name)]).as_unit("ns").asi8
        newest = np.searchsorted(available, closes, side="right") - 1
        values = known.to_numpy(dtype=np.float64)
        joined[str(name)] = np.where(newest >= 0, values[np.maximum(newest, 0)] if len(values) else np.nan, np.nan)
    return pd.DataFrame(joined, index=index)
