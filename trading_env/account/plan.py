"""What an account makes of forecasts: the level that the best plan on them holds next.

The only place where a forecast of log returns becomes a plan: for a planner, which reads the forecast out of an
observation; for an agent that observes the plan; and for the strategy that follows it. What a plan earns is linear in
what comes, less its own cost: the volumes it trades are all that a gradient needs (docs/planner.md).
"""

import dataclasses
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from trading_env.config import TradingConfig
from trading_env.market import Market
from trading_env.planning.markov import planned_choices, walked
from trading_env.vector_env import PastForecasts

Array = NDArray[np.float64]
NETWORK = "network"  # the name of the forecaster's own forecast


def first_bar_earned(config: TradingConfig, horizon: int) -> int:
    """Return which of `horizon` bars forecast at a close is the first that an order decided there earns: 0 or 1."""
    return min(int(config.execution == "next_close"), horizon - 1)


def planned_exposures(forecast: NDArray[Any], config: TradingConfig, bars_per_year: float) -> NDArray[np.float32]:
    """Return (T, L) the exposure that the best plan on each row's forecast takes next, for each of L levels held.

    Args:
        forecast: (T, H) log returns of the bars after each close, the first one first; a row that is not finite has no
            plan, and 0 stands for it.
        config: levels, execution and costs.
        bars_per_year: bars in a year, for interest.
    """
    late, finite = first_bar_earned(config, forecast.shape[1]), np.isfinite(forecast).all(axis=1)
    levels = np.asarray(config.exposures, dtype=np.float32)
    exposures = np.zeros((len(forecast), len(levels)), dtype=np.float32)
    exposures[finite] = levels[planned_choices(forecast[finite, late:].astype(np.float64), config, bars_per_year)[0]]
    return exposures


def planned_targets(forecast: Array, config: TradingConfig, bars_per_year: float) -> Array:
    """Return (T, 1) targets of a trader who believes point forecasts: at each close the best levels for the bars ahead.

    A plan over H bars, of which the first level is taken and all is planned anew a bar later.

    Args:
        forecast: (T, H) log returns of the H bars that the order decided at t can earn, the first one first.
        config: levels and costs.
        bars_per_year: bars in a year, for interest.
    """
    return walked(planned_choices(forecast, config, bars_per_year)[0], config)


@dataclass(frozen=True, kw_only=True)
class LevelPlan:
    """Plan which level to hold for the bars ahead; its forecast is of log returns, `planned_choices` the plan.

    Attributes:
        config: levels and costs.
        first: column of an observation that forecasts the first bar an order decided now earns.
        bars: H bars forecast from there on.
        num_features: F columns of an observation before the account's own.
        bars_per_year: bars in a year, for interest.
    """

    kind: ClassVar[str] = "level"
    names: ClassVar[tuple[str, ...]] = (NETWORK,)

    config: TradingConfig
    first: int
    bars: int
    num_features: int
    bars_per_year: float

    @staticmethod
    def possible(market: Market, config: TradingConfig) -> bool:
        """Say whether there is a plan: one asset, a level or an exposure to choose, forecasts among the features."""
        single = market.close.shape[1] == 1 and config.actions in ("levels", "exposure")
        return single and bool(market.forecast_columns)

    @classmethod
    def of(cls, market: Market, config: TradingConfig) -> "LevelPlan":
        """Return the plan of an account in a market.

        Raises:
            ValueError: no feature is a forecast, there are several assets, or actions are weights.
        """
        columns = market.forecast_columns
        if not cls.possible(market, config):
            raise ValueError(
                "planning needs one asset, actions that are levels or an exposure, and forecasts among the features, "
                f"were {market.close.shape[1]} assets, '{config.actions}' and {len(columns)} forecast columns"
            )
        late = first_bar_earned(config, len(columns))
        return cls(
            config=config,
            first=columns.start + late,
            bars=len(columns) - late,
            num_features=market.features.shape[1],
            bars_per_year=market.bars_per_year,
        )

    def settings(self) -> dict[str, Any]:
        """Return the rules, and where the forecast is, as plain values: `LevelPlan(**settings)` builds it anew."""
        return dataclasses.asdict(self)

    @property
    def levels(self) -> Array:
        """(L,) exposures."""
        return np.asarray(self.config.exposures)

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

    def lessons(self, market: Market) -> PastForecasts:
        """Return, for each bar whose plan is over before the market is, the forecast and the log returns that came."""
        returns = np.diff(np.log(market.close[:, 0]))  # row t: of bar t + 1
        late = len(market.forecast_columns) - self.bars
        rows = np.arange(max(len(returns) - late - self.bars + 1, 0))
        outcome = returns[rows[:, None] + late + np.arange(self.bars)]
        return PastForecasts(self.forecasts(market.features)[rows], outcome, np.full(len(rows), self.bars))
