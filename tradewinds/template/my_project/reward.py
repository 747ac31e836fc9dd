"""A reward: log growth less a penalty on turnover, for an agent that is to trade calmly."""

from typing import Any

from trading_env.account.rewards import Reward


class Calm(Reward):
    """Log growth of equity less `env.reward.penalty` basis points for each unit of equity that was traded."""

    reads = frozenset({"turnover"})

    def of(self, n: Any, *, before: Any, after: Any, turnover: Any, **_: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the reward (N,) of a bar, and nothing to remember; see `Reward.of`."""
        return self.growth(n, before, after) - 1e-4 * self.config.penalty * turnover, ()
