"""A day-ahead power market: prices by the slot, and what was known of each day when its gate closed.

A slot is an hour, half or a quarter of it. What is known is one row a day, not a row a slot: nothing of a day can reach
the decisions that were committed before it began. Knows NumPy and nothing else.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Int = NDArray[np.int64]
SLOT_HOURS = (1.0, 0.5, 0.25)


@dataclass(frozen=True, eq=False)
class PowerMarket:
    """T slots of D days of delivery, and F features and a forecast of H prices known at each day's gate closure.

    Attributes:
        price: (T,) price of each slot, currency per MWh; may be negative. Those of the last day may all be NaN: its
            slots can be committed before its auction is over (`cleared`), and what they earn is NaN.
        day: (T,) day of delivery of each slot, 0 to D - 1; every day has at least one slot, and at most H.
        hour: (T,) local time of day at which each slot begins, hours: 0 to below 24, 13.25 at a quarter past one.
        features: (D, F) known when the gate of day d closed.
        forecast: (D, H) price forecast at that moment for the slots of day d, in order; those past its end are unused.
        price_scale: a price of usual size, currency per MWh, by which prices are normalised in observations.
        index: (T,) start of each slot in UTC, or None.
        others: by name further forecasts of the same prices at the same moments, (D, H) each.
        slot_hours: length of each slot: 1, 0.5 or 0.25; power is MW, so that a slot moves as many MWh a MW.

    Raises:
        ValueError: shapes disagree, a value is not finite, days are out of order, `price_scale` is not
            positive, slots are of another length.
    """

    price: Array
    day: Int
    hour: Array
    features: NDArray[np.float32]
    forecast: Array
    price_scale: float
    index: NDArray[np.datetime64] | None = None
    others: Mapping[str, Array] = field(default_factory=dict)
    slot_hours: float = 1.0

    def __post_init__(self) -> None:
        for name, kind in (("price", np.float64), ("day", np.int64), ("hour", np.float64)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=kind))
        object.__setattr__(self, "features", np.ascontiguousarray(self.features, dtype=np.float32))
        object.__setattr__(self, "forecast", np.ascontiguousarray(self.forecast, dtype=np.float64))
        others = {name: np.ascontiguousarray(other, dtype=np.float64) for name, other in self.others.items()}
        object.__setattr__(self, "others", others)
        faults = self._shape_faults() or self._value_faults()
        if faults:
            raise ValueError("; ".join(faults))

    def _shape_faults(self) -> list[str]:
        hours = len(self.price)
        if self.price.ndim != 1 or hours < 2 or self.day.shape != (hours,) or self.hour.shape != (hours,):
            shapes = f"{self.price.shape}, {self.day.shape} and {self.hour.shape}"
            return [f"price, day and hour must share one shape (T,) with T >= 2, were {shapes}"]
        if self.day[0] != 0 or not np.isin(np.diff(self.day), (0, 1)).all():
            return ["day must count the days of delivery from 0, each after the one before"]
        days, longest = int(self.day[-1]) + 1, int(self.day_slots.max())
        faults = []
        if self.features.ndim != 2 or len(self.features) != days:
            faults.append(f"features must be (D, F) with D = {days}, was {self.features.shape}")
        if self.forecast.ndim != 2 or len(self.forecast) != days or self.forecast.shape[1] < longest:
            faults.append(f"forecast must be (D, H) with D = {days} and H >= {longest}, was {self.forecast.shape}")
        for name, other in self.others.items():
            if other.shape != self.forecast.shape:
                faults.append(f"{name} must have the shape of forecast, {self.forecast.shape}, was {other.shape}")
        if self.index is not None and len(self.index) != hours:
            faults.append(f"index must have {hours} entries, had {len(self.index)}")
        return faults

    def _value_faults(self) -> list[str]:
        faults = []
        for name in ("price", "features", "forecast", *self.others):
            values: Any = self.others[name] if name in self.others else getattr(self, name)
            if name == "price" and np.isnan(values[self.day == self.day[-1]]).all():
                values = values[self.day < self.day[-1]]
            bad = np.argwhere(~np.isfinite(values))
            if len(bad):
                place = tuple(int(number) for number in bad[0])
                faults.append(f"{name} must be finite, was {values[place]} at {place}")
        if not ((self.hour >= 0) & (self.hour < 24)).all():
            faults.append("hour must lie in [0, 24)")
        if self.slot_hours not in SLOT_HOURS:
            faults.append(f"slot_hours must be 1, 0.5 or 0.25, was {self.slot_hours}")
        if not (np.isfinite(self.price_scale) and self.price_scale > 0.0):
            faults.append(f"price_scale must be positive, was {self.price_scale}")
        return faults

    def __len__(self) -> int:
        """T, the number of slots."""
        return len(self.price)

    @property
    def first_slots(self) -> Int:
        """(D,) row of each day's first slot."""
        return np.searchsorted(self.day, np.arange(int(self.day[-1]) + 1))

    @property
    def day_slots(self) -> Int:
        """(D,) slots of each day."""
        return np.bincount(self.day)

    @property
    def slot_of_day(self) -> Int:
        """(T,) slots since the day of delivery began; not the clock's where that changes."""
        return np.arange(len(self)) - self.first_slots[self.day]

    @property
    def cleared(self) -> NDArray[np.bool_]:
        """(D,) whether the prices of a day are known; False for a last day whose auction is not over."""
        return ~np.isnan(self.price[self.first_slots])

    @property
    def forecasts(self) -> Array:
        """(D, K, H) all forecasts: `forecast`, then `others` in their order."""
        return np.stack([self.forecast, *self.others.values()], axis=1)

    def expected(self) -> Array:
        """Return (T,) the forecast of each slot's own price, as it was at the gate closure of its day."""
        return np.asarray(self.forecast[self.day, self.slot_of_day])

    def days(self, days: range) -> "PowerMarket":
        """Return the market of some of its days.

        Raises:
            ValueError: `days` has another step than 1, or leaves the market.
        """
        if days.step != 1 or not 0 <= days.start < days.stop <= len(self.features):
            raise ValueError(f"days must be a range with step 1 within [0, {len(self.features)}], was {days}")
        first = self.first_slots
        part = slice(int(first[days.start]), int(np.append(first, len(self))[days.stop]))
        return dataclasses.replace(
            self,
            price=self.price[part],
            day=self.day[part] - days.start,
            hour=self.hour[part],
            features=self.features[days.start : days.stop],
            forecast=self.forecast[days.start : days.stop],
            index=None if self.index is None else self.index[part],
            others={name: other[days.start : days.stop] for name, other in self.others.items()},
        )
