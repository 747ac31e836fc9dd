"""Runs of fixed units through the ledger: what is held does not depend on equity, so that money is a running sum.

A million bars take milliseconds, block by block in the processor's cache. The law is that of `ledger`, with units in
the place of target exposures; sums are taken in another order, so that both agree to rounding and not to the last bit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.columns import LedgerColumns
from trading_env.ledger.rules import Rules
from trading_env.ledger.run import fill_prices
from trading_env.market import Market

Array = NDArray[np.float64]
BLOCK = 1 << 13  # bars at once: a handful of columns of them fit in a processor's second cache


@dataclass(frozen=True, eq=False)
class UnitRun:
    """What one account did over T bars; row t is the state at the close of bar t, row 0 the opening.

    Attributes:
        equity: (T,) in units of the opening equity, `config.capital`.
        cash: (T,) same units.
        paid: (T,) fee, spread, slippage, borrow and financing of the bar that ends at t, same units.
        ruined_at: the bar at whose close the account was closed out, or None.
    """

    equity: Array
    cash: Array
    paid: Array
    ruined_at: int | None


def run_units(market: Market, units: Array, config: TradingConfig) -> UnitRun:
    """Play one column of units held through the ledger.

    Args:
        market: T bars of one asset.
        units: (T,) units to hold, as decided at the close of bar t; negative is short. The last is filled by no bar.
        config: execution, costs, ruin and capital. Targets, leverage, its cap and rebalancing play no part.

    Returns:
        The record of the account.

    Raises:
        ValueError: the market has several assets, or holds or costs what a running sum does not know (`run_ledger`
            does); `units` are not T finite numbers.
    """
    columns, rules = LedgerColumns(market, config), Rules(config, market.bars_per_year, market.lots)
    _check(market, units, columns, rules)
    num_bars = len(market)
    held = np.empty(num_bars)  # row t: units after the fill of the bar that ends at t
    np.divide(units[:-1], config.capital, out=held[1:])
    held[0] = 0.0
    fills, close = fill_prices(market, config)[:, 0], market.close[:, 0]
    run = UnitRun(np.empty(num_bars), np.empty(num_bars), np.empty(num_bars), None)
    owed, worth = _sum(run, held, fills, close, rules)
    if owed < 0.0 and rules.financing:
        _finance(run, held, fills, close, rules)
        worth = -np.inf
    return run if worth > rules.ruin else _ended(run, held, fills, rules)


def _check(market: Market, units: Array, columns: LedgerColumns, rules: Rules) -> None:
    if market.close.shape[1] != 1:
        raise ValueError(f"a run of units is of one asset, the market has {market.close.shape[1]}; use run_ledger")
    if not (columns.plain and rules.common):
        raise ValueError("a run of units knows constant cost rates and a market without events; use run_ledger")
    if units.shape != (len(market),) or not np.isfinite(units).all():
        raise ValueError(f"units must be {len(market)} finite numbers, had the shape {units.shape}")


def _sum(run: UnitRun, held: Array, fills: Array, close: Array, rules: Rules) -> tuple[float, float]:
    """Fill the run as if money were free to borrow; return the least cash, and the least equity at a fill or mark."""
    value, size, short = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    run.equity[0] = run.cash[0] = 1.0
    run.paid[0] = 0.0
    money, owed, worth = 1.0, 0.0, 1.0
    for start in range(1, len(held), BLOCK):
        stop = min(start + BLOCK, len(held))
        rows, before, length = slice(start, stop), slice(start - 1, stop - 1), stop - start
        v, s, b, paid, cash = value[:length], size[:length], short[:length], run.paid[rows], run.cash[rows]
        np.subtract(held[rows], held[before], out=v)
        v *= fills[rows]
        np.absolute(v, out=s)
        s *= rules.per_size
        np.multiply(v, rules.per_value, out=paid)
        paid += s
        np.add(v, paid, out=cash)
        if rules.borrow:
            np.minimum(held[before] if rules.next_close else held[rows], 0.0, out=b)
            b *= close[rows]
            b *= -rules.borrow
            paid += b
            cash += b
        np.negative(cash, out=cash)
        cash[0] += money
        np.add.accumulate(cash, out=cash)
        money = float(cash[-1])
        equity = run.equity[rows]
        np.multiply(held[rows], close[rows], out=equity)
        equity += cash
        np.multiply(held[before], fills[rows], out=v)
        v += run.cash[before]
        owed, worth = min(owed, float(cash.min())), min(worth, float(equity.min()), float(v.min()))
    return owed, worth


def _finance(run: UnitRun, held: Array, fills: Array, close: Array, rules: Rules) -> None:
    """Charge interest on negative cash, which is a recursion; bar by bar."""
    bought, traded = np.diff(held) * fills[1:], _traded(held, fills, rules)
    lent = held[:-1] if rules.next_close else held[1:]
    borrow = np.maximum(-lent, 0.0) * close[1:] * rules.borrow
    out = (bought + traded).tolist()
    cash, money, interest = 1.0, [], []
    for spent, due in zip(out, borrow.tolist(), strict=True):
        owed = cash if rules.next_close else cash - spent
        charge = -owed * rules.financing if owed < 0.0 else 0.0
        cash = cash - spent - due - charge
        money.append(cash)
        interest.append(charge)
    run.cash[1:] = money
    run.paid[1:] = traded + borrow + np.array(interest)
    run.equity[1:] = run.cash[1:] + held[1:] * close[1:]


def _ended(run: UnitRun, held: Array, fills: Array, rules: Rules) -> UnitRun:
    """Close out a ruined account: at the fill if it is under water there, else at the mark."""
    at_mark = run.equity <= rules.ruin
    if rules.next_close:
        if not at_mark.any():
            return run  # the fill is at the mark, and dearer after it than before
        before = run.equity[1:] + _traded(held, fills, rules)
    else:
        before = run.cash[:-1] + held[:-1] * fills[1:]
    at_fill = before <= rules.ruin
    if not at_mark.any() and not at_fill.any():
        return run
    first = int(np.flatnonzero(at_mark[1:] | at_fill)[0]) + 1
    left = max(float(before[first - 1] if at_fill[first - 1] else run.equity[first]), 0.0)
    run.equity[first:] = run.cash[first:] = left
    run.paid[first + 1 :] = 0.0
    return UnitRun(run.equity, run.cash, run.paid, first)


def _traded(held: Array, fills: Array, rules: Rules) -> Array:
    """(T - 1,) fee, spread and slippage of each bar."""
    value = np.diff(held) * fills[1:]
    return np.abs(value) * rules.per_size + value * rules.per_value
