"""The law of money written a second time: one account, Decimal, one asset after the other, one bar after the other."""

from decimal import Decimal, getcontext

import numpy as np

getcontext().prec = 50
ZERO = Decimal(0)


def exact(value):
    return Decimal(float(value))


class DecimalAccount:
    """Everything docs/accounting.md says of an account, and nothing of how `trading_env` calculates it."""

    def __init__(self, market, config):
        self.market, self.config = market, config
        self.rate = {name: exact(value) / 10_000 for name, value in vars(config.costs).items()}
        self.year = exact(market.bars_per_year)
        self.assets = range(market.close.shape[1])
        self.cash, self.equity, self.closed = Decimal(1), Decimal(1), False
        self.units = [ZERO for _ in self.assets]
        self.held = [ZERO for _ in self.assets]

    def worth(self, prices):
        return self.cash + sum(self.units[a] * exact(prices[a]) for a in self.assets)

    def settle(self, prices):
        equity = self.worth(prices)
        if not self.closed and equity <= exact(self.config.ruin_equity):
            self.cash, self.closed = max(equity, ZERO), True
            self.units, self.held = [ZERO for _ in self.assets], [ZERO for _ in self.assets]
        return self.cash if self.closed else equity

    def slippage(self, asset, bought, row, fill_row):
        rate, costs = self.rate["slippage_bps"], self.config.costs
        if costs.slippage_per_volatility:
            rate += exact(costs.slippage_per_volatility) * exact(self.market.volatility[row, asset])
        if costs.slippage_bps_per_volume_percent:
            percent = 100 * abs(bought) * exact(self.config.capital) / exact(self.market.volume[fill_row, asset])
            rate += self.rate["slippage_bps_per_volume_percent"] * percent
        return min(rate, exact(0.99) - self.rate["half_spread_bps"])

    def trades(self, a, row):
        volume, missing = self.market.volume, self.market.missing
        return not (missing is not None and missing[row, a]) and not (volume is not None and volume[row, a] == 0)

    def asks(self, a, targets):
        return self.config.rebalance == "every_bar" or targets[a] != self.held[a]

    def beyond(self, row, targets):
        """Whether what is held at the close, or would be after the orders, is more than 1 % over the cap."""
        if not self.config.maintenance or self.closed:
            return False
        values = [abs(self.units[a]) * exact(self.market.close[row, a]) for a in self.assets]
        after = [abs(targets[a]) * self.equity if self.asks(a, targets) else values[a] for a in self.assets]
        most = exact(self.config.leverage_cap) * exact(1.01) * self.equity
        return sum(values) > most or sum(after) > most

    def share(self, wanted, prices, fill_row, equity):
        """By how much all that trades is cut to the cap."""
        value = [abs(wanted[a]) * exact(prices[a]) for a in self.assets]
        stuck = sum(value[a] for a in self.assets if not self.trades(a, fill_row))
        room = max(exact(self.config.leverage_cap) * equity - stuck, ZERO)
        gross = sum(value) - stuck
        return room / gross if gross > room * exact(1.0 + 1e-6) else None

    def fill(self, targets, beyond, prices, row, fill_row):
        equity = self.settle(prices)
        if self.closed:
            return
        moving = [self.asks(a, targets) and self.trades(a, fill_row) for a in self.assets]
        goal = [targets[a] * equity / exact(prices[a]) if moving[a] else self.units[a] for a in self.assets]
        share = self.share(goal, prices, fill_row, equity) if beyond else None
        for a in self.assets:
            price, target, wanted = exact(prices[a]), targets[a], goal[a]
            if share is not None and self.trades(a, fill_row):
                wanted *= share
            elif not moving[a]:
                continue
            if self.config.lot:
                lot = exact(self.config.lot) / exact(self.config.capital)
                wanted = Decimal(int(wanted / lot * exact(1.0 + 1e-12))) * lot
            bought = wanted - self.units[a]
            least = exact(self.config.min_notional) / exact(self.config.capital)
            if abs(bought) * price < least and wanted != 0:
                continue
            slip = self.slippage(a, bought, row, fill_row) if bought else ZERO
            move = self.rate["half_spread_bps"] + slip
            paid = price * (1 + move) if bought > 0 else price * (1 - move)
            self.cash -= bought * paid + self.rate["fee_bps"] * abs(bought) * paid
            self.units[a] = wanted
            self.held[a] = target if moving[a] else self.held[a]

    def night(self, row):
        for a in self.assets:
            if self.market.splits is not None:
                self.units[a] *= exact(self.market.splits[row, a])
            if self.market.dividends is not None:
                self.cash += self.units[a] * exact(self.market.dividends[row, a])

    def accrue(self, row):
        prices = self.market.close[row]
        short = sum(max(-self.units[a], ZERO) * exact(prices[a]) for a in self.assets)
        borrow = short * self.rate["borrow_bps_per_year"] / self.year
        financing = max(-self.cash, ZERO) * self.rate["financing_bps_per_year"] / self.year
        funding = ZERO
        if self.market.funding is not None:
            funding = sum(self.units[a] * exact(prices[a]) * exact(self.market.funding[row, a]) for a in self.assets)
        self.cash -= borrow + financing + funding

    def called(self, row):
        gross = sum(abs(self.units[a]) * exact(self.market.close[row, a]) for a in self.assets)
        return not self.closed and self.equity < exact(self.config.maintenance_margin) * gross

    def live(self, row, targets):
        """One bar: from the close of `row` to the next."""
        after, execution = row + 1, self.config.execution
        targets = [ZERO if self.called(row) else exact(targets[a]) for a in self.assets]
        beyond = self.beyond(row, targets)
        if execution == "same_close":
            self.fill(targets, beyond, self.market.close[row], row, row)
        self.night(after)
        if execution == "next_open":
            self.fill(targets, beyond, self.market.open[after], row, after)
        self.accrue(after)
        if execution == "next_close":
            self.fill(targets, beyond, self.market.close[after], row, after)
        self.equity = self.settle(self.market.close[after])


def decimal_equity(market, targets, config):
    """(T,) equity of (T, A) targets."""
    account = DecimalAccount(market, config)
    path = [1.0]
    for row in range(len(market) - 1):
        account.live(row, targets[row])
        path.append(float(account.equity))
    return np.array(path)
