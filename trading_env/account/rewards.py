"""What a bar was worth: a function of growth, drawdown and what is remembered.

Calculates with floats or with (N,) arrays, as the ledger does (`numbers`). Knows no prices and no positions. Formulas:
docs/accounting.md, section 6.
"""

from typing import Any

import numpy as np

from trading_env.config import RewardConfig
from trading_env.ledger.arithmetic import Numbers

Numeric = Any  # a float or (N,)
FLOOR = 1e-6  # equity below this counts as this in a log, so that ruin has a finite reward
LEAST_VARIANCE = 1e-12  # of a bar's growth; below it there is no Sharpe ratio to change


class Reward:
    """A reward as it is calculated.

    Attributes:
        num_moments: numbers an account must remember for it: two of growth for `differential_sharpe`, else none.
        compares: whether it needs the benchmark's growth.
    """

    def __init__(self, config: RewardConfig) -> None:
        self.config = config
        self.num_moments = 2 if config.kind == "differential_sharpe" else 0
        self.compares = config.kind == "benchmark"
        self.rate = 1.0 / config.memory_bars

    def of(
        self,
        n: Numbers,
        *,
        before: Numeric,
        after: Numeric,
        deeper: Numeric,
        benchmark: Numeric,
        memory: tuple[Numeric, ...],
    ) -> tuple[Numeric, tuple[Numeric, ...]]:
        """Return the reward of one bar, and what is remembered after it.

        Args:
            n: what the accounts are made of.
            before: (N,) equity at the close of t.
            after: (N,) equity at the close of t + 1.
            deeper: (N,) drawdown at t + 1 less that at t.
            benchmark: (N,) log growth of the benchmark; read where `compares` only.
            memory: `num_moments` numbers of (N,), 0 when an episode begins.

        Source:
            docs/accounting.md, eq. 11 to 15; Moody and Saffell (2001), Learning to trade via direct reinforcement, IEEE
            Transactions on Neural Networks 12(4), for eq. 14.
        """
        growth = np.log(n.maximum(after, FLOOR) / n.maximum(before, FLOOR))
        kind, penalty = self.config.kind, self.config.penalty
        if kind == "drawdown":
            return growth - penalty * n.maximum(deeper, 0.0), ()
        if kind == "variance":
            return growth - 0.5 * penalty * (growth * growth), ()
        if kind == "benchmark":
            return growth - benchmark, ()
        if kind == "differential_sharpe":
            return self._differential_sharpe(n, growth, *memory)
        return growth, ()

    def _differential_sharpe(
        self, n: Numbers, growth: Numeric, first: Numeric, second: Numeric
    ) -> tuple[Numeric, tuple[Numeric, Numeric]]:
        up, wider = growth - first, growth * growth - second
        variance = second - first * first
        enough = n.maximum(variance, LEAST_VARIANCE)
        change = (second * up - 0.5 * first * wider) / (enough * np.sqrt(enough))
        reward = n.where(variance > LEAST_VARIANCE, change, 0.0)
        return reward, (first + self.rate * up, second + self.rate * wider)
