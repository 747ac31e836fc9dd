"""A second account, written from docs/accounting.md alone, one bar and one number at a time.

It shares no code with `trading_env.ledger`, and knows one law more: an order decided at the close of a bar fills later.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_env import TradingConfig

Array = NDArray[np.float64]


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
        rules: rebalancing, ruin and costs; of `execution` only whether orders fill at the next open or the next close.
        bars_per_year: bars in a year, for interest.
        volatility: (T,) standard deviation of a bar's log return as known at its close, where a cost is made of it.
        volume: (T,) units traded, where a cost is made of it; nothing is traded in a bar that has none.

    Returns:
        (T,) units held and (T,) equity at the closes, from an opening equity of 1.
    """
    account = _Account(rules, bars_per_year)
    units, equity = [0.0], [1.0]
    for t in range(len(close) - 1):
        wanted, opened, closed = float(targets[t]), float(open_[t + 1]), float(close[t + 1])
        account.swing = 0.0 if volatility is None else float(volatility[t])
        account.volume = None if volume is None else float(volume[t + 1])
        if abs(account.units) * float(close[t]) * rules.maintenance_margin > equity[-1]:
            wanted = 0.0
        if rules.execution == "next_close":
            account.pay_interest(closed)
            account.fill(wanted, closed)
        else:
            account.fill(wanted, opened)
            account.pay_interest(closed)
        equity.append(account.mark(closed))
        units.append(account.units)
    return np.array(units), np.array(equity)


class _Account:
    def __init__(self, rules: TradingConfig, bars_per_year: float) -> None:
        costs = rules.costs
        self.cash, self.units, self.target, self.closed = 1.0, 0.0, 0.0, False
        self.every_bar, self.ruin_equity = rules.rebalance == "every_bar", rules.ruin_equity
        self.fee, self.move = costs.fee_bps / 1e4, (costs.half_spread_bps + costs.slippage_bps) / 1e4
        self.borrow = costs.borrow_bps_per_year / 1e4 / bars_per_year
        self.financing = costs.financing_bps_per_year / 1e4 / bars_per_year
        self.rules, self.swing = rules, 0.0
        self.volume: float | None = None  # of the bar of the fill

    def mark(self, price: float) -> float:
        equity = self.cash + self.units * price
        if self.closed or equity > self.ruin_equity:
            return equity
        self.cash, self.units, self.target, self.closed = max(equity, 0.0), 0.0, 0.0, True
        return self.cash

    def fill(self, target: float, price: float) -> None:
        equity = self.mark(price)
        if self.closed or (target == self.target and not self.every_bar):
            return
        bought = self.whole_lots(target * equity / price) - self.units
        small = abs(bought) * price * self.rules.capital < self.rules.min_notional
        if self.volume == 0.0 or (small and self.units + bought != 0.0):
            return
        move = self.worst_of(bought)
        paid = price * (1.0 + move if bought > 0.0 else 1.0 - move)
        self.cash -= bought * paid + self.fee * abs(bought) * paid
        self.units, self.target = self.units + bought, target

    def whole_lots(self, units: float) -> float:
        lot = self.rules.lot / self.rules.capital
        return math.trunc(units / lot * (1.0 + 1e-12)) * lot if lot else units

    def worst_of(self, bought: float) -> float:
        costs = self.rules.costs
        move = self.move + costs.slippage_per_volatility * self.swing
        if self.volume:
            percent = 100.0 * abs(bought) * self.rules.capital / self.volume
            move += costs.slippage_bps_per_volume_percent / 1e4 * percent
        return min(move, 0.99)

    def pay_interest(self, price: float) -> None:
        short, owed = max(-self.units, 0.0) * price, max(-self.cash, 0.0)
        self.cash -= self.borrow * short + self.financing * owed


def known_volatility(close: Array) -> Array:
    """Return (T,) root mean square of the last 20 log returns at the close of each bar, by pandas; 0 at the first."""
    squares = pd.Series(np.log(close)).diff() ** 2
    mean = squares.rolling(20, min_periods=1).mean().fillna(0.0)
    return np.asarray(np.sqrt(mean.to_numpy(dtype=np.float64)))
