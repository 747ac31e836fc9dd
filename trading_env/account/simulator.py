"""What both Gymnasium faces of an account play: N accounts on one market, their observations, rewards and ends.

One padded table holds the features and room for the account's own, so that an observation is one gather. Knows the
ledger; not Gymnasium's autoreset or rendering.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from trading_env.account.actions import Actions
from trading_env.account.rewards import FLOOR, build_reward
from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import numbers_of
from trading_env.ledger.columns import LedgerColumns
from trading_env.ledger.law import carry
from trading_env.ledger.rules import Rules
from trading_env.ledger.run import opened
from trading_env.ledger.state import Accounts, Bar
from trading_env.market import Market
from trading_env.vector_env import Step, checked_episode_bars

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Flags = NDArray[np.bool_]
Int = NDArray[np.int64]
WIDEST = 10.0  # leverage caps: an observed exposure beyond this is shown as this
SURELY = 1.0 - 1e-9  # times a limit: whoever is within this is within the limit, however it was rounded


class Setting:
    """What all accounts on one market under one set of rules share.

    Args:
        market: prices and features.
        config: rules, costs, actions and reward.

    Raises:
        ValueError: the market lacks what the rules need.

    Attributes:
        table: (T, F + K) float32 features, the last K columns 0: room for the account's own.
        num_account_columns: K = 2 A + 1 columns of an observation that are the account's own.
        benchmark: (T,) log growth of equal shares of all listed assets into the close of t + 1.
        widest: largest exposure an observation shows.
    """

    def __init__(self, market: Market, config: TradingConfig) -> None:
        self.market, self.config = market, config
        self.columns, self.rules = LedgerColumns(market, config), Rules(config, market.bars_per_year, market.lots)
        num_bars, self.num_assets = market.close.shape
        self.last: int = num_bars - 1
        self.num_features = market.features.shape[1]
        self.n = numbers_of(self.num_assets)
        self.actions, self.reward = Actions(config, self.num_assets), build_reward(config.reward)
        self.num_account_columns = 2 * self.num_assets + 1
        self.widest = float(np.float32(WIDEST * config.leverage_cap))
        self.table = np.zeros((num_bars, self.num_features + self.num_account_columns), dtype=np.float32)
        self.table[:, : self.num_features] = market.features
        growth = np.log(_equal_shares(market, config))
        self.benchmark = np.append(growth[1:], 0.0)

    @property
    def observation_space(self) -> spaces.Space[Float32]:
        """The box an observation lies in: the features' own range, and what an account can be."""
        features, cap, widest = self.market.features, self.config.leverage_cap, np.full(self.num_assets, self.widest)
        low = [features.min(axis=0), -widest, np.full(self.num_assets, -cap), np.zeros(1)]
        high = [features.max(axis=0), widest, np.full(self.num_assets, cap), np.ones(1)]
        return spaces.Box(np.concatenate(low).astype(np.float32), np.concatenate(high).astype(np.float32))


