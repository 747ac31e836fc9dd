"""One account alone: what `TradingEnv` plays.

Of one asset it is reckoned in Python's floats, where a call of NumPy would cost more than what it calculates; the
ledger is the same (`numbers`), and so are the results, to the last bit. Of several assets it is a `Game` of one.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from trading_env.account.rewards import FLOOR
from trading_env.account.simulator import Game, Setting
from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import Floats, Numbers
from trading_env.ledger.law import Bar, carry
from trading_env.ledger.run import opened
from trading_env.market import Market

Float32 = NDArray[np.float32]
FLOATS: Numbers = Floats


class Step(NamedTuple):
    """One step of one account: reward, ruin, end of the bars, and what the bar cost."""

    reward: float
    terminated: bool
    truncated: bool
    bar: Bar


class Alone(Protocol):
    """One account on one market."""

    setting: Setting

    def restart(self, row: int) -> None:
        """Open a fresh account at a row."""

    def advance(self, action: Any) -> Step:
        """Live through one bar."""

    def observation(self) -> Float32:
        """(F + K,) what is seen at the close of t."""

    @property
    def place(self) -> tuple[int, float, NDArray[np.float64]]:
        """t, equity, and (A,) exposures."""


class Solo:
    """One account of one asset, in floats."""

    def __init__(self, market: Market, config: TradingConfig, episode_bars: int | None) -> None:
        self.setting = Setting(market, config)
        self.longest = len(market) if episode_bars is None else episode_bars
        self.restart(0)

    def restart(self, row: int) -> None:
        """Open a fresh account at a row."""
        self.t = row
        self.until = min(row + self.longest, self.setting.last)
        self.accounts, self.peak = opened(FLOATS, 1, 1), 1.0
        self.remembered: tuple[float, ...] = (0.0,) * self.setting.reward.memory

    def advance(self, action: Any) -> Step:
        """Live through one bar."""
        setting, before, t = self.setting, self.accounts.equity, self.t
        wanted = setting.actions.target(action)
        self.accounts, bar = carry(FLOATS, self.accounts, wanted, setting.tape.after(t), setting.rules)
        after, peak = self.accounts.equity, self.peak
        self.peak = after if after > peak else peak
        reward, self.remembered = setting.reward.of(
            FLOATS,
            before=before,
            after=after,
            deeper=before / peak - after / self.peak,
            benchmark=setting.benchmark.item(t),
            remembered=self.remembered,
        )
        self.t = t + 1
        return Step(float(reward), bar.ruined, self.t >= self.until, bar)

    def observation(self) -> Float32:
        """(F + K,) what is seen at the close of t."""
        setting = self.setting
        row: Float32 = setting.table[self.t].copy()
        widest, exposure = setting.widest, self._exposure()
        row[-3] = min(max(exposure, -widest), widest)
        row[-2] = self.accounts.target
        row[-1] = 1.0 - self.accounts.equity / self.peak
        return row

    @property
    def place(self) -> tuple[int, float, NDArray[np.float64]]:
        """t, equity, and (1,) exposures."""
        return self.t, self.accounts.equity, np.array([self._exposure()])

    def _exposure(self) -> float:
        price = self.setting.tape.columns["close_now"].item(self.t)
        found: float = self.accounts.units * price / max(self.accounts.equity, FLOOR)
        return found


class OfMany:
    """One account of several assets: a game of one."""

    def __init__(self, market: Market, config: TradingConfig, episode_bars: int | None) -> None:
        self.game = Game(market, config, 1, episode_bars)
        self.setting = self.game.setting

    def restart(self, row: int) -> None:
        """Open a fresh account at a row."""
        self.game.restart(slice(None), np.array([row]))

    def advance(self, action: Any) -> Step:
        """Live through one bar."""
        reward, terminated, truncated, bar = self.game.advance(np.asarray(action)[None])
        alone = Bar(*(part[0] if isinstance(part, np.ndarray) else part for part in bar))
        return Step(float(reward[0]), bool(terminated[0]), bool(truncated[0]), alone)

    def observation(self) -> Float32:
        """(F + K,) what is seen at the close of t."""
        row: Float32 = self.game.observation()[0]
        return row

    @property
    def place(self) -> tuple[int, float, NDArray[np.float64]]:
        """t, equity, and (A,) exposures."""
        game, accounts = self.game, self.game.accounts
        t, equity = int(game.t[0]), float(accounts.equity[0])
        return t, equity, accounts.units[0] * game.market.close[t] / max(equity, FLOOR)


def alone(market: Market, config: TradingConfig, episode_bars: int | None) -> Alone:
    """Return one account on a market.

    Raises:
        ValueError: the market lacks what the rules need.
    """
    kind = Solo if market.close.shape[1] == 1 else OfMany
    return kind(market, config, episode_bars)
