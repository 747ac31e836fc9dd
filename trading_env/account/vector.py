"""`TradingVectorEnv`: N accounts on one market in one array, as a `gymnasium.vector.VectorEnv`."""

from trading_env.account.plan import LevelPlan
from trading_env.account.simulator import AccountSimulator
from trading_env.config import TradingConfig
from trading_env.market import Market
from trading_env.vector_env import MarketVectorEnv, PastForecasts


class TradingVectorEnv(MarketVectorEnv[Market, TradingConfig, AccountSimulator]):
    """Trade one market with N accounts at once; actions, observations and rewards are those of `TradingEnv`.

    An info holds the `equity` of every account. Random episodes begin at a bar such that `episode_bars` fit, or at
    least one bar if that is None; a market that lacks what the rules need is refused. All else is `MarketVectorEnv`'s.
    """

    simulate, rules = AccountSimulator, TradingConfig

    def plan(self) -> LevelPlan:
        """Return how this environment is planned on the forecasts its observations hold.

        Raises:
            ValueError: they hold none, there are several assets, or actions are weights.
        """
        return LevelPlan.of(self.simulator.market, self.simulator.config)

    def lessons(self) -> PastForecasts:
        """Return past forecasts and what came, for a planner to learn from."""
        return self.plan().lessons(self.simulator.market)
