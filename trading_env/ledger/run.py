"""Whole runs of the ledger: T bars of decisions made before, told as money, units and costs.

`run_ledger` plays target exposures with the environment's own `carry`. Where one asset is traded by the common rules a
plain loop (`ledger.walk`) does the same arithmetic in the same order, ten times faster.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.arithmetic import FLOATS, Numbers, numbers_of
from trading_env.ledger.columns import LedgerColumns
from trading_env.ledger.law import carry
from trading_env.ledger.rules import DRIFT, EXACT, Rules, charges
from trading_env.ledger.state import Accounts, Bar
from trading_env.ledger.walk import WalkBars, accrued, walk
from trading_env.market import Market

Array = NDArray[np.float64]
FEW = 32  # accounts up to which one loop for each is faster than arrays of them all
MONEY = ("fee", "spread", "slippage", "borrow", "financing", "funding", "dividends")


@dataclass(frozen=True, eq=False)
class LedgerRun:
    """What N accounts did over T bars; row t is the state at the close of bar t, row 0 the opening.

    Attributes:
        equity: (T, N) in units of the opening equity.
        cash: (T, N) same units.
        units: (T, N, A) units held.
        exposure: (T, N, A) value held as a fraction of equity; 0 after ruin.
        turnover: (T, N) notional traded in the bar that ends at t, as a fraction of equity at the fill.
        fee: (T, N) money, per bar, as are the six below.
        spread: (T, N).
        slippage: (T, N).
        borrow: (T, N).
        financing: (T, N).
        funding: (T, N) paid; negative is received.
        dividends: (T, N) received; negative is paid.
        called: (T, N) whether the bar that ends at t began with a margin call.
        cut: (T, N) whether its fill cut a position that prices had carried beyond the leverage cap.
        written_off: (T, N) what a ruined account owed beyond all it held, and nobody pays.
        close: (T, A) marks.
        fill_price: (T, A) price at which orders of the bar that ends at t were filled, before spread and slippage.
        settled_units: (T, N, A) units that were taken away without a fill in that bar: of delisted assets, and by the
            close-out of a ruined account.
        settled_value: (T, N, A) their value at the price they were taken away at.
        splits: (T, A) units that one unit of bar 0 has become at the close of t, or None where no asset splits.
        fill_splits: (T, A) the same at the fill of the bar that ends at t.
    """

    equity: Array
    cash: Array
    units: Array
    exposure: Array
    turnover: Array
    fee: Array
    spread: Array
    slippage: Array
    borrow: Array
    financing: Array
    funding: Array
    dividends: Array
    called: NDArray[np.bool_]
    cut: NDArray[np.bool_]
    written_off: Array
    close: Array
    fill_price: Array
    settled_units: Array
    settled_value: Array
    splits: Array | None
    fill_splits: Array | None


def run_ledger(market: Market, targets: Array, config: TradingConfig) -> LedgerRun:
    """Play N columns of target exposures through the ledger, with the very step the environment uses.

    Args:
        market: T bars of A assets.
        targets: (T, N, A), or (T, A) for one account; row t is decided at the close of bar t. The last row is a
            decision no bar of this market fills.
        config: rules and costs.

    Returns:
        The records of all accounts.

    Raises:
        ValueError: `targets` does not fit the market, is not finite, or exceeds a cap; the market lacks what the rules
            need.
    """
    targets = checked_targets(market, targets, config)
    columns, rules = LedgerColumns(market, config), Rules(config, market.bars_per_year, market.lots)
    record = _Record(*targets.shape)
    plain = columns.plain and rules.common
    single_asset = targets.shape[2] == 1
    if single_asset and plain and targets.shape[1] <= FEW:
        fills = fill_prices(market, config)[1:, 0]
        for account in range(targets.shape[1]):
            _loop(record, account, columns, targets[:, account, 0], fills, rules)
    elif single_asset and targets.shape[1] == 1:
        _carry_all(record, FLOATS, columns, targets[:, 0, 0].tolist(), rules)
    else:
        _carry_all(record, numbers_of(targets.shape[2]), columns, targets[:, :, 0] if single_asset else targets, rules)
    return record.run(market, config)


def final_equity(market: Market, targets: Array, config: TradingConfig) -> Array:
    """Return the (N,) equity that many accounts end with: the last row of `run_ledger`'s, without records of the rest.

    Arguments and errors are those of `run_ledger`.
    """
    targets = checked_targets(market, targets, config)
    if targets.shape[1] <= FEW:
        return np.asarray(run_ledger(market, targets, config).equity[-1])
    columns, rules = LedgerColumns(market, config), Rules(config, market.bars_per_year, market.lots)
    n = numbers_of(targets.shape[2])
    orders = targets if n.several else targets[:, :, 0]
    accounts = opened(n, *targets.shape[1:])
    for t in range(len(targets) - 1):
        accounts, _ = carry(n, accounts, orders[t], columns.after(t), rules)
    return np.asarray(accounts.equity)


def checked_targets(market: Market, targets: Array, config: TradingConfig) -> Array:
    """Return (T, N, A) targets.

    Raises:
        ValueError: they do not fit the market, are not finite, or exceed a cap.
    """
    targets = np.asarray(targets, dtype=np.float64)
    if targets.ndim == 2:
        targets = targets[:, None, :]
    num_bars, num_assets = market.close.shape
    if targets.ndim != 3 or targets.shape[0] != num_bars or targets.shape[2] != num_assets:
        raise ValueError(f"targets must be (T, N, A) with T = {num_bars} and A = {num_assets}, was {targets.shape}")
    size = np.abs(targets[:, :, 0]) if num_assets == 1 else np.abs(targets).sum(axis=2)
    if not (size <= config.leverage_cap * EXACT).all():
        raise ValueError(
            f"targets must be finite and together, over all assets, within the leverage cap of {config.leverage_cap:g}"
        )
    most, net = config.asset_cap, config.net_cap
    if most is not None and not (np.abs(targets) <= most * EXACT).all():
        raise ValueError(f"targets must each be within the asset cap of {most:g}, were up to {np.abs(targets).max():g}")
    if net is not None:
        sums = np.abs(targets.sum(axis=2))
        if not (sums <= net + config.leverage_cap * (EXACT - 1.0)).all():
            raise ValueError(f"targets must add up to a net within {net:g}, the net cap, were up to {sums.max():g}")
    return targets


class _Record:
    """The columns of a `LedgerRun` while they are filled."""

    def __init__(self, num_bars: int, num_accounts: int, num_assets: int) -> None:
        self.flat = {
            name: np.zeros((num_bars, num_accounts))
            for name in ("equity", "cash", "notional", "base", "written_off", *MONEY)
        }
        self.called, self.cut = np.zeros((2, num_bars, num_accounts), dtype=bool)
        self.units = np.zeros((num_bars, num_accounts, num_assets))
        self.settled_units = np.zeros(self.units.shape)
        self.settled_value = np.zeros(self.units.shape)
        self.flat["equity"][0] = self.flat["cash"][0] = 1.0

    def run(self, market: Market, config: TradingConfig) -> LedgerRun:
        flat, units = self.flat, self.units
        base, equity = flat.pop("base"), flat["equity"][:, :, None]
        notional = flat.pop("notional")
        value = units * market.close[:, None, :]
        splits: Array | None = None
        if market.splits is not None:
            splits = np.vstack([np.ones_like(market.splits[:1]), market.splits[1:]]).cumprod(axis=0)
        late = config.execution != "same_close"
        return LedgerRun(
            **flat,
            units=units,
            exposure=np.divide(value, equity, out=np.zeros_like(value), where=equity > 0.0),
            turnover=np.divide(notional, base, out=np.zeros_like(base), where=base > 0.0),
            called=self.called,
            cut=self.cut,
            close=market.close,
            fill_price=fill_prices(market, config),
            settled_units=self.settled_units,
            settled_value=self.settled_value,
            splits=splits,
            fill_splits=splits if late or splits is None else np.vstack([splits[:1], splits[:-1]]),
        )

    def write(self, t: int, accounts: Accounts, bar: Bar, where: Any = slice(None)) -> None:
        """Write one bar of all accounts, or of the one that `where` names."""
        for name in ("equity", "cash"):
            self.flat[name][t, where] = getattr(accounts, name)
        for name in ("notional", "base", *MONEY):
            self.flat[name][t, where] = getattr(bar, name)
        self.units[t, where] = _columns(accounts.units)
        if bar.called is not None:
            self.called[t, where] = bar.called
        if bar.cut is not None:
            self.cut[t, where] = bar.cut
        if bar.settled_units is not None:
            self.settled_units[t, where] = _columns(bar.settled_units)
            self.settled_value[t, where] = _columns(bar.settled_value)
            self.flat["written_off"][t, where] = bar.written_off


def _columns(value: Any) -> Array:
    """(N, A) of what may be a float or (N,) of one asset."""
    array = np.asarray(value)
    return array[:, None] if array.ndim == 1 else array


def _carry_all(record: _Record, n: Numbers, columns: LedgerColumns, targets: Any, rules: Rules) -> None:
    num_bars, num_accounts, num_assets = record.units.shape
    accounts = opened(n, num_accounts, num_assets)
    for t in range(num_bars - 1):
        accounts, bar = carry(n, accounts, targets[t], columns.after(t), rules)
        record.write(t + 1, accounts, bar)


def opened(n: Numbers, num_accounts: int, num_assets: int) -> Accounts:
    """Return N accounts that hold 1 unit of money and no asset."""
    if n is FLOATS:
        return Accounts(1.0, 0.0, 0.0, 1.0, False)
    shape = (num_accounts,) if num_assets == 1 else (num_accounts, num_assets)
    closed = np.zeros(num_accounts, dtype=bool)
    return Accounts(np.ones(num_accounts), np.zeros(shape), np.zeros(shape), np.ones(num_accounts), closed)


def _loop(record: _Record, account: int, columns: LedgerColumns, targets: Array, fills: Array, rules: Rules) -> None:
    """One account of one asset under the common rules: money and units bar by bar, all else from them at once."""
    trades = np.ones(len(fills), dtype=bool)
    if rules.on_change:
        trades = targets[:-1] != np.concatenate([np.zeros(1), targets[:-2]])
    after = columns.close[1:]
    filled, units, cut = walk(WalkBars(targets[:-1], trades, columns.close, fills), rules)
    cash, borrow, financing = accrued(filled, units, after, rules)
    ahead = cash if rules.next_close else np.append(filled[:1], cash[:-1])
    cash = filled[1:] if rules.next_close else cash
    base = ahead + units[:-1] * fills
    value = targets[:-1] * base / fills
    value -= units[:-1]
    value *= trades
    if len(cut):
        gross = np.abs(units[cut]) * fills[cut]
        value[cut] = units[cut] * (base[cut] * rules.cap / gross) - units[cut]
    value *= fills
    notional = np.abs(value)
    fee, spread, slippage = charges(notional, value, rules)
    equity = cash + units[1:] * after
    ruined = np.flatnonzero((base <= rules.ruin) | (equity <= rules.ruin))
    money = {"equity": equity, "cash": cash, "notional": notional, "base": base, "fee": fee, "spread": spread}
    money |= {"slippage": slippage, "borrow": borrow, "financing": financing}
    stop = len(equity) if not len(ruined) else int(ruined[0])
    for name, column in money.items():
        record.flat[name][1 : stop + 1, account] = column[:stop]
    record.units[1 : stop + 1, account, 0] = units[1 : stop + 1]
    record.cut[1 + cut[cut < stop], account] = True
    if len(ruined):
        _end(record, account, stop, targets, columns, rules)


def _end(record: _Record, account: int, t: int, targets: Array, columns: LedgerColumns, rules: Rules) -> None:
    """Close out an account whose ruin comes in the bar after row t; from then on it holds its money."""
    target = 0.0 if t == 0 else float(targets[t - 1])
    state = (record.flat["cash"][t, account].item(), record.units[t, account, 0].item(), target)
    accounts = Accounts(*state, record.flat["equity"][t, account].item(), False)
    accounts, bar = carry(FLOATS, accounts, targets[t].item(), columns.after(t), rules)
    record.write(t + 1, accounts, bar, account)
    for name in ("equity", "cash", "base"):
        record.flat[name][t + 2 :, account] = accounts.equity


def cut_due(run: LedgerRun, targets: Array, config: TradingConfig) -> bool:
    """Whether the next fill, of the bar after the last, cuts an account to the leverage cap.

    It does unless prices are back by then, or trading stands still; `run` is what came of the (T, A) `targets`.
    docs/accounting.md, eq. 17 and 18.
    """
    if not config.maintenance or config.rebalance == "every_bar" or len(targets) < 2:
        return False
    held = np.abs(run.exposure[-1, 0])
    ordered = np.where(targets[-1] != targets[-2], np.abs(targets[-1]), held).sum()
    return bool(max(held.sum(), ordered) > config.leverage_cap * DRIFT and ordered > config.leverage_cap * EXACT)


def fill_prices(market: Market, config: TradingConfig) -> Array:
    """Return (T, A) prices at which the orders of the bar ending at t fill, before spread and slippage."""
    if config.execution == "next_open":
        return market.open
    if config.execution == "next_close":
        return market.close
    return np.concatenate([market.close[:1], market.close[:-1]])
