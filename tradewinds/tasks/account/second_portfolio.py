"""A second account of several assets, written from docs/accounting.md alone, one bar at a time.

It shares no code with `trading_env.ledger.law`, and knows one law more: an order decided at the close of a bar fills
later.
"""

import numpy as np
from numpy.typing import NDArray

from trading_env import Market, TradingConfig

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
WORST_MOVE = 0.99  # of the price: nothing costs more to trade than it is worth
NEARLY = 1.0 + 1e-12  # a lot that is whole but for rounding is whole
OVER, ROUNDING = 1.01, 1e-6  # times the leverage cap: beyond it; and what of it is none


def second_portfolio(market: Market, targets: Array, rules: TradingConfig) -> tuple[Array, Array]:
    """Play one path of target exposures.

    Args:
        market: T bars of A assets; of its features nothing is read.
        targets: (T, A) exposures, each row decided at the close of its bar.
        rules: rebalancing, margin, caps, ruin, lots and costs; of `execution` only whether orders fill at the next open
            or the next close.

    Returns:
        (T, A) units held and (T,) equity at the closes, from an opening equity of 1.
    """
    account = _Portfolio(market, rules)
    units, equity = [np.zeros(targets.shape[1])], [1.0]
    for t in range(len(market) - 1):
        wanted = targets[t]
        if not account.closed and equity[-1] < rules.maintenance_margin * (np.abs(account.units) @ market.close[t]):
            wanted = np.zeros_like(wanted)
        account.look(wanted, market.close[t])
        account.spend_the_night(t + 1)
        if rules.execution == "next_close":
            account.pay_interest(t + 1)
            account.fill(wanted, market.close[t + 1], t + 1)
        else:
            account.fill(wanted, market.open[t + 1], t + 1)
            account.pay_interest(t + 1)
        equity.append(account.mark(market.close[t + 1]))
        units.append(account.units.copy())
    return np.array(units), np.array(equity)


