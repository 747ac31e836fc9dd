"""`TradingVectorEnv`: N accounts on one market in one array, as a `gymnasium.vector.VectorEnv`."""

from trading_env.account.plan import LevelPlan
from trading_env.account.simulator import AccountSimulator
from trading_env.account.weight_plan import PastReturns, WeightPlan
from trading_env.config import TradingConfig
from trading_env.market import Market
from trading_env.vector_env import MarketVectorEnv, PastForecasts


class TradingVectorEnv(MarketVectorEnv[Market, TradingConfig, AccountSimulator]):
    """Trade one market with N accounts at once; actions, observations and rewards are those of `TradingEnv`.

    An info holds the `equity` of every account. Random episodes begin at a bar such that `episode_bars` fit, or at
    least one bar if that is None; a market that lacks what the rules need is refused. All else is `MarketVectorEnv`'s.
    """

    simulate, rules = AccountSimulator, TradingConfig

    @property
    def item_columns(self) -> tuple[int, int] | None:
        """(k, g) columns of each asset's block and of what is common to all; None without features of each asset."""
        market = self.simulator.market
        if not market.asset_features:
            return None
        num_features, num_assets = market.features.shape[1], market.close.shape[1]
        return market.asset_features, num_features - num_assets * market.asset_features

    def plan(self) -> LevelPlan | WeightPlan:
        """Return how this environment is planned on the forecasts its observations hold.

        Raises:
            ValueError: they hold none, or actions are none that can be planned.
        """
        market, config = self.simulator.market, self.simulator.config
        return WeightPlan.of(market, config) if market.asset_features else LevelPlan.of(market, config)

    def lessons(self) -> PastForecasts | PastReturns:
        """Return past forecasts and what came, for a planner to learn from."""
        market, plan = self.simulator.market, self.plan()
        return plan.past(market) if isinstance(plan, WeightPlan) else plan.lessons(market)
