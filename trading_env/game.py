"""The game both Gymnasium faces play: N accounts on one market, their observations, rewards and ends.

One padded table holds the features and room for the account's own, so that an observation is one gather. Knows the
ledger; not Gymnasium's autoreset, spaces or rendering.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger import Accounts, Bar, Costs, step
from trading_env.market import Market

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Int = NDArray[np.int64]
FLOOR = 1e-6  # equity below this counts as this in a log, so that ruin has a finite reward


class Outcome(NamedTuple):
    """One step of N accounts: (N,) log growth, ruin and end of the bars, and the ledger's bar."""

    reward: Array
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    bar: Bar


class Game:
    """N accounts that each stand at some bar of one market.

    Args:
        market: prices and features.
        config: rules and costs.
        num_accounts: N.

    Raises:
        ValueError: `next_open` is asked of a market of one price a bar.

    Attributes:
        t: (N,) bar at whose close each account decides next.
        start: (N,) bar at which each episode began.
        accounts: the ledger's state.
        peak: (N,) highest equity since the episode began.
    """

    def __init__(self, market: Market, config: TradingConfig, num_accounts: int) -> None:
        if market.single_price and config.execution == "next_open":
            raise ValueError("execution must be next_close for a market of one price a bar, was next_open")
        self.market, self.config = market, config
        self.costs = Costs(config, market.bars_per_year)
        self.levels = np.asarray(config.exposures, dtype=np.float64)
        num_bars, num_assets = market.close.shape
        self.num_account_features = 2 * num_assets + 1
        width = market.features.shape[1] + self.num_account_features
        self._table = np.zeros((num_bars, width), dtype=np.float32)  # (T, F + K), the last K columns stay 0
        self._table[:, : market.features.shape[1]] = market.features
        self._actions = np.repeat(self.levels[:, None], num_assets, axis=1) / num_assets  # (levels, A): equal shares
        self.t = np.zeros(num_accounts, dtype=np.int64)
        self.start = np.zeros(num_accounts, dtype=np.int64)
        self.accounts = Accounts.opened(num_accounts, num_assets)
        self.peak = np.ones(num_accounts)

    @property
    def width(self) -> int:
        """Features of an observation, F + K."""
        return int(self._table.shape[1])

    def restart(self, chosen: NDArray[np.bool_], rows: Int) -> None:
        """Open fresh accounts at `rows` (N,) where `chosen` (N,) says so."""
        self.t = np.where(chosen, rows, self.t)
        self.start = np.where(chosen, rows, self.start)
        fresh = Accounts.opened(len(self.t), self.market.close.shape[1])
        old = self.accounts
        self.accounts = Accounts(
            cash=np.where(chosen, fresh.cash, old.cash),
            units=np.where(chosen[:, None], fresh.units, old.units),
            target=np.where(chosen[:, None], fresh.target, old.target),
            equity=np.where(chosen, fresh.equity, old.equity),
            closed=np.where(chosen, fresh.closed, old.closed),
        )
        self.peak = np.where(chosen, 1.0, self.peak)

    def advance(self, actions: Int) -> Outcome:
        """Carry every account over one bar, to the close of bar t + 1.

        Raises:
            ValueError: an action is none of the levels.
        """
        last = len(self.levels) - 1
        if actions.shape != self.t.shape or actions.min() < 0 or actions.max() > last:
            raise ValueError(f"actions must be {len(self.t)} numbers in [0, {last}], was {actions}")
        before = self.accounts.equity
        bar = _step(self, self.accounts, self.t, actions)
        self.t = self.t + 1
        self.peak = np.maximum(self.peak, self.accounts.equity)
        return Outcome(log_growth(before, self.accounts.equity), bar.ruined, self.t >= len(self.market) - 1, bar)

    def account(self) -> Float32:
        """Return (N, K + 1) what an agent must remember of an account.

        Exposure and target of each asset, the drawdown from the episode's peak, and the equity; all but the last are
        part of the observation.
        """
        return _described(self.accounts, self.market.close[self.t], self.peak)

    def observation(self) -> Float32:
        """Return (N, F + K): the row of features at t, then the account's own."""
        return self.observe(self.t, self.account())

    def observe(self, t: NDArray[np.integer], account: Float32) -> Float32:
        """Return (B, F + K) observations at (B,) rows `t` of (B, K + 1) accounts as `account` returned them."""
        rows = np.empty((len(t), self.width), dtype=np.float32)
        np.take(self._table, t, axis=0, out=rows, mode="clip")
        rows[:, -self.num_account_features :] = account[:, :-1]
        return rows

    def transition(
        self, t: NDArray[np.integer], account: Float32, actions: NDArray[np.integer]
    ) -> tuple[Array, Float32, NDArray[np.bool_], NDArray[np.bool_]]:
        """Replay one bar from what an agent remembers, through the same ledger; nothing of this game moves.

        Args:
            t: (B,) rows, at most T - 2.
            account: (B, K + 1) as `account` returned them, float32; so the result agrees with the game's own to that.
            actions: (B,) indices of target levels.

        Returns:
            (B,) reward, (B, K + 1) next account, (B,) ruined, (B,) whether the market ended.
        """
        rows, assets = np.asarray(t, dtype=np.int64), self.market.close.shape[1]
        remembered = account.astype(np.float64)
        exposure, target = remembered[:, :assets], remembered[:, assets : 2 * assets]
        drawdown, equity = remembered[:, -2], remembered[:, -1]
        accounts = Accounts(
            cash=equity * (1.0 - exposure.sum(axis=1)),
            units=exposure * equity[:, None] / self.market.close[rows],
            target=self._levels_of(target),
            equity=equity,
            closed=equity <= self.config.ruin_equity,
        )
        bar = _step(self, accounts, rows, np.asarray(actions, dtype=np.int64))
        peak = np.maximum(equity / np.maximum(1.0 - drawdown, FLOOR), accounts.equity)
        following = _described(accounts, self.market.close[rows + 1], peak)
        return log_growth(equity, accounts.equity), following, bar.ruined, rows + 1 >= len(self.market) - 1

    def _levels_of(self, target: Array) -> Array:
        """Undo the rounding to float32: return the exact level each remembered target stands for."""
        shares = self._actions[:, 0]
        nearest = np.abs(shares[None, None, :] - target[:, :, None]).argmin(axis=2)
        return np.where(np.abs(target) < 1e-12, 0.0, shares[nearest])


def _described(accounts: Accounts, price: Array, peak: Array) -> Float32:
    equity = np.maximum(accounts.equity, FLOOR)[:, None]
    drawdown = 1.0 - accounts.equity / peak
    parts = (accounts.units * price / equity, accounts.target, drawdown[:, None], accounts.equity[:, None])
    return np.concatenate(parts, axis=1, dtype=np.float32, casting="same_kind")


def _step(game: Game, accounts: Accounts, t: Int, actions: Int) -> Bar:
    market = game.market
    return step(
        accounts,
        game._actions[actions],
        close_now=market.close[t],
        open_next=market.open[np.minimum(t + 1, len(market) - 1)],
        close_next=market.close[np.minimum(t + 1, len(market) - 1)],
        config=game.config,
        costs=game.costs,
    )


def log_growth(before: Array, after: Array) -> Array:
    """Return (N,) log of equity after over equity before, each floored at `FLOOR`."""
    return np.asarray(np.log(np.maximum(after, FLOOR) / np.maximum(before, FLOOR)))