class _Portfolio:
    def __init__(self, market: Market, rules: TradingConfig) -> None:
        size = market.close.shape[1]
        self.market, self.rules, self.costs = market, rules, rules.costs
        self.cash, self.units, self.target = 1.0, np.zeros(size), np.zeros(size)
        self.closed = self.beyond = False
        self.lots = np.full(size, rules.lot) if market.lots is None else market.lots
        shares = np.full(market.close.shape, rules.costs.borrow_bps_per_year)
        self.borrow = (shares if market.borrow is None else market.borrow) / 1e4 / market.bars_per_year
        self.financing = rules.costs.financing_bps_per_year / 1e4 / market.bars_per_year

    def mark(self, price: Array) -> float:
        equity = self.cash + float(self.units @ price)
        if self.closed or equity > self.rules.ruin_equity:
            return equity
        self.cash, self.closed = max(equity, 0.0), True
        self.units, self.target = np.zeros_like(self.units), np.zeros_like(self.target)
        return self.cash

    def _asks(self, wanted: Array) -> Flags:
        return wanted != self.target if self.rules.rebalance == "on_change" else np.ones(len(wanted), dtype=bool)

    def look(self, wanted: Array, close: Array) -> None:
        """Note whether more is held at a close, or ordered there, than the cap allows."""
        held = np.abs(self.units) * close
        equity = self.cash + float(self.units @ close)
        ordered = np.where(self._asks(wanted), np.abs(wanted) * equity, held)
        most = OVER * self.rules.leverage_cap * equity
        self.beyond = self.rules.maintenance and max(float(held.sum()), float(ordered.sum())) > most

    def spend_the_night(self, row: int) -> None:
        """Split, pay dividends, and pay out what is gone for good."""
        market = self.market
        if market.splits is not None:
            self.units = self.units * market.splits[row]
        if market.dividends is not None:
            self.cash += float(self.units @ market.dividends[row])
        if market.delisted is not None and market.delisted[row].any():
            gone = market.delisted[row]
            mark = market.close[row - 1] if market.splits is None else market.close[row - 1] / market.splits[row]
            self.cash += float(self.units[gone] @ mark[gone]) * (1.0 - self.rules.delisting_loss)
            self.units, self.target = np.where(gone, 0.0, self.units), np.where(gone, 0.0, self.target)

    def fill(self, wanted: Array, price: Array, row: int) -> None:
        equity = self.mark(price)
        if self.closed:
            return
        free = np.ones(len(wanted), dtype=bool) if self.market.tradable is None else self.market.tradable[row]
        asks, goal = self._cut(self._asks(wanted), wanted * equity / price, free, equity, price)
        goal = self._in_lots(goal)
        small = (goal != 0.0) & (np.abs(goal - self.units) * price * self.rules.capital < self.rules.min_notional)
        ordered = np.where(asks & free & ~small, goal - self.units, 0.0)
        bought = self._with_room(asks, goal, self._within_volume(ordered, row), equity, price)
        move = np.minimum(self.costs.half_spread_bps / 1e4 + self._slippage(bought, row), WORST_MOVE)
        paid = price * np.where(bought > 0.0, 1.0 + move, 1.0 - move)
        self.cash -= float(bought @ paid) + self.costs.fee_bps / 1e4 * float(np.abs(bought) @ paid)
        share = np.divide(bought, ordered, out=np.ones_like(bought), where=ordered != 0.0)
        came = np.where(share == 1.0, wanted, self.target + (wanted - self.target) * share)
        self.units, self.target = self.units + bought, np.where(asks & free & ~small, came, self.target)

    def _in_lots(self, units: Array) -> Array:
        whole = self.lots / self.rules.capital
        counted = np.divide(units, whole, out=np.zeros_like(units), where=whole > 0.0)
        return np.where(whole > 0.0, np.trunc(counted * NEARLY) * whole, units)

    def _within_volume(self, ordered: Array, row: int) -> Array:
        if not self.rules.volume_cap or self.market.volume is None:
            return ordered
        traded = np.where(self.market.volume[row] > 0.0, self.market.volume[row], 1.0)
        most = self._in_lots(self.rules.volume_cap * traded / self.rules.capital)
        return np.where(np.abs(ordered) <= most * NEARLY, ordered, np.clip(ordered, -most, most))

    def _with_room(self, asks: Flags, goal: Array, bought: Array, equity: float, price: Array) -> Array:
        """Let what grows wait where what was to shrink could not, and more would be held than the cap allows."""
        if not self.rules.maintenance:
            return bought
        after = self.units + bought
        held, gross = np.abs(after) * price, float((np.abs(after) * price).sum())
        stuck = (asks & (np.abs(after) > np.abs(goal) * (1.0 + ROUNDING))).any()
        if not stuck or gross <= OVER * self.rules.leverage_cap * equity:
            return bought
        growth = np.maximum(held - np.abs(self.units) * price, 0.0)
        room = max(self.rules.leverage_cap * equity - (gross - float(growth.sum())), 0.0)
        if float(growth.sum()) <= room:
            return bought
        waits = 1.0 - room / float(growth.sum())
        fewer = after * (1.0 - waits * np.divide(growth, held, out=np.zeros_like(held), where=growth > 0.0))
        return np.where(growth > 0.0, self._in_lots(fewer - self.units), bought)

    def _cut(self, asks: Flags, goal: Array, free: Flags, equity: float, price: Array) -> tuple[Flags, Array]:
        """Scale what trades so that all together stays within the cap, where it was found beyond it."""
        kept = np.where(asks & free, goal, self.units)
        value = np.abs(kept) * price
        room = max(self.rules.leverage_cap * equity - float(value[~free].sum()), 0.0)
        gross = float(value[free].sum())
        if not self.beyond or gross <= room * (1.0 + ROUNDING):
            return asks, goal
        smaller = free & (value > 0.0)
        return asks | smaller, np.where(smaller, kept * (room / gross), goal)

    def _slippage(self, bought: Array, row: int) -> Array:
        rate = np.full(len(bought), self.costs.slippage_bps / 1e4)
        if self.costs.slippage_per_volatility and self.market.volatility is not None:
            rate += self.costs.slippage_per_volatility * self.market.volatility[row - 1]
        if self.costs.slippage_bps_per_volume_percent and self.market.volume is not None:
            volume = np.where(self.market.volume[row] > 0.0, self.market.volume[row], 1.0)
            percent = 100.0 * np.abs(bought) * self.rules.capital / volume
            rate += self.costs.slippage_bps_per_volume_percent / 1e4 * percent
        return rate

    def pay_interest(self, row: int) -> None:
        price = self.market.close[row]
        short = np.maximum(-self.units, 0.0) * price
        self.cash -= float(short @ self.borrow[row]) + self.financing * max(-self.cash, 0.0)