class AccountSimulator:
    """N accounts that each stand at some bar of one market: `trading_env.vector_env.Simulator`.

    Args:
        market: prices and features.
        config: rules, costs, actions and reward.
        num_accounts: N.
        episode_bars: bars of an episode; None plays to the market's end.

    Raises:
        ValueError: `episode_bars` is less than 1 or more than the market holds, or that lacks what the rules need.

    Attributes:
        t: (N,) bar at whose close each account decides next.
        until: (N,) bar at which each episode is cut.
        accounts: the ledger's state.
        peak: (N,) highest equity since the episode began.
        memory: what the reward remembers, each (N,).
        price: (N, A) mark at t.
        near: whether an account may stand beyond the leverage cap at t, as far as the last observation tells.
    """

    measure = "equity"

    def __init__(
        self, market: Market, config: TradingConfig, num_accounts: int, episode_bars: int | None = None
    ) -> None:
        self.setting = Setting(market, config)
        self.episode_bars = checked_episode_bars(episode_bars, self.setting.last)
        self.whole_bars = episode_bars or 1  # of a random episode, at least
        self.market, self.config = market, config
        self.last_start = self.setting.last - 1  # after which another bar follows
        self.action_space, self.observation_space = self.setting.actions.space, self.setting.observation_space
        self.num_account_features = self.setting.num_account_columns + self.setting.reward.num_moments + 1
        self.t = np.zeros(num_accounts, dtype=np.int64)
        self.until = np.full(num_accounts, self.setting.last)
        self.accounts = opened(self.setting.n, num_accounts, self.setting.num_assets)
        self.peak = np.ones(num_accounts)
        self.price, self.near = self.setting.columns.close.take(self.t, axis=0), True
        self.memory = tuple(np.zeros(num_accounts) for _ in range(self.setting.reward.num_moments))

    @property
    def worth(self) -> Array:
        """(N,) equity, in units of the opening equity."""
        equity: Array = self.accounts.equity
        return equity

    def random_starts(self) -> Int:
        """Return the bars after which a whole episode fits, or one bar where episodes play to the market's end."""
        return np.arange(self.setting.last - self.whole_bars + 1)

    def restart(self, chosen: Int | slice, rows: Int) -> None:
        """Open fresh accounts at `rows` where `chosen` says; in place."""
        cash, units, target, equity, closed = self.accounts
        cash[chosen] = equity[chosen] = self.peak[chosen] = 1.0
        units[chosen] = target[chosen] = 0.0
        closed[chosen] = False
        self.price[chosen] = self.setting.columns.close.take(rows, axis=0)
        for moment in self.memory:
            moment[chosen] = 0.0
        self.t[chosen] = rows
        self.until[chosen] = np.minimum(rows + self.episode_bars, self.setting.last)

    def advance(self, actions: NDArray[Any]) -> Step:
        """Carry every account over one bar, to the close of bar t + 1.

        Raises:
            ValueError: an action is none.
        """
        return self.follow(self.setting.actions.targets(actions, len(self.t)))

    def follow(self, orders: Array) -> Step:
        """Carry every account over one bar by (N, A) target exposures, (N,) of one asset, wherever they are from."""
        setting, before, peak = self.setting, self.accounts.equity, self.peak
        moment = setting.columns.at(self.t, self.price)
        self.accounts, bar = carry(setting.n, self.accounts, orders, moment, setting.rules, near=self.near)
        self.price, self.near = moment.close_next, True
        after = self.accounts.equity
        self.peak = np.maximum(peak, after)
        reward, self.memory = _rewarded(setting, self.t, (before, after), (peak, self.peak), bar, self.memory)
        self.t = self.t + 1
        return Step(reward, bar.ruined, self.t >= self.until, bar)

    def account(self) -> Float32:
        """Return (N, K + M + 1) what an agent must remember of an account.

        Exposure and target of each asset, the drawdown from the episode's peak, what the reward remembers, and the
        equity; the first K are part of the observation.
        """
        return _described(self.setting, self.accounts, self.t, self.peak, self.memory)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all arrays that `restore` needs."""
        arrays = {**self.accounts._asdict(), "t": self.t, "until": self.until, "peak": self.peak}
        memory = np.array(self.memory).reshape(-1, len(self.t))
        return {**{name: np.array(value) for name, value in arrays.items()}, "memory": memory}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned.

        Raises:
            ValueError: it is the state of another number of accounts or assets, or of another reward.
        """
        if np.shape(state["units"]) != self.accounts.units.shape:
            raise ValueError(
                f"the state must be of accounts and assets in the shape {self.accounts.units.shape}, "
                f"was {np.shape(state['units'])}"
            )
        if len(state["memory"]) != len(self.memory):
            raise ValueError(
                f"the state must be of the reward {self.config.reward.kind}, remembered {len(state['memory'])} numbers"
            )
        self.accounts = Accounts(*(np.array(state[name]) for name in Accounts._fields))
        self.t, self.until, self.peak = (np.array(state[name]) for name in ("t", "until", "peak"))
        self.price, self.near = self.setting.columns.close.take(self.t, axis=0), True
        self.memory = tuple(np.array(moment) for moment in state["memory"])

    def observation(self, chosen: Int | None = None) -> Float32:
        """Return (N, F + K): the row of features at t, then the account's own; of the chosen only where given."""
        setting, accounts, t, peak, price = self.setting, self.accounts, self.t, self.peak, self.price
        if chosen is not None:
            accounts, t = Accounts(*(part[chosen] for part in accounts)), t[chosen]
            peak, price = peak[chosen], price[chosen]
        rows = np.empty((len(t), setting.table.shape[1]), dtype=np.float32)
        setting.table.take(t, axis=0, out=rows, mode="clip")
        exposure = _exposure(accounts, price, setting)
        first, assets = setting.num_features, setting.num_assets
        most, least = exposure.max(initial=0.0), exposure.min(initial=0.0)
        if most > setting.widest or least < -setting.widest:
            exposure = np.minimum(np.maximum(exposure, -setting.widest), setting.widest)
        if assets == 1:
            rows[:, first], rows[:, first + 1] = exposure, accounts.target
            if chosen is None:
                self.near = bool(max(most, -least) > setting.rules.limit * SURELY)
        else:
            rows[:, first : first + assets] = exposure
            rows[:, first + assets : -1] = accounts.target
        rows[:, -1] = 1.0 - accounts.equity / peak
        return rows

    def observe(self, t: NDArray[np.integer], account: Float32) -> Float32:
        """Return (B, F + K) observations at (B,) rows `t` of (B, K + M + 1) accounts as `account` returned them."""
        setting = self.setting
        rows = np.empty((len(t), setting.table.shape[1]), dtype=np.float32)
        setting.table.take(t, axis=0, out=rows, mode="clip")
        shown, assets = rows[:, setting.num_features :], setting.num_assets
        shown[...] = account[:, : setting.num_account_columns]
        shown[:, :assets] = _bounded(shown[:, :assets], np.float32(setting.widest))
        return rows

    def transition(
        self, t: NDArray[np.integer], account: Float32, actions: NDArray[Any]
    ) -> tuple[Array, Float32, Flags, Flags]:
        """Replay one bar from what an agent remembers, through the same ledger; nothing of this simulator moves.

        Args:
            t: (B,) rows, at most T - 2.
            account: (B, K + M + 1) as `account` returned them, float32; so the result agrees with the simulator's
                own to that.
            actions: (B,) or (B, A) actions.

        Returns:
            (B,) reward, (B, K + M + 1) next account, (B,) ruined, (B,) whether the market ended.
        """
        setting, rows = self.setting, np.asarray(t, dtype=np.int64)
        columns, assets = account.astype(np.float64), setting.num_assets
        drawdown, equity = columns[:, 2 * assets], columns[:, -1]
        memory = tuple(columns[:, setting.num_account_columns : -1].T)
        part: Any = 0 if assets == 1 else slice(assets)
        exposure, target = columns[:, :assets][:, part], columns[:, assets : 2 * assets][:, part]
        price = setting.columns.close[rows]
        accounts = Accounts(
            cash=equity * (1.0 - setting.n.total(exposure)),
            units=exposure * setting.n.over(equity) / price,
            target=setting.actions.exact(target),
            equity=equity,
            closed=equity <= setting.rules.ruin,
        )
        orders = setting.actions.targets(np.asarray(actions), len(rows))
        accounts, bar = carry(setting.n, accounts, orders, setting.columns.at(rows), setting.rules)
        before = equity / np.maximum(1.0 - drawdown, FLOOR)
        peak = np.maximum(before, accounts.equity)
        reward, memory = _rewarded(setting, rows, (equity, accounts.equity), (before, peak), bar, memory)
        following = _described(setting, accounts, rows + 1, peak, memory)
        return reward, following, bar.ruined, rows + 1 >= setting.last


