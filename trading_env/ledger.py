"""The ledger: one law of money for the environment, the backtest and the live signal.

N accounts hold A assets and cash in float64, without rounding. `step` carries every account over one bar; `run_ledger`
calls nothing else. Formulas: docs/accounting.md, sections 2 to 4. Knows NumPy, prices and costs; not observations,
rewards or actions.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.market import Market

Array = NDArray[np.float64]


@dataclass(eq=False)
class Accounts:
    """The state of N accounts in A assets; `step` replaces its arrays.

    Attributes:
        cash: (N,) money; negative is borrowed.
        units: (N, A) units held; negative is short.
        target: (N, A) last target exposure that was traded on; 0 at the opening.
        equity: (N,) cash + units x price at the last mark.
        closed: (N,) whether the account was ruined and closed out.
    """

    cash: Array
    units: Array
    target: Array
    equity: Array
    closed: NDArray[np.bool_]

    @classmethod
    def opened(cls, num_accounts: int, num_assets: int) -> "Accounts":
        """Return accounts that hold 1 unit of money and no asset."""
        return cls(
            cash=np.ones(num_accounts),
            units=np.zeros((num_accounts, num_assets)),
            target=np.zeros((num_accounts, num_assets)),
            equity=np.ones(num_accounts),
            closed=np.zeros(num_accounts, dtype=bool),
        )


class Bar(NamedTuple):
    """What one bar cost each of N accounts, in money.

    Attributes:
        notional: (N,) value traded at the fill price before spread and slippage, both directions counted.
        fee: (N,) fee on the notional at the price paid.
        spread: (N,) half spread paid.
        slippage: (N,) slippage paid.
        borrow: (N,) interest on short value.
        financing: (N,) interest on negative cash.
        ruined: (N,) whether the account was closed out on this bar.
        base: (N,) equity the notional is measured against.
    """

    notional: Array
    fee: Array
    spread: Array
    slippage: Array
    borrow: Array
    financing: Array
    ruined: NDArray[np.bool_]
    base: Array


class Costs:
    """Cost rates as fractions, annual interest per bar."""

    __slots__ = ("borrow", "fee", "financing", "half_spread", "price_move", "slippage")

    def __init__(self, config: TradingConfig, bars_per_year: float) -> None:
        costs = config.costs
        self.fee = costs.fee_bps * 1e-4
        self.half_spread = costs.half_spread_bps * 1e-4
        self.slippage = costs.slippage_bps * 1e-4
        self.price_move = self.half_spread + self.slippage
        self.borrow = costs.borrow_bps_per_year * 1e-4 / bars_per_year
        self.financing = costs.financing_bps_per_year * 1e-4 / bars_per_year


def held(units: Array, price: Array) -> Array:
    """Return (N,) value of (N, A) units at (N, A) or (A,) prices; one asset needs no sum."""
    value = units * price
    return np.asarray(value[:, 0] if value.shape[1] == 1 else value.sum(axis=1))


def step(
    accounts: Accounts,
    target: Array,
    *,
    close_now: Array,
    open_next: Array,
    close_next: Array,
    config: TradingConfig,
    costs: Costs,
) -> Bar:
    """Carry N accounts from the close of bar t to the close of bar t + 1, in place.

    Args:
        accounts: their state at the close of t; replaced by the state at the close of t + 1.
        target: (N, A) target exposures decided at the close of t.
        close_now: (N, A) or (A,) prices at the close of t.
        open_next: (N, A) or (A,) prices at the open of t + 1.
        close_next: (N, A) or (A,) prices at the close of t + 1.
        config: execution, rebalancing, ruin.
        costs: rates per fill and per bar.

    Returns:
        What the bar cost. Order of events: fill (same_close, next_open), interest, fill (next_close), mark, ruin.

    Source:
        docs/accounting.md, eq. 1 to 7.
    """
    if config.execution == "next_close":
        borrow, financing = _accrue(accounts, close_next, costs)
        trade = _trade(accounts, target, close_next, config, costs)
    else:
        fill_at = open_next if config.execution == "next_open" else close_now
        trade = _trade(accounts, target, fill_at, config, costs)
        borrow, financing = _accrue(accounts, close_next, costs)
    accounts.equity = accounts.cash + held(accounts.units, close_next)
    ruined = ~accounts.closed & (accounts.equity <= config.ruin_equity)
    if ruined.any():
        _close_out(accounts, ruined)
    return Bar(*trade[:4], borrow, financing, ruined, trade[4])


def _trade(
    accounts: Accounts, target: Array, price: Array, config: TradingConfig, costs: Costs
) -> tuple[Array, Array, Array, Array, Array]:
    """Bring units to target x equity / price where the target asks for it; eq. 1 to 4."""
    base = accounts.cash + held(accounts.units, price)  # equity at the fill price, before costs
    if config.rebalance == "on_change":
        moves = target != accounts.target
    else:
        moves = np.ones(target.shape, dtype=bool)
    moves &= ~accounts.closed[:, None] & (base > 0.0)[:, None]
    wanted = np.where(moves, target * base[:, None] / price, accounts.units)
    bought = wanted - accounts.units
    value = bought * price
    size = np.abs(value)
    notional = size[:, 0] if size.shape[1] == 1 else size.sum(axis=1)
    flow = value[:, 0] if value.shape[1] == 1 else value.sum(axis=1)
    move = notional * costs.price_move  # price x (1 + s) for what is bought, price x (1 - s) for what is sold
    fee = costs.fee * (notional + np.where(value > 0.0, size, -size).sum(axis=1) * costs.price_move)
    accounts.cash = accounts.cash - flow - move - fee
    accounts.units = wanted
    accounts.target = np.where(moves, target, accounts.target)
    return notional, fee, notional * costs.half_spread, notional * costs.slippage, base


def _accrue(accounts: Accounts, price: Array, costs: Costs) -> tuple[Array, Array]:
    """Charge one bar's interest on short value and on negative cash; eq. 5 and 6."""
    borrow = held(np.minimum(accounts.units, 0.0), price) * -costs.borrow
    financing = np.minimum(accounts.cash, 0.0) * -costs.financing
    accounts.cash = accounts.cash - borrow - financing
    return borrow, financing


