"""Plans on the forecasts an observation holds, and what a planner can learn from: forecasts beside what came.

A market says which of its columns are forecasts; here they are read out of an observation, turned into the best plan,
and the plan's first step into an action. What a plan earns is linear in what comes, less the plan's own cost: the
volumes a plan trades are all that a gradient needs (docs/planner.md). Knows NumPy; a plan is saved as plain values.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.config import CostConfig, RewardConfig, TradingConfig
from trading_env.market import Market
from trading_env.planning.markov import planned_choices
from trading_env.planning.schedule import best_schedule
from trading_env.storage.config import BatteryConfig
from trading_env.storage.market import PowerMarket

Array = NDArray[np.float64]
NETWORK = "network"  # the name of the forecaster's own forecast


class Lessons(NamedTuple):
    """D decisions of the past: (D, K, H) forecasts known at each, (D, H) what came, (D,) steps that counted."""

    forecasts: Array
    outcome: Array
    length: NDArray[np.int64]


class SchedulePlan:
    """Plan the rest of a storage unit's day; its forecasts are prices, `battery_optimum` knows the optimum.

    Args:
        config: the unit.
        names: K forecasts.
        num_features: F columns of an observation before the forecasts.
        hours: H of each forecast.
        price_scale: by which an observation divides prices.
    """

    kind = "schedule"

    def __init__(
        self, config: BatteryConfig, names: tuple[str, ...], *, num_features: int, hours: int, price_scale: float
    ) -> None:
        self.config, self.names = config, names
        self.num_features, self.hours, self.price_scale = num_features, hours, price_scale
        self.levels = np.asarray(config.levels)

    @classmethod
    def of(cls, market: PowerMarket, config: BatteryConfig) -> "SchedulePlan":
        """Return the plan of a unit in a market."""
        num_features, hours = market.features.shape[1], market.forecast.shape[1]
        names = (NETWORK, *market.others)
        return cls(config, names, num_features=num_features, hours=hours, price_scale=market.price_scale)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "SchedulePlan":
        """Build it anew."""
        given = {**settings, "names": tuple(settings["names"])}
        unit = given.pop("config")
        return cls(BatteryConfig(**{**unit, "levels": tuple(unit["levels"])}), **given)

    def settings(self) -> dict[str, Any]:
        """Return the unit, and where its forecasts are."""
        return {
            "config": dataclasses.asdict(self.config) | {"levels": list(self.config.levels)},
            "names": list(self.names),
            "num_features": self.num_features,
            "hours": self.hours,
            "price_scale": self.price_scale,
        }

    def forecasts(self, observations: NDArray[np.float32]) -> Array:
        """Return (N, K, H) prices of this hour and those after it; past the day's end this hour's."""
        stop = self.num_features + len(self.names) * self.hours
        seen = observations[:, self.num_features : stop].astype(np.float64).reshape(-1, len(self.names), self.hours)
        path = np.concatenate([seen[:, :, :1], seen[:, :, :1] + seen[:, :, 1:]], axis=2)
        return np.asarray(self.price_scale * np.sinh(path))

    def act(self, observations: NDArray[np.float32], forecast: Array) -> NDArray[Any]:
        """Return (N, 1) shares of the power, or (N,) the levels nearest to them, for this hour."""
        left = np.rint(24.0 * observations[:, -2]).astype(np.int64)
        charge = np.clip(observations[:, -1].astype(np.float64), 0.0, 1.0) * self.config.capacity_mwh
        power = [
            best_schedule(path[:hours], self.config, start=float(start))[0]
            for path, hours, start in zip(forecast, left, charge, strict=True)
        ]
        share = np.array(power)[:, None] / self.config.power_mw
        if self.config.actions == "power":
            return share.astype(np.float32)
        return np.asarray(np.abs(share - self.levels).argmin(axis=1))

    def volumes(self, forecast: Array, length: NDArray[np.int64]) -> Array:
        """Return (D, H) MWh sold less bought by plans of whole days that begin with an empty store."""
        sold = np.zeros(forecast.shape)
        for row, (path, hours) in enumerate(zip(forecast, length, strict=True)):
            sold[row, :hours] = -best_schedule(path[:hours], self.config, start=0.0)
        return sold

    @staticmethod
    def lessons(market: PowerMarket) -> Lessons:
        """Return the forecasts and prices of the days of a market."""
        length = np.bincount(market.day)
        outcome = np.zeros(market.forecast.shape)
        outcome[market.day, np.arange(len(market)) - market.first_hours[market.day]] = market.price
        return Lessons(market.forecasts, outcome, length)


class LevelPlan:
    """Plan which level to hold for the bars ahead; its forecast is of log returns, `markov_optimum.planned` the plan.

    Args:
        config: levels and costs.
        first: column of an observation that forecasts the first bar an order decided now earns.
        bars: H bars forecast from there on.
        num_features: F columns of an observation before the account's own.
        bars_per_year: bars in a year, for interest.
    """

    kind = "level"
    names = (NETWORK,)

    def __init__(
        self, config: TradingConfig, *, first: int, bars: int, num_features: int, bars_per_year: float
    ) -> None:
        self.config, self.first, self.bars = config, first, bars
        self.num_features, self.bars_per_year = num_features, bars_per_year
        self.levels = np.asarray(config.exposures)

    @classmethod
    def of(cls, market: Market, config: TradingConfig) -> "LevelPlan":
        """Return the plan of an account in a market.

        Raises:
            ValueError: no feature is a forecast, there are several assets, or actions are weights.
        """
        columns = market.forecast_columns
        if not columns or market.close.shape[1] != 1 or config.actions not in ("levels", "exposure"):
            raise ValueError(
                "planning needs one asset, actions that are levels or an exposure, and forecasts among the features, "
                f"were {market.close.shape[1]} assets, '{config.actions}' and {len(columns)} forecast columns"
            )
        late = min(int(config.execution == "next_close"), len(columns) - 1)  # it earns from the bar after on
        place = {"first": columns.start + late, "bars": len(columns) - late, "num_features": market.features.shape[1]}
        return cls(config, **place, bars_per_year=market.bars_per_year)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> "LevelPlan":
        """Build it anew."""
        given = dict(settings)
        rules = given.pop("config")
        rules |= {"costs": CostConfig(**rules["costs"]), "reward": RewardConfig(**rules["reward"])}
        return cls(TradingConfig(**{**rules, "exposures": tuple(rules["exposures"])}), **given)

    def settings(self) -> dict[str, Any]:
        """Return the rules, and where the forecast is."""
        return {
            "config": dataclasses.asdict(self.config) | {"exposures": list(self.config.exposures)},
            "first": self.first,
            "bars": self.bars,
            "num_features": self.num_features,
            "bars_per_year": self.bars_per_year,
        }

    def forecasts(self, observations: NDArray[np.float32]) -> Array:
        """Return (N, 1, H) log returns of the bars that an order decided now earns."""
        return observations[:, None, self.first : self.first + self.bars].astype(np.float64)

    def act(self, observations: NDArray[np.float32], forecast: Array) -> NDArray[Any]:
        """Return (N,) levels by number, or (N, 1) exposures, for the next bar."""
        target = observations[:, self.num_features + 1].astype(np.float64)
        held = np.abs(target[:, None] - self.levels).argmin(axis=1)
        first = planned_choices(forecast, self.config, self.bars_per_year)[0]
        chosen = first[np.arange(len(first)), held]
        return np.asarray(
            chosen if self.config.actions == "levels" else self.levels[chosen][:, None].astype(np.float32)
        )

    def volumes(self, forecast: Array, length: NDArray[np.int64]) -> Array:
        """Return (D, H) exposures of plans that begin flat; to first order a log return earns itself times them."""
        held = np.full(len(forecast), int(np.abs(self.levels).argmin()))
        path = np.empty(forecast.shape)
        for bar, choice in enumerate(planned_choices(forecast, self.config, self.bars_per_year)):
            held = choice[np.arange(len(held)), held]
            path[:, bar] = self.levels[held]
        return path

    def lessons(self, market: Market) -> Lessons:
        """Return, for each bar whose plan is over before the market is, the forecast and the log returns that came."""
        returns = np.diff(np.log(market.close[:, 0]))  # row t: of bar t + 1
        late = len(market.forecast_columns) - self.bars
        rows = np.arange(max(len(returns) - late - self.bars + 1, 0))
        outcome = returns[rows[:, None] + late + np.arange(self.bars)]
        return Lessons(self.forecasts(market.features)[rows], outcome, np.full(len(rows), self.bars))


PLANS: Mapping[str, Any] = {plan.kind: plan.from_settings for plan in (SchedulePlan, LevelPlan)}
