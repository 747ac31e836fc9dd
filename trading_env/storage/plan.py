"""What a storage unit makes of price forecasts: the powers that the best schedule on them commits.

The only place where a forecast of prices becomes a plan: slot by slot for a planner, which reads the forecasts out of
an observation, and day by day for the strategy that follows one. What a plan earns is linear in what comes, less its
own wear: the volumes it trades are all that a gradient needs (docs/planner.md).
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from trading_env.storage.config import BatteryConfig
from trading_env.storage.ledger import run_schedule
from trading_env.storage.market import PowerMarket
from trading_env.storage.requirement import least_charge
from trading_env.storage.schedule import best_power, best_schedule
from trading_env.vector_env import PastForecasts

Array = NDArray[np.float64]
NETWORK = "network"  # the name of the forecaster's own forecast


def planned_schedule(market: PowerMarket, forecast: Array, config: BatteryConfig) -> Array:
    """Return the (T,) powers of a unit that takes a price forecast for the truth, day by day.

    The plan of a day begins with the charge that the plans before it leave, and counts nothing that is left in the
    store when the day ends.

    Args:
        market: T slots; no price of it is used.
        forecast: (D, H) prices of the slots of each day, forecast at its gate closure.
        config: the unit.

    Raises:
        ValueError: `forecast` does not fit the market.
    """
    lengths, hours = market.day_slots, market.slot_hours
    if forecast.ndim != 2 or len(forecast) != len(lengths) or forecast.shape[1] < lengths.max():
        raise ValueError(
            f"forecast must be (D, H) with D = {len(lengths)} and H >= {lengths.max()}, was {forecast.shape}"
        )
    least = least_charge(market.hour, config, hours)
    share, parts = config.initial_charge, []
    for path, length, first in zip(forecast, lengths, market.first_slots, strict=True):
        floors = None if least is None else least[first : first + length]
        opened = dataclasses.replace(config, initial_charge=min(max(share, 0.0), 1.0))
        start = opened.initial_charge * config.capacity_mwh
        power = best_schedule(path[:length], config, start=start, slot_hours=hours, least=floors)
        share = float(run_schedule(path[:length], power, opened, hours, floors).charge[-1, 0]) / config.capacity_mwh
        parts.append(power)
    return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True)
class SchedulePlan:
    """Plan the rest of a storage unit's day; its forecasts are prices, `best_schedule` the plan.

    Attributes:
        config: the unit.
        names: K forecasts.
        num_features: F columns of an observation before the forecasts.
        hours: H of each forecast, in slots.
        price_scale: by which an observation divides prices.
        slot_hours: length of each slot.
    """

    kind: ClassVar[str] = "schedule"

    config: BatteryConfig
    names: tuple[str, ...]
    num_features: int
    hours: int
    price_scale: float
    slot_hours: float = 1.0

    @classmethod
    def of(cls, market: PowerMarket, config: BatteryConfig) -> "SchedulePlan":
        """Return the plan of a unit in a market."""
        return cls(
            config=config,
            names=(NETWORK, *market.others),
            num_features=market.features.shape[1],
            hours=market.forecast.shape[1],
            price_scale=market.price_scale,
            slot_hours=market.slot_hours,
        )

    def settings(self) -> dict[str, Any]:
        """Return the unit, and where its forecasts are, as plain values: `SchedulePlan(**settings)` builds it anew."""
        return dataclasses.asdict(self)

    def forecasts(self, observations: NDArray[np.float32]) -> Array:
        """Return (N, K, H) prices of this slot and those after it; past the day's end this one's."""
        stop = self.num_features + len(self.names) * self.hours
        shown = observations[:, self.num_features : stop].astype(np.float64).reshape(-1, len(self.names), self.hours)
        path = np.concatenate([shown[:, :, :1], shown[:, :, :1] + shown[:, :, 1:]], axis=2)
        return np.asarray(self.price_scale * np.sinh(path))

    def act(self, observations: NDArray[np.float32], forecast: Array) -> NDArray[Any]:
        """Return (N, 1) shares of the power, or (N,) the levels nearest to them, for this slot."""
        left = np.rint(24.0 / self.slot_hours * observations[:, -2]).astype(np.int64)
        charge = np.clip(observations[:, -1].astype(np.float64), 0.0, 1.0) * self.config.capacity_mwh
        power = [
            best_power(
                path[:slots],
                self.config,
                start=float(start),
                slot_hours=self.slot_hours,
                least=self._least(clock, slots),
            )
            for path, slots, start, clock in zip(forecast, left, charge, observations[:, -4:-2], strict=True)
        ]
        share = np.array(power)[:, None] / self.config.power_mw
        if self.config.actions == "power":
            return share.astype(np.float32)
        return np.asarray(np.abs(share - np.asarray(self.config.levels)).argmin(axis=1))

    def volumes(self, forecast: Array, length: NDArray[np.int64]) -> Array:
        """Return (D, H) MWh sold less bought by plans of whole days that begin with an empty store."""
        sold = np.zeros(forecast.shape)
        for row, (path, slots) in enumerate(zip(forecast, length, strict=True)):
            least = self._least(np.array([0.0, 1.0]), int(slots))
            power = best_schedule(path[:slots], self.config, start=0.0, slot_hours=self.slot_hours, least=least)
            sold[row, :slots] = -power * self.slot_hours
        return sold

    def _least(self, clock: NDArray[Any], slots: int) -> Array | None:
        """Return (n,) what must be in the store at the end of a day's last n slots; the first begins at `clock`.

        The clock is the sine and cosine of an observation, and taken to run on evenly.
        """
        if self.config.required_charge is None:
            return None
        hour = np.arctan2(float(clock[0]), float(clock[1])) * 12.0 / np.pi
        begin = np.rint(hour / self.slot_hours) * self.slot_hours
        hours = (begin + np.arange(slots) * self.slot_hours) % 24.0
        return least_charge(hours, self.config, self.slot_hours)

    @staticmethod
    def lessons(market: PowerMarket) -> PastForecasts:
        """Return the forecasts and prices of the days of a market that are cleared."""
        outcome = np.zeros(market.forecast.shape)
        outcome[market.day, market.slot_of_day] = market.price
        cleared = market.cleared
        return PastForecasts(market.forecasts[cleared], outcome[cleared], market.day_slots[cleared])
