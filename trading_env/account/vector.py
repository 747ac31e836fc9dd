"""`TradingVectorEnv`: N accounts on one market in one array, as a `gymnasium.vector.VectorEnv`."""

from gymnasium.vector import AutoresetMode

from trading_env.account.env import observation_space
from trading_env.account.plan import LevelPlan
from trading_env.account.simulator import AccountSimulator
from trading_env.config import TradingConfig
from trading_env.market import Market
from trading_env.vector_env import MarketVectorEnv, PastForecasts, Starts


class TradingVectorEnv(MarketVectorEnv[AccountSimulator]):
    """Trade one market with N accounts at once; actions, observations and rewards are those of `TradingEnv`.

    Restarts, seeds and replay are those of `MarketVectorEnv`; an info holds the `equity` of every account.

    Args:
        market: prices and features.
        config: rules, costs, actions and reward.
        num_envs: N accounts.
        episode_bars: bars of an episode; None plays to the market's end.
        starts: where episodes begin: `sequential`, always at bar 0; `random`, at a bar drawn for each episode such that
            `episode_bars` fit, or at least one bar if that is None.
        autoreset_mode: NEXT_STEP or SAME_STEP.

    Raises:
        ValueError: `num_envs` or `episode_bars` is less than 1, an episode is longer than the market, `starts` is
            neither word, `autoreset_mode` is DISABLED, or the market lacks what the rules need.
    """

    def __init__(
        self,
        market: Market,
        config: TradingConfig | None = None,
        *,
        num_envs: int = 1,
        episode_bars: int | None = None,
        starts: Starts = "sequential",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        simulator = AccountSimulator(market, config or TradingConfig(), num_envs, episode_bars)
        spaces = simulator.setting.actions.space, observation_space(simulator.setting)
        super().__init__(simulator, *spaces, starts=starts, autoreset_mode=autoreset_mode)

    def plan(self) -> LevelPlan:
        """Return how this environment is planned on the forecasts its observations hold.

        Raises:
            ValueError: they hold none, there are several assets, or actions are weights.
        """
        return LevelPlan.of(self.simulator.market, self.simulator.config)

    def lessons(self) -> PastForecasts:
        """Return past forecasts and what came, for a planner to learn from."""
        return self.plan().lessons(self.simulator.market)