def _close_out(accounts: Accounts, ruined: NDArray[np.bool_]) -> None:
    """Settle ruined accounts at the mark: what is left, and never less than nothing, stays as cash; eq. 7."""
    left = np.maximum(accounts.equity, 0.0)
    accounts.cash = np.where(ruined, left, accounts.cash)
    accounts.equity = np.where(ruined, left, accounts.equity)
    accounts.units = np.where(ruined[:, None], 0.0, accounts.units)
    accounts.target = np.where(ruined[:, None], 0.0, accounts.target)
    accounts.closed = accounts.closed | ruined


@dataclass(frozen=True, eq=False)
class LedgerPath:
    """What N accounts did over T bars; row t is the state at the close of bar t, row 0 the opening.

    Attributes:
        equity: (T, N) in units of the opening equity.
        cash: (T, N) same units.
        units: (T, N, A) units held.
        exposure: (T, N, A) value held as a fraction of equity; 0 after ruin.
        turnover: (T, N) notional traded in the bar that ends at t, as a fraction of equity at the fill.
        fee: (T, N) money, per bar, as are the four below.
        spread: (T, N).
        slippage: (T, N).
        borrow: (T, N).
        financing: (T, N).
        fill_price: (T, A) price at which orders of the bar that ends at t were filled, before spread and slippage.
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
    fill_price: Array


def run_ledger(market: Market, targets: Array, config: TradingConfig) -> LedgerPath:
    """Play N paths of target exposures through the ledger, with the very step the environment uses.

    Args:
        market: T bars of A assets.
        targets: (T, N, A), or (T, A) for one account; row t is decided at the close of bar t. The last row is a
            decision no bar of this market fills.
        config: rules and costs.

    Returns:
        The records of all accounts.

    Raises:
        ValueError: `targets` does not fit the market, is not finite, or exceeds the leverage cap.
    """
    targets = np.asarray(targets, dtype=np.float64)
    if targets.ndim == 2:
        targets = targets[:, None, :]
    num_bars, num_assets = market.close.shape
    if targets.ndim != 3 or targets.shape[0] != num_bars or targets.shape[2] != num_assets:
        raise ValueError(f"targets must be (T, N, A) with T = {num_bars} and A = {num_assets}, was {targets.shape}")
    if not (np.abs(targets) <= config.leverage_cap).all():
        raise ValueError(f"targets must be finite and within the leverage cap of {config.leverage_cap:g}")
    num_accounts = targets.shape[1]
    accounts, costs = Accounts.opened(num_accounts, num_assets), Costs(config, market.bars_per_year)
    flat: dict[str, Array] = {field.name: np.zeros((num_bars, num_accounts)) for field in fields(LedgerPath)}
    units: Array = np.zeros((num_bars, num_accounts, num_assets))
    flat["equity"][0] = flat["cash"][0] = 1.0
    for t in range(num_bars - 1):
        bar = step(
            accounts,
            targets[t],
            close_now=market.close[t],
            open_next=market.open[t + 1],
            close_next=market.close[t + 1],
            config=config,
            costs=costs,
        )
        flat["equity"][t + 1], flat["cash"][t + 1], units[t + 1] = accounts.equity, accounts.cash, accounts.units
        np.divide(bar.notional, bar.base, out=flat["turnover"][t + 1], where=bar.base > 0.0)
        for name in ("fee", "spread", "slippage", "borrow", "financing"):
            flat[name][t + 1] = getattr(bar, name)
    value, equity = units * market.close[:, None, :], flat["equity"][:, :, None]
    flat["units"], flat["exposure"] = units, np.divide(value, equity, out=np.zeros_like(value), where=equity > 0.0)
    flat["fill_price"] = fill_prices(market, config)
    return LedgerPath(**flat)


def fill_prices(market: Market, config: TradingConfig) -> Array:
    """Return (T, A) prices at which the orders of the bar ending at t fill, before spread and slippage."""
    if config.execution == "next_open":
        return market.open
    if config.execution == "next_close":
        return market.close
    return np.concatenate([market.close[:1], market.close[:-1]])
