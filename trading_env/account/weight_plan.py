"""What an account of several assets makes of forecasts: the numbers that a best choice of weights is made of.

It reads an observation and knows the rules; which weights are best, a planner finds (docs/planner.md). Knows no agent.
"""

import dataclasses
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from trading_env.account.plan import NETWORK, first_bar_earned
from trading_env.config import TradingConfig
from trading_env.ledger.rules import Rules
from trading_env.market import Market

Array = NDArray[np.float64]


class PastReturns(NamedTuple):
    """D bars of the past.

    Attributes:
        returns: (D, A) simple returns of the bar that an order decided at the close before could earn.
        known: (D, A) whether the asset had one.
        observations: (D, O) what was seen at that close, of an account that holds nothing.
    """

    returns: Array
    known: NDArray[np.bool_]
    observations: NDArray[np.float32]


class WeightChoice(NamedTuple):
    """What N accounts choose among.

    Attributes:
        expected: (N, A) forecast return of a bar, the mean over the bars forecast.
        held: (N, A) exposures.
        target: (N, A) targets traded on last: an order for one of these trades nothing.
        available: (N, A) whether an asset may be acted on.
    """

    expected: Array
    held: Array
    target: Array
    available: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class WeightPlan:
    """Plan the weights of several assets, each with forecasts of its own log returns in its block of features.

    Attributes:
        config: caps and costs.
        num_assets: A.
        asset_features: k columns of a block.
        num_features: F columns of an observation before the account's own.
        first: column of a block that forecasts the first bar an order decided now earns.
        bars: H bars forecast from there on.
        bars_per_year: bars in a year.
    """

    kind: ClassVar[str] = "weights"
    names: ClassVar[tuple[str, ...]] = (NETWORK,)

    config: TradingConfig
    num_assets: int
    asset_features: int
    num_features: int
    first: int
    bars: int
    bars_per_year: float

    @staticmethod
    def possible(market: Market, config: TradingConfig) -> bool:
        """Say whether there is a plan: weights to choose, and forecasts among the features of each asset."""
        weights = config.actions in ("long_weights", "long_short_weights")
        return weights and market.asset_features > 0 and bool(market.forecast_columns)

    @classmethod
    def of(cls, market: Market, config: TradingConfig) -> "WeightPlan":
        """Return the plan of an account in a market.

        Raises:
            ValueError: actions are no weights, or no feature of an asset is a forecast.
        """
        columns = market.forecast_columns
        if not cls.possible(market, config):
            raise ValueError(
                "planning several assets needs actions that are weights, and forecasts among the features of each, "
                f"were '{config.actions}' and {len(columns)} forecast columns of {market.asset_features} features"
            )
        late = first_bar_earned(config, len(columns))
        return cls(
            config=config,
            num_assets=market.close.shape[1],
            asset_features=market.asset_features,
            num_features=market.features.shape[1],
            first=columns.start + late,
            bars=len(columns) - late,
            bars_per_year=market.bars_per_year,
        )

    def settings(self) -> dict[str, Any]:
        """Return the rules, and where the forecasts are, as plain values: `WeightPlan(**settings)` builds it anew."""
        return dataclasses.asdict(self)

    @property
    def cost(self) -> float:
        """Fraction of what is traded that trading costs."""
        rules = Rules(self.config, self.bars_per_year, None)
        return float(rules.fee + rules.half_spread + rules.slippage)

    @property
    def caps(self) -> tuple[float, float, float, float]:
        """Least and largest weight of an asset, the largest gross, and the largest net in absolute value."""
        config = self.config
        most = min(1.0, config.leverage_cap, np.inf if config.asset_cap is None else config.asset_cap)
        least = 0.0 if config.actions == "long_weights" else -most
        net = config.leverage_cap if config.net_cap is None else min(config.net_cap, config.leverage_cap)
        return least, float(most), float(config.leverage_cap), float(net)

    @property
    def keeps(self) -> bool:
        """Whether a target that stays the same trades nothing."""
        return self.config.rebalance == "on_change"

    def choice(self, observations: NDArray[np.float32]) -> WeightChoice:
        """Return what the accounts of (N, O) observations choose among."""
        count, assets = len(observations), self.num_assets
        blocks = observations[:, : assets * self.asset_features].reshape(count, assets, self.asset_features)
        expected = blocks[:, :, self.first : self.first + self.bars].astype(np.float64).mean(axis=2)
        own = observations[:, self.num_features : self.num_features + 2 * assets].astype(np.float64)
        return WeightChoice(expected, own[:, :assets], own[:, assets:], blocks[:, :, -1] > 0.5)

    def past(self, market: Market) -> PastReturns:
        """Return what each bar of `market` brought whoever decided at the close that its order came from."""
        late = int(self.config.execution == "next_close")
        growth, last = market.growth(), len(market) - 1 - late
        traded = np.ones(growth.shape, dtype=bool) if market.missing is None else ~market.missing
        listed = np.logical_or.accumulate(traded, axis=0)
        known = np.concatenate([np.zeros_like(listed[:1]), listed[:-1] & traded[1:]])
        own = np.zeros((last, 2 * self.num_assets + 1), dtype=np.float32)
        observations = np.concatenate([market.features[:last], own], axis=1)
        return PastReturns((growth - 1.0)[1 + late :], known[1 + late :], observations)
