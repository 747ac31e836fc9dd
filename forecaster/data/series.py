"""A series: bars of one or more instruments in UTC, and what else was known when each bar closed.

Prices are raw: what was paid that day. Dividends and splits stand beside them as events; adjusted prices are derived
from both, never stored. An exogenous value is joined as-of on its availability, never on its validity: a mean
temperature valid on Monday and published on Tuesday belongs to Tuesday's row at the earliest.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.future_covariates import FutureCovariates, FutureTable
from forecaster.data.senses import Sense

Array = NDArray[np.float64]
PRICES = ("open", "high", "low", "close")
OPTIONAL = ("volume", "dividends", "splits", "traded", "delisted")
Target = Literal["log_return", "relative_return", "difference", "level"]


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
        open: (T, A) prices in `price_unit`; positive where the target is the log return.
        high: (T, A).
        low: (T, A).
        close: (T, A).
        volume: (T, A) units traded, or None.
        dividends: (T, A) cash paid per unit held over the night before bar t, in `price_unit` of bar t; or None.
        splits: (T, A) units that one unit of bar t - 1 has become at the open of bar t, 1 where none; or None.
        traded: (T, A) whether an instrument has a bar; None: always. Where it has none its close before stands as its
            prices, with a volume of 0; before its first bar they are 1 and mean nothing.
        delisted: (T, A) the first bar after the last of an instrument that is gone for good; known then, and not
            before. Or None.
        single_price: one price a bar: open, high, low and close are the same.
        exogenous: (T, K) newest values available at each bar's close; NaN before the first.
        lags: per exogenous column, the shortest time from the start of a value's own interval until it is available;
            negative for a forecast.
        own: exogenous columns that each instrument has of its own, such as its news: the A columns that hold one, by
            the name under which an instrument alone has it. Every other column is that of all.
        missing: exogenous columns that may be NaN, and are then said to be missing instead of being carried.
        future_covariates: columns that are known before their bars; each is an exogenous column too.
        senses: texts and pictures: which exogenous columns hold them, and how they are read.
        units: per column, its unit.
        price_unit: unit of the prices.
        calendar: exchange code, or `24/7`.
        target: what is forecast of each bar: its `log_return`, for prices; its `relative_return`, the log return less
            the mean of what traded in that bar; or, for what may be zero or negative, its `difference` in `price_unit`,
            such as of a temperature, or its `level`, such as of the power prices of a day that is decided as a whole.
        day_zone: IANA zone whose midnights part the days, where these are decided as a whole; None where bars are
            decided one by one.
        common: (T,) the mean that relative returns are less of, where an instrument is looked at alone; None where it
            is made of the instruments that are here.
        rebased: whether prices are those of what one unit of the first bar has become: their level then tells where the
            series begins, and nothing else.

    Raises:
        ValueError: shapes or indexes disagree, times do not increase, a price is not finite, not positive though its
            log return is forecast, or leaves its bar's range, a volume is negative, a dividend is negative or as large
            as the price before it, a split is not positive, an exogenous value is infinite.
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
    dividends: Array | None = None
    splits: Array | None = None
    traded: NDArray[np.bool_] | None = None
    delisted: NDArray[np.bool_] | None = None
    single_price: bool = False
    exogenous: pd.DataFrame = field(default_factory=pd.DataFrame)
    lags: Mapping[str, pd.Timedelta] = field(default_factory=dict)
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    future_covariates: tuple[FutureCovariates, ...] = ()
    senses: tuple[Sense, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    price_unit: str = ""
    calendar: str = "24/7"
    target: Target = "log_return"
    day_zone: str | None = None
    common: Array | None = None
    rebased: bool = False

    def __post_init__(self) -> None:
        if self.exogenous.empty and len(self.exogenous) != len(self.index):
            object.__setattr__(self, "exogenous", pd.DataFrame(index=self.index))
        object.__setattr__(self, "index", self.index.as_unit("ns"))
        faults = self._shape_faults() or [
            *self._time_faults(),
            *self._price_faults(),
            *self._other_faults(),
            *self._exogenous_faults(),
        ]
        if faults:
            raise ValueError("; ".join(faults))

    def _shape_faults(self) -> list[str]:
        shape = (len(self.index), len(self.instruments))
        faults = [
            f"{name} must be (T, A) = {shape}, was {column.shape}"
            for name, column in self.columns().items()
            if column.shape != shape
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
        for name in ("close",) if self.single_price else PRICES:
            column: Array = getattr(self, name)
            possible = column > 0.0 if self.is_price else np.ones_like(column, dtype=bool)
            bad = np.argwhere(~(np.isfinite(column) & possible))
            if len(bad):
                row, asset = bad[0]
                law = "positive and finite" if self.is_price else "finite"
                faults.append(
                    f"{name} of {self.instruments[asset]} must be {law}, was {column[row, asset]} at {self.index[row]}"
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
        for name in ("volume", "dividends"):
            column = getattr(self, name)
            if column is not None and not (np.isfinite(column) & (column >= 0.0)).all():
                faults.append(f"{name} must be finite and at least 0")
        if self.splits is not None and not (np.isfinite(self.splits) & (self.splits > 0.0)).all():
            faults.append("splits must be positive and finite; 1 is none, 2 is two new units for one")
        if self.traded is not None and self.delisted is not None:
            gone = np.logical_or.accumulate(self.delisted, axis=0)
            if (gone & self.traded).any() or (self.delisted.sum(axis=0) > 1).any():
                faults.append("an instrument that is delisted must be delisted once, and trade no more")
        if self.single_price and not all(np.array_equal(getattr(self, name), self.close) for name in PRICES):
            faults.append("open, high, low and close must be the same where single_price is set, were different")
        return faults

    def _exogenous_faults(self) -> list[str]:
        faults = []
        if not pd.DatetimeIndex(self.exogenous.index).equals(self.index):
            faults.append("exogenous must have the index of the bars, had another; join it with join_as_of")
        elif np.isinf(self.exogenous.to_numpy(dtype=np.float64)).any():
            faults.append("exogenous values must be finite, or NaN before the first is known")
        names = [name for table in self.future_covariates for name in table.names]
        held = [name for sense in self.senses for name in sense.columns]
        columns = set(map(str, self.exogenous.columns))
        strange = sorted({*names, *self.missing, *held} - columns - set(self.own))
        if strange or len(set(names)) < len(names):
            listed = ", ".join(strange or names)
            law = "columns known ahead, missing or of a sense must be exogenous columns, each once"
            faults.append(f"{law}, were not: {listed}")
        wrong = [
            name for name, own in self.own.items() if len(own) != len(self.instruments) or not columns.issuperset(own)
        ]
        if wrong:
            faults.append(f"own columns must be held by an exogenous column of each instrument, were not: {wrong[0]}")
        return faults

    def columns(self) -> dict[str, Array]:
        """Return the (T, A) arrays that there are, by name: prices, volume, dividends, splits, traded, delisted."""
        arrays = {name: getattr(self, name) for name in (*PRICES, *OPTIONAL)}
        return {name: array for name, array in arrays.items() if array is not None}

    @property
    def number_columns(self) -> tuple[str, ...]:
        """Exogenous columns that are read as numbers: those that no sense holds."""
        held = {column for sense in self.senses for name in sense.columns for column in self.holding(name)}
        return tuple(name for name in map(str, self.exogenous.columns) if name not in held)

    def holding(self, name: str) -> tuple[str, ...]:
        """Return the exogenous columns that hold what an instrument has under a name: one, or one each."""
        return self.own.get(name, (name,))

    @property
    def told_beside(self) -> tuple[str, ...]:
        """What stands beside the bars, for a person: columns of numbers, and senses by their names."""
        alone = {column: name for name, columns in self.own.items() for column in columns}
        numbers = dict.fromkeys(alone.get(name, name) for name in self.number_columns)
        return (*numbers, *(sense.name for sense in self.senses))

    @property
    def close_time(self) -> pd.DatetimeIndex:
        """(T,) moments at which the bars close."""
        return closes_of(self.index, self.bar_length)

    @property
    def is_price(self) -> bool:
        """Whether the values are prices, which have returns."""
        return self.target not in ("difference", "level")

    @property
    def has_change(self) -> NDArray[np.bool_]:
        """(T, A) whether an instrument has a bar, and had one before: only then it has changed, or not."""
        if self.traded is None:
            known = np.ones(self.close.shape, dtype=bool)
            known[:1] = False
            return known
        before = np.logical_or.accumulate(self.traded, axis=0)
        return np.asarray(self.traded & np.concatenate([np.zeros_like(before[:1]), before[:-1]]))

    def log_return(self) -> Array:
        """Return (T, A) log returns from close to close; 0 in row 0, and where an instrument has no change."""
        returns = np.diff(np.log(self.close), axis=0, prepend=np.log(self.close[:1]))
        return returns if self.traded is None else np.where(self.has_change, returns, 0.0)

    def changes(self) -> Array:
        """Return (T, A) by how much each bar changed, by `target`; 0 in row 0 and where an instrument has no change.

        That is what is forecast, but of a `level`: there it is the difference.
        """
        if self.target == "log_return":
            return self.log_return()
        if self.target == "relative_return":
            returns = self.log_return()
            common = mean_where(returns, self.has_change) if self.common is None else self.common
            return np.where(self.has_change, returns - common[:, None], 0.0)
        differences = np.diff(self.close, axis=0, prepend=self.close[:1])
        return differences if self.traded is None else np.where(self.has_change, differences, 0.0)

    @property
    def change_unit(self) -> str:
        """What `changes` are measured in, in words."""
        words = {"log_return": "log return", "relative_return": "log return less the mean of all"}
        return words.get(self.target) or self.price_unit or "units of the series"

    @property
    def value_unit(self) -> str:
        """What the error of a value ahead is measured in, in words; of a price it is a share of the last one."""
        return "% of the price" if self.is_price else self.change_unit

    def adjusted(self) -> "Series":
        """Return the series an owner lived through: prices that dividends and splits no longer move.

        The prices are those of what one unit of the first bar has become, its dividends reinvested at the close before
        they were cut off. They are adjusted forward, so that no later event reaches an earlier row; the first bar is as
        it was, and the returns are those of prices adjusted backward.

        Raises:
            ValueError: a dividend is not below the close it is cut off from.

        Source:
            f[0] = 1, f[t] = f[t-1] s[t] / (1 - s[t] d[t] / c[t-1]) and p'[t] = f[t] p[t], for split s, dividend d and
            raw close c: the factor of CRSP and Yahoo, 1 - d/c, applied forward.
        """
        if self.dividends is None and self.splits is None:
            return self
        ones = np.ones_like(self.close)
        splits = ones if self.splits is None else self.splits
        cut = np.zeros_like(ones) if self.dividends is None else self.dividends * splits
        cut[0] = 0.0
        rest = 1.0 - cut / np.concatenate([self.close[:1], self.close[:-1]])
        for row, asset in np.argwhere(rest <= 0.0)[:1]:
            raise ValueError(
                f"the dividend of {self.instruments[asset]} on {self.index[row]} must be below the close before it"
            )
        steps = splits / rest
        steps[0] = 1.0
        factor = np.cumprod(steps, axis=0)  # (T, A)
        prices = {name: getattr(self, name) * factor for name in PRICES}
        units = np.cumprod(np.concatenate([ones[:1], splits[1:]]), axis=0)
        volume = None if self.volume is None else self.volume / units
        return dataclasses.replace(self, **prices, volume=volume, dividends=None, splits=None, rebased=True)

    def rows(self, rows: range) -> "Series":
        """Return the series of the bars `rows`, a range with step 1."""
        part = slice(rows.start, rows.stop)
        columns: dict[str, Any] = {name: column[part] for name, column in self.columns().items()}
        index, exogenous, future = self.index[part], self.exogenous.iloc[part], self.future_covariates
        if len(index):
            future = tuple(table.between(index[0], index[-1]) for table in future)
        common = None if self.common is None else self.common[part]
        return dataclasses.replace(
            self, index=index, exogenous=exogenous, future_covariates=future, common=common, **columns
        )

    def instrument(self, name: str) -> "Series":
        """Return the series of one of the instruments, with the exogenous columns of all and its own.

        Raises:
            ValueError: there is none of that name.
        """
        if name not in self.instruments:
            raise ValueError(f"instrument must be one of {', '.join(self.instruments)}, was '{name}'")
        asset = self.instruments.index(name)
        columns: dict[str, Any] = {key: column[:, asset : asset + 1] for key, column in self.columns().items()}
        if self.target == "relative_return" and self.common is None:
            columns["common"] = mean_where(self.log_return(), self.has_change)
        if self.traded is not None and columns["traded"].all():  # gaps of others are none of its own
            columns["traded"] = None
        if self.delisted is not None and not columns["delisted"].any():
            columns["delisted"] = None
        if self.own:
            columns |= self._columns_of(asset)
        return dataclasses.replace(self, instruments=(name,), **columns)

    def _columns_of(self, asset: int) -> dict[str, Any]:
        """Return the exogenous columns of all and of one instrument, under the names that it alone has them by."""
        own = {columns[asset]: name for name, columns in self.own.items()}
        others = {column for columns in self.own.values() for column in columns} - set(own)
        kept = [name for name in map(str, self.exogenous.columns) if name not in others]
        return {
            "own": {},
            "exogenous": self.exogenous[kept].rename(columns=own),
            "lags": {own.get(name, name): lag for name, lag in self.lags.items() if name not in others},
            "units": {own.get(name, name): unit for name, unit in self.units.items() if name not in others},
        }

    def extended(self, later: "Series") -> "Series":
        """Return this series with the bars of `later` after its own.

        Raises:
            ValueError: they do not come later, or lack a column that is there.
        """
        columns, later_columns = self.columns(), later.columns()
        differing = sorted(columns.keys() ^ later_columns.keys())
        differing += sorted(set(map(str, self.exogenous.columns)) ^ set(map(str, later.exogenous.columns)))
        if [table.names for table in self.future_covariates] != [table.names for table in later.future_covariates]:
            differing.append("future covariates")
        if differing:
            raise ValueError(
                f"the later bars must have the columns of the earlier ones; they differ in {', '.join(differing)}"
            )
        joined: dict[str, Any] = {name: np.concatenate((columns[name], later_columns[name])) for name in columns}
        index = pd.DatetimeIndex(np.concatenate([self.index.asi8, later.index.asi8]), tz="UTC")
        exogenous = pd.concat([self.exogenous, later.exogenous[self.exogenous.columns]]).set_axis(index)
        pairs = zip(self.future_covariates, later.future_covariates, strict=True)
        future = tuple(table.extended(other) for table, other in pairs)
        if self.common is not None and later.common is not None:
            joined["common"] = np.concatenate((self.common, later.common))
        return dataclasses.replace(self, index=index, exogenous=exogenous, future_covariates=future, **joined)

    def future_table(self, *, calendar: bool) -> FutureTable:
        """Return what can be known at each bar of the bars ahead, with or without their month, weekday and hour."""
        return FutureTable(self.index.asi8, self.bar_length, calendar, self.future_covariates)

    def sha256(self) -> str:
        """Return the identity of the content: names, times, prices, volume, events, exogenous values, to the bit."""
        digest = hashlib.sha256()
        columns = self.columns()
        names = (self.instruments, list(columns), list(self.exogenous.columns), str(self.bar_length))
        digest.update(repr(names if self.target == "log_return" else (*names, self.target)).encode())
        digest.update(self.index.as_unit("ns").asi8.tobytes())
        for column in [*columns.values(), self.exogenous.to_numpy(dtype=np.float64)]:
            digest.update(np.ascontiguousarray(column, dtype=np.float64).tobytes())
        for table in self.future_covariates:
            table.add_to(digest)
        for held in (self.missing, self.senses):
            if held:
                digest.update(repr(held).encode())
        return digest.hexdigest()


def closes_of(index: pd.DatetimeIndex, bar_length: pd.Timedelta) -> pd.DatetimeIndex:
    """Return (T,) closes of bars: their length after their start, or the next bar's start if that comes before.

    A local day of 23 hours, or February among bars of a month, is over when the next one begins.
    """
    ends = (index + bar_length).as_unit("ns").asi8
    starts = np.append(index.as_unit("ns").asi8[1:], ends[-1:])
    return pd.DatetimeIndex(np.minimum(ends, starts), tz="UTC")


def mean_where(values: Array, there: NDArray[np.bool_]) -> Array:
    """Return the (T,) mean of (T, A) `values` over the instruments that are there; 0 where none is."""
    count = there.sum(axis=1)
    return np.asarray(np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1))
