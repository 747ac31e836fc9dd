"""What a bar was worth: a function of growth, drawdown and what is remembered.

Calculates with floats or with (N,) arrays, as the ledger does (`numbers`). Knows no prices and no positions. Formulas:
docs/accounting.md, section 6.
"""

from typing import Any

import numpy as np

from trading_env.config import RewardConfig
from trading_env.ledger.arithmetic import Numbers
from trading_env.reward_kinds import reward_class

Numeric = Any  # a float or (N,)
FLOOR = 1e-6  # equity below this counts as this in a log, so that ruin has a finite reward
LEAST_VARIANCE = 1e-12  # of a bar's growth; below it there is no Sharpe ratio to change


class Reward:
    """Log growth of equity, and what every other reward is made of; one object serves all accounts and keeps no state.

    Attributes:
        num_moments: numbers an account must remember for it between bars; 0 when an episode begins.
        reads: which of `deeper`, `benchmark` and `turnover` it is handed; None in the place of the others.
    """

    num_moments: int = 0
    reads: frozenset[str] = frozenset()

    def __init__(self, config: RewardConfig) -> None:
        self.config = config

    def of(
        self,
        n: Numbers,
        *,
        before: Numeric,
        after: Numeric,
        deeper: Numeric,
        benchmark: Numeric,
        turnover: Numeric,
        memory: tuple[Numeric, ...],
    ) -> tuple[Numeric, tuple[Numeric, ...]]:
        """Return the reward of one bar, and what is remembered after it.

        Args:
            n: what the accounts are made of; its `where`, `maximum` and `minimum` serve floats and arrays.
            before: (N,) equity at the close of t.
            after: (N,) equity at the close of t + 1.
            deeper: (N,) drawdown at t + 1 less that at t.
            benchmark: (N,) log growth of the benchmark.
            turnover: (N,) value traded in the bar, as a fraction of equity.
            memory: `num_moments` numbers of (N,).

        Source:
            docs/accounting.md, eq. 11 to 15.
        """
        return self.growth(n, before, after), ()

    def growth(self, n: Numbers, before: Numeric, after: Numeric) -> Numeric:
        """Return (N,) log growth of equity, finite at ruin."""
        return np.log(n.maximum(after, FLOOR) / n.maximum(before, FLOOR))


class LogGrowth(Reward):
    """Log growth of equity: eq. 11."""


class DrawdownPenalty(Reward):
    """Log growth less a penalty on deepening drawdown: eq. 12."""

    reads = frozenset({"deeper"})

    def of(
        self, n: Numbers, *, before: Numeric, after: Numeric, deeper: Numeric, **_: Any
    ) -> tuple[Numeric, tuple[Numeric, ...]]:
        """See `Reward.of`."""
        return self.growth(n, before, after) - self.config.penalty * n.maximum(deeper, 0.0), ()


class VariancePenalty(Reward):
    """Log growth less a penalty on its square: eq. 13."""

    def of(self, n: Numbers, *, before: Numeric, after: Numeric, **_: Any) -> tuple[Numeric, tuple[Numeric, ...]]:
        """See `Reward.of`."""
        growth = self.growth(n, before, after)
        return growth - 0.5 * self.config.penalty * (growth * growth), ()


class BenchmarkGrowth(Reward):
    """Log growth beyond that of equal shares of all assets: eq. 15."""

    reads = frozenset({"benchmark"})

    def of(
        self, n: Numbers, *, before: Numeric, after: Numeric, benchmark: Numeric, **_: Any
    ) -> tuple[Numeric, tuple[Numeric, ...]]:
        """See `Reward.of`."""
        return self.growth(n, before, after) - benchmark, ()


class DifferentialSharpe(Reward):
    """What a bar changed of a Sharpe ratio that forgets: eq. 14; it remembers two moments of growth.

    Source:
        Moody and Saffell (2001), Learning to trade via direct reinforcement, IEEE Transactions on Neural Networks
        12(4).
    """

    num_moments = 2

    def of(
        self, n: Numbers, *, before: Numeric, after: Numeric, memory: tuple[Numeric, ...], **_: Any
    ) -> tuple[Numeric, tuple[Numeric, ...]]:
        """See `Reward.of`."""
        growth, rate, (first, second) = self.growth(n, before, after), 1.0 / self.config.memory_bars, memory
        up, wider = growth - first, growth * growth - second
        variance = second - first * first
        enough = n.maximum(variance, LEAST_VARIANCE)
        change = (second * up - 0.5 * first * wider) / (enough * np.sqrt(enough))
        reward = n.where(variance > LEAST_VARIANCE, change, 0.0)
        return reward, (first + rate * up, second + rate * wider)


def build_reward(config: RewardConfig) -> Reward:
    """Return the reward of `config.kind`."""
    reward: Reward = reward_class(config.kind)(config)
    return reward