def _equal_shares(market: Market, config: TradingConfig) -> Array:
    """(T,) growth into the close of t of equal shares of what was listed at the close before; eq. 15."""
    growth = market.growth()
    if growth.shape[1] == 1 or market.missing is None:
        return np.asarray(growth.mean(axis=1))
    listed = np.logical_or.accumulate(~market.missing, axis=0)
    if market.delisted is not None:
        listed &= ~np.logical_or.accumulate(market.delisted, axis=0)
        growth = np.where(market.delisted, growth * (1.0 - config.delisting_loss), growth)
    before = np.concatenate([listed[:1], listed[:-1]])
    many = before.sum(axis=1)
    return np.where(many > 0, (growth * before).sum(axis=1) / np.maximum(many, 1), 1.0)


def _rewarded(
    setting: Setting,
    t: Int,
    equity: tuple[Array, Array],
    peak: tuple[Array, Array],
    bar: Bar,
    memory: tuple[Array, ...],
) -> tuple[Array, tuple[Array, ...]]:
    """(N,) rewards of the bar after rows t, and what is remembered after it; equity and peak before and after it."""
    reward, (before, after) = setting.reward, equity
    deeper = before / peak[0] - after / peak[1] if "deeper" in reward.reads else None
    benchmark = setting.benchmark.take(t, mode="clip") if "benchmark" in reward.reads else None
    return reward.of(
        setting.n,
        before=before,
        after=after,
        deeper=deeper,
        benchmark=benchmark,
        turnover=_turnover(bar) if "turnover" in reward.reads else None,
        memory=memory,
    )


def _turnover(bar: Bar) -> Array:
    """(N,) value traded, as a fraction of equity at the fill price."""
    return np.divide(bar.notional, bar.base, out=np.zeros(np.shape(bar.base)), where=bar.base > 0.0)


def _described(setting: Setting, accounts: Accounts, t: Int, peak: Array, memory: tuple[Array, ...]) -> Float32:
    exposure = _exposure(accounts, setting.columns.close.take(t, axis=0, mode="clip"), setting)
    parts = (exposure, accounts.target, 1.0 - accounts.equity / peak, *memory, accounts.equity)
    columns = [part if part.ndim == 2 else part[:, None] for part in parts]
    return np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind")


def _exposure(accounts: Accounts, price: Array, setting: Setting) -> Array:
    value: Array = accounts.units * price / setting.n.over(np.maximum(accounts.equity, FLOOR))
    return value


def _bounded(exposure: NDArray[Any], widest: Any) -> NDArray[Any]:
    if len(exposure) and (exposure.max() > widest or exposure.min() < -widest):
        return np.asarray(np.minimum(np.maximum(exposure, -widest), widest))
    return exposure
