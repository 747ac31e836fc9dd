"""One account of one asset, in Python's floats, where a call of NumPy would cost more than what it calculates.

The ledger is that of many accounts (`trading_env.ledger.arithmetic`), and so are the results, to the last bit. One
account of several assets is an `AccountSimulator` of one.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.account.rewards import FLOOR
from trading_env.account.simulator import Setting
from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import FLOATS
from trading_env.ledger.law import carry
from trading_env.ledger.run import opened
from trading_env.market import Market
from trading_env.vector_env import Step, checked_episode_bars

Float32 = NDArray[np.float32]


class FloatAccount:
    """One account of one asset on one market: `trading_env.vector_env.SingleSimulator`."""

    def __init__(self, market: Market, config: TradingConfig, episode_bars: int | None) -> None:
        self.setting = Setting(market, config)
        self.episode_bars = checked_episode_bars(episode_bars, self.setting.last)
        self.last_start = self.setting.last - 1
        self.action_space, self.observation_space = self.setting.actions.space, self.setting.observation_space
        self.restart(0)

    def restart(self, row: int) -> None:
        """Open a fresh account at a row."""
        self.t = row
        self.until = min(row + self.episode_bars, self.setting.last)
        self.accounts, self.peak = opened(FLOATS, 1, 1), 1.0
        self.memory: tuple[float, ...] = (0.0,) * self.setting.reward.num_moments

    def advance(self, action: Any) -> Step:
        """Live through one bar."""
        setting, before, t = self.setting, self.accounts.equity, self.t
        target = setting.actions.target(action)
        self.accounts, bar = carry(FLOATS, self.accounts, target, setting.columns.after(t), setting.rules)
        after, peak = self.accounts.equity, self.peak
        self.peak = after if after > peak else peak
        reward, self.memory = setting.reward.of(
            FLOATS,
            before=before,
            after=after,
            deeper=before / peak - after / self.peak,
            benchmark=setting.benchmark.item(t),
            memory=self.memory,
        )
        self.t = t + 1
        return Step(float(reward), bar.ruined, self.t >= self.until, bar)

    def standing(self) -> tuple[Any, ...]:
        """Return the state, to which `stand` goes back."""
        return self.t, self.accounts, self.peak, self.memory

    def stand(self, standing: tuple[Any, ...]) -> None:
        """Go back to where the account once stood in this episode."""
        self.t, self.accounts, self.peak, self.memory = standing

    def observation(self) -> Float32:
        """(F + K,) what is seen at the close of t."""
        setting = self.setting
        row: Float32 = setting.table[self.t].copy()
        widest, exposure = setting.widest, self.exposure
        row[-3] = min(max(exposure, -widest), widest)
        row[-2] = self.accounts.target
        row[-1] = 1.0 - self.accounts.equity / self.peak
        return row

    @property
    def exposure(self) -> float:
        """Value held at the close of t, as a fraction of equity."""
        price = self.setting.columns.close.item(self.t)
        exposure: float = self.accounts.units * price / max(self.accounts.equity, FLOOR)
        return exposure
