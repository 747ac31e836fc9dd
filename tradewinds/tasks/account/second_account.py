"""A second account, written from docs/accounting.md alone, one bar and one number at a time.

It shares no code with `trading_env.ledger.law`, and knows one law more: an order decided at the close of a bar fills
later.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.account.backtest import Backtest
from tradewinds.tasks.account.market import price_market
from tradewinds.tasks.account.second_portfolio import second_portfolio
from trading_env import TradingConfig

Array = NDArray[np.float64]
SAME_FIGURE = 1e-6  # relative difference between a figure and the same from its equity that is rounding
SAME_MONEY = 1e-9  # relative difference between two accounts that is rounding
WORST_MOVE = 0.99  # of the price: nothing costs more to trade than it is worth
OVER, ROUNDING = 1.01, 1e-6  # times the leverage cap: beyond it; and what of it is none


def second_account(
    open_: Array,
    close: Array,
    targets: Array,
    rules: TradingConfig,
    *,
    bars_per_year: float,
    volatility: Array | None = None,
    volume: Array | None = None,
) -> tuple[Array, Array]:
    """Play one path of target exposures.

    Args:
        open_: (T,) prices.
        close: (T,) prices.
        targets: (T,) target exposures, each decided at the close of its bar.
        rules: rebalancing, margin, the cap, ruin, lots and costs; of `execution` only whether orders fill at the next
            open or the next close.
        bars_per_year: bars in a year, for interest.
        volatility: (T,) of one bar's log return as known at the close of t; only where a cost is reckoned from it.
        volume: (T,) units traded in the bar; only where a cost is reckoned from it.

    Returns:
        (T,) units held and (T,) equity at the closes, from an opening equity of 1.
    """
    account = _Account(rules, bars_per_year)
    units, equity = [0.0], [1.0]
    for t in range(len(close) - 1):
        traded = None if volume is None else float(volume[t + 1])
        wanted, opened, closed = float(targets[t]), float(open_[t + 1]), float(close[t + 1])
        if account.is_called(equity[-1], float(close[t])):
            wanted = 0.0
        account.look(float(close[t]))
        rough = 0.0 if volatility is None else float(volatility[t])
        if rules.execution == "next_close":
            account.pay_interest(closed)
            account.fill(wanted, closed, rough, traded)
        else:
            account.fill(wanted, opened, rough, traded)
            account.pay_interest(closed)
        equity.append(account.mark(closed))
        units.append(account.units)
    return np.array(units), np.array(equity)


class _Account:
    def __init__(self, rules: TradingConfig, bars_per_year: float) -> None:
        self.rules, self.costs = rules, rules.costs
        self.cash, self.units, self.target, self.closed, self.beyond = 1.0, 0.0, 0.0, False, False
        self.borrow = rules.costs.borrow_bps_per_year / 1e4 / bars_per_year
        self.financing = rules.costs.financing_bps_per_year / 1e4 / bars_per_year

    def mark(self, price: float) -> float:
        equity = self.cash + self.units * price
        if self.closed or equity > self.rules.ruin_equity:
            return equity
        self.cash, self.units, self.target, self.closed = max(equity, 0.0), 0.0, 0.0, True
        return self.cash

    def is_called(self, equity: float, close: float) -> bool:
        return not self.closed and equity < self.rules.maintenance_margin * abs(self.units) * close

    def look(self, close: float) -> None:
        """Note whether more is held at a close than the cap allows."""
        exposed = abs(self.units) * close
        self.beyond = self.rules.maintenance and exposed > OVER * self.rules.leverage_cap * (
            self.cash + self.units * close
        )

    def _goal(self, target: float, equity: float, price: float) -> float | None:
        if target != self.target or self.rules.rebalance == "every_bar":
            return target * equity / price
        most = self.rules.leverage_cap * equity / price
        return math.copysign(most, self.units) if self.beyond and abs(self.units) > most * (1.0 + ROUNDING) else None

    def fill(self, target: float, price: float, volatility: float, volume: float | None) -> None:
        equity = self.mark(price)
        exact = None if self.closed or volume == 0.0 else self._goal(target, equity, price)
        if exact is None:
            return
        goal = self._whole_lots(exact)
        bought = goal - self.units
        if goal != 0.0 and abs(bought) * price * self.rules.capital < self.rules.min_notional:
            return
        move = min(self.costs.half_spread_bps / 1e4 + self._slippage(bought, volatility, volume), WORST_MOVE)
        paid = price * (1.0 + move if bought > 0.0 else 1.0 - move)
        self.cash -= bought * paid + self.costs.fee_bps / 1e4 * abs(bought) * paid
        self.units, self.target = goal, target

    def _whole_lots(self, units: float) -> float:
        lot = self.rules.lot / self.rules.capital
        return math.trunc(units / lot * (1.0 + 1e-12)) * lot if lot else units

    def _slippage(self, bought: float, volatility: float, volume: float | None) -> float:
        rate = self.costs.slippage_bps / 1e4 + self.costs.slippage_per_volatility * volatility
        if volume:
            percent = 100.0 * abs(bought) * self.rules.capital / volume
            rate += self.costs.slippage_bps_per_volume_percent / 1e4 * percent
        return rate

    def pay_interest(self, price: float) -> None:
        short, owed = max(-self.units, 0.0) * price, max(-self.cash, 0.0)
        self.cash -= self.borrow * short + self.financing * owed


def known_volatility(close: Array) -> Array:
    """Return (T,) root mean square of the last 20 log returns at the close of each bar, by pandas; 0 at the first."""
    squares = pd.Series(np.log(close)).diff() ** 2
    mean = squares.rolling(20, min_periods=1).mean().fillna(0.0)
    return np.asarray(np.sqrt(mean.to_numpy(dtype=np.float64)))


def second_opinion(prepared: Prepared, played: Backtest) -> tuple[str, int, str] | None:
    """Return the first stage, row and difference in which a second account has other units or money; None if none."""
    rules, series, rows = prepared.config.env, prepared.series, played.rows
    if rules.execution == "same_close":
        return "fills", rows.start, "env.execution=same_close fills at the close that the agent has just seen"
    if prepared.several or series.traded is not None:
        return _of_several(prepared, played)
    part = slice(rows.start, rows.stop)
    volatility = known_volatility(series.close[:, 0])[part] if rules.costs.slippage_per_volatility else None
    shares = bool(rules.costs.slippage_bps_per_volume_percent) and series.volume is not None
    volume = series.volume[part, 0] if shares and series.volume is not None else None
    for number, name in enumerate(played.strategies):
        units, equity = second_account(
            series.open[part, 0],
            series.close[part, 0],
            played.targets[:, number, 0],
            rules,
            bars_per_year=series.bars_per_year,
            volatility=volatility,
            volume=volume,
        )
        recorded = (("fills", played.path.units[:, number, 0], units), ("equity", played.equity(name), equity))
        for stage, ours, theirs in recorded:
            row = _first_other(ours, theirs)
            if row is not None:
                what = f"{name} has {float(ours[row]):.9g}, and {float(theirs[row]):.9g} by a second account"
                return stage, rows.start + row, what
    return None


def _of_several(prepared: Prepared, played: Backtest) -> tuple[str, int, str] | None:
    """Return the same for several assets, by name."""
    start, part, series = played.rows.start, slice(played.rows.start, played.rows.stop), prepared.series
    market = replace(price_market(prepared, played.rows), open=series.open[part], close=series.close[part])
    for number, name in enumerate(played.strategies):
        units, equity = second_portfolio(market, played.targets[:, number], prepared.config.env)
        for asset, instrument in enumerate(market.instruments):
            row = _first_other(played.path.units[:, number, asset], units[:, asset])
            if row is not None:
                ours, theirs = float(played.path.units[row, number, asset]), float(units[row, asset])
                what = f"{name} holds {ours:.9g} of {instrument}, and {theirs:.9g} by a second account"
                return "fills", start + row, what
        row = _first_other(played.equity(name), equity)
        if row is not None:
            ours, theirs = float(played.equity(name)[row]), float(equity[row])
            return "equity", start + row, f"{name} has {ours:.9g}, and {theirs:.9g} by a second account"
    return None


def second_figures(prepared: Prepared, outcome: Outcome) -> tuple[str, int, str] | None:
    """Return where the figures of a strategy are not those of its own equity, trades or name; None if nowhere.

    The equity is the one that `second_opinion` has held against a second account.
    """
    played: Backtest = outcome.record
    rows, last = played.rows, played.rows.stop - 1
    year = math.sqrt(prepared.series.bars_per_year)
    for name in played.strategies:
        equity = pd.Series(played.equity(name))
        moves = equity.pct_change().iloc[1:].where(equity.shift().iloc[1:] > 0.0, 0.0)
        reckoned = {
            "total_return": float(equity.iloc[-1] / equity.iloc[0] - 1.0),
            "max_drawdown_from_start_capital": float((1.0 - equity / equity.cummax()).max()),
        }
        if moves.std() > 1e-9:
            reckoned["sharpe_annual_ddof1_arithmetic"] = float(moves.mean() / moves.std() * year)
        for figure, value in reckoned.items():
            told: Any = outcome.metrics[name][figure]
            if told is None or not abs(told - value) <= SAME_FIGURE * max(1.0, abs(value)):
                return "equity", last, f"{name} is told to have {figure} {told}, and has {value:.9g} by its own equity"
    parts = played.reconciliation()
    change = parts.pop("change_of_equity")
    if abs(sum(parts.values()) - change) > SAME_MONEY * max(1.0, abs(change)):
        return (
            "equity",
            last,
            f"the agent's trades and payments sum to {sum(parts.values()):.9g}, its equity {change:+.9g}",
        )
    bought = _bought_once(prepared, rows.start)
    for name, held in (("flat", np.zeros_like(bought)), ("buy_and_hold", bought)):
        if name in played.strategies:
            targets = played.targets[:, played.strategies.index(name)]
            if not np.allclose(targets, held, rtol=0.0, atol=SAME_MONEY):
                words = f"{name} does not hold {round(float(held.sum()), 9):g} of its equity throughout"
                return "actions", rows.start, words
    return None


def _bought_once(prepared: Prepared, row: int) -> Array:
    """(A,) equal shares of what trades at a row, as far as caps allow: what holding from there on is."""
    series, rules = prepared.series, prepared.config.env
    there = np.ones(series.close.shape[1]) if series.traded is None else series.traded[row].astype(np.float64)
    most = min(1.0, rules.leverage_cap)
    each = most / max(float(there.sum()), 1.0)
    return np.asarray(there * (each if rules.asset_cap is None else min(each, rules.asset_cap)))


def _first_other(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> int | None:
    wrong = np.flatnonzero(~(np.abs(ours - theirs) <= SAME_MONEY * np.maximum(1.0, np.abs(theirs))))
    return int(wrong[0]) if len(wrong) else None
