"""A second account, written from docs/accounting.md alone, one bar and one number at a time.

It shares no code with `trading_env.ledger`, and knows one law more: an order decided at the close of a bar fills later.
"""

import numpy as np
from numpy.typing import NDArray

from trading_env import TradingConfig

Array = NDArray[np.float64]


def second_account(
    open_: Array, close: Array, targets: Array, rules: TradingConfig, *, bars_per_year: float
) -> tuple[Array, Array]:
    """Play one path of target exposures.

    Args:
        open_: (T,) prices.
        close: (T,) prices.
        targets: (T,) target exposures, each decided at the close of its bar.
        rules: rebalancing, ruin and costs; of `execution` only whether orders fill at the next open or the next close.
        bars_per_year: bars in a year, for interest.

    Returns:
        (T,) units held and (T,) equity at the closes, from an opening equity of 1.
    """
    account = _Account(rules, bars_per_year)
    units, equity = [0.0], [1.0]
    for t in range(len(close) - 1):
        wanted, opened, closed = float(targets[t]), float(open_[t + 1]), float(close[t + 1])
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
        bought = target * equity / price - self.units
        paid = price * (1.0 + self.move if bought > 0.0 else 1.0 - self.move)
        self.cash -= bought * paid + self.fee * abs(bought) * paid
        self.units, self.target = self.units + bought, target

    def pay_interest(self, price: float) -> None:
        short, owed = max(-self.units, 0.0) * price, max(-self.cash, 0.0)
        self.cash -= self.borrow * short + self.financing * owed
