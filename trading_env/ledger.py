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
        base: (N,) equity at the fill price, before costs, which the notional is measured against.
        settled_units: (N, A) units that the close-out of ruined accounts took away, or None where nobody was ruined.
        settled_value: (N, A) their value at the price they were taken away at.
    """

    notional: Array
    fee: Array
    spread: Array
    slippage: Array
    borrow: Array
    financing: Array
    ruined: NDArray[np.bool_]
    base: Array
    settled_units: Array | None
    settled_value: Array | None


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
        base, early = _mark(accounts, close_next, config)
        trade = _trade(accounts, target, close_next, base, config, costs)
    else:
        fill_at = open_next if config.execution == "next_open" else close_now
        base, early = _mark(accounts, fill_at, config)
        trade = _trade(accounts, target, fill_at, base, config, costs)
        borrow, financing = _accrue(accounts, close_next, costs)
    accounts.equity, late = _mark(accounts, close_next, config)
    ruined, settled_units, settled_value = _together(early, late)
    return Bar(*trade, borrow, financing, ruined, base, settled_units, settled_value)


Settlement = tuple[NDArray[np.bool_], Array | None, Array | None]


def _mark(accounts: Accounts, price: Array, config: TradingConfig) -> tuple[Array, Settlement]:
    """Value the accounts at a price, and settle those that are ruined there; eq. 1 and 7.

    An account that is under water when its order fills is ruined there and then: it may not wait for a better close.

    Returns:
        (N,) equity, never negative, and what was settled: (N,) whom, (N, A) units and value, None where nobody.
    """
    equity = accounts.cash + held(accounts.units, price)
    ruined = ~accounts.closed & (equity <= config.ruin_equity)
    if not ruined.any():
        return equity, (ruined, None, None)
    units = np.where(ruined[:, None], accounts.units, 0.0)
    equity = np.where(ruined, np.maximum(equity, 0.0), equity)
    accounts.cash = np.where(ruined, equity, accounts.cash)
    accounts.units = np.where(ruined[:, None], 0.0, accounts.units)
    accounts.target = np.where(ruined[:, None], 0.0, accounts.target)
    accounts.closed = accounts.closed | ruined
    return equity, (ruined, units, units * price)


def _together(early: Settlement, late: Settlement) -> Settlement:
    """Join what was settled at the fill and at the mark; no account is settled twice."""
    if early[1] is None or early[2] is None:
        return (early[0] | late[0], late[1], late[2])
    if late[1] is None or late[2] is None:
        return (early[0] | late[0], early[1], early[2])
    return early[0] | late[0], early[1] + late[1], early[2] + late[2]


def _trade(
    accounts: Accounts, target: Array, price: Array, base: Array, config: TradingConfig, costs: Costs
) -> tuple[Array, Array, Array, Array]:
    """Bring units to target x equity / price where the target asks for it; eq. 1 to 4."""
    if config.rebalance == "on_change":
        moves = target != accounts.target
    else:
        moves = np.ones(target.shape, dtype=bool)
    moves &= ~accounts.closed[:, None]
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
    return notional, fee, notional * costs.half_spread, notional * costs.slippage


def _accrue(accounts: Accounts, price: Array, costs: Costs) -> tuple[Array, Array]:
    """Charge one bar's interest on short value and on negative cash; eq. 5 and 6."""
    borrow = held(np.maximum(-accounts.units, 0.0), price) * costs.borrow
    financing = np.maximum(-accounts.cash, 0.0) * costs.financing
    accounts.cash = accounts.cash - borrow - financing
    return borrow, financing


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
        settled_units: (T, N, A) units that the close-out of a ruined account took away in that bar.
        settled_value: (T, N, A) their value at the price they were taken away at.
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
    settled_units: Array
    settled_value: Array


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
    if not (np.abs(targets).sum(axis=2) <= config.leverage_cap * (1.0 + 1e-12)).all():
        raise ValueError(
            f"targets must be finite and together, over all assets, within the leverage cap of {config.leverage_cap:g}"
        )
    num_accounts = targets.shape[1]
    accounts, costs = Accounts.opened(num_accounts, num_assets), Costs(config, market.bars_per_year)
    flat: dict[str, Array] = {field.name: np.zeros((num_bars, num_accounts)) for field in fields(LedgerPath)}
    units: Array = np.zeros((num_bars, num_accounts, num_assets))
    settled: list[Array] = [np.zeros_like(units), np.zeros_like(units)]
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
        if bar.settled_units is not None and bar.settled_value is not None:
            settled[0][t + 1], settled[1][t + 1] = bar.settled_units, bar.settled_value
    value, equity = units * market.close[:, None, :], flat["equity"][:, :, None]
    flat["units"], flat["exposure"] = units, np.divide(value, equity, out=np.zeros_like(value), where=equity > 0.0)
    flat["fill_price"] = fill_prices(market, config)
    flat["settled_units"], flat["settled_value"] = settled
    return LedgerPath(**flat)


def fill_prices(market: Market, config: TradingConfig) -> Array:
    """Return (T, A) prices at which the orders of the bar ending at t fill, before spread and slippage."""
    if config.execution == "next_open":
        return market.open
    if config.execution == "next_close":
        return market.close
    return np.concatenate([market.close[:1], market.close[:-1]])
