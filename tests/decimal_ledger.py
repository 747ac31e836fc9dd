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

    def whole_lots(self, a, units):
        lot = exact(self.config.lot if self.market.lots is None else self.market.lots[a]) / exact(self.config.capital)
        return Decimal(int(units / lot * exact(1.0 + 1e-12))) * lot if lot else units

    def of_volume(self, a, wanted, fill_row):
        """What the volume cap leaves of the units an order wants."""
        if self.config.volume_cap is None:
            return wanted
        most = exact(self.config.volume_cap) * exact(self.market.volume[fill_row, a]) / exact(self.config.capital)
        most = self.whole_lots(a, most)
        return wanted if abs(wanted) <= most * exact(1.0 + 1e-12) else most.copy_sign(wanted)

    def in_room(self, asked, goal, bought, prices, equity):
        """What is bought where something that was to become smaller is still held, and with it the room of others."""
        if not self.config.maintenance or len(self.assets) == 1:
            return bought
        cap, prices = exact(self.config.leverage_cap), [exact(price) for price in prices]
        after = [self.units[a] + bought[a] for a in self.assets]
        stuck = any(asked[a] and abs(after[a]) > abs(goal[a]) * exact(1.0 + 1e-6) for a in self.assets)
        gross = sum(abs(after[a]) * prices[a] for a in self.assets)
        if not stuck or gross <= exact(1.01) * cap * equity:
            return bought
        growth = [max(abs(after[a]) - abs(self.units[a]), ZERO) * prices[a] for a in self.assets]
        room = max(cap * equity - (gross - sum(growth)), ZERO)
        if sum(growth) <= room:
            return bought
        limited = []
        for a in self.assets:
            if growth[a] == 0:
                limited.append(bought[a])
                continue
            size = abs(self.units[a]) + growth[a] / prices[a] * room / sum(growth)
            limited.append(self.whole_lots(a, size.copy_sign(after[a]) - self.units[a]))
        return limited

    def fill(self, targets, beyond, prices, row, fill_row):
        equity = self.settle(prices)
        if self.closed:
            return
        asked = [self.asks(a, targets) for a in self.assets]
        can = [self.trades(a, fill_row) for a in self.assets]
        goal = [targets[a] * equity / exact(prices[a]) if asked[a] else self.units[a] for a in self.assets]
        possible = [goal[a] if can[a] else self.units[a] for a in self.assets]
        share = self.share(possible, prices, fill_row, equity) if beyond else None
        if share is not None:
            goal = [possible[a] * share if can[a] else goal[a] for a in self.assets]
            asked = [asked[a] or (can[a] and possible[a] != 0) for a in self.assets]
        goal = [self.whole_lots(a, goal[a]) if asked[a] else goal[a] for a in self.assets]
        least, wanted = exact(self.config.min_notional) / exact(self.config.capital), []
        for a in self.assets:
            gap = goal[a] - self.units[a]
            small = abs(gap) * exact(prices[a]) < least and goal[a] != 0
            wanted.append(gap if asked[a] and can[a] and not small else None)
        bought = [ZERO if wanted[a] is None else self.of_volume(a, wanted[a], fill_row) for a in self.assets]
        bought = self.in_room(asked, goal, bought, prices, equity)
        for a in self.assets:
            if wanted[a] is not None:
                self.buy(a, bought[a], exact(prices[a]), row, fill_row)
                if bought[a] == wanted[a]:
                    self.held[a] = targets[a]
                else:
                    self.held[a] += (targets[a] - self.held[a]) * bought[a] / wanted[a]

    def buy(self, a, bought, price, row, fill_row):
        slip = self.slippage(a, bought, row, fill_row) if bought else ZERO
        move = self.rate["half_spread_bps"] + slip
        paid = price * (1 + move) if bought > 0 else price * (1 - move)
        self.cash -= bought * paid + self.rate["fee_bps"] * abs(bought) * paid
        self.units[a] += bought

    def night(self, row):
        for a in self.assets:
            if self.market.splits is not None:
                self.units[a] *= exact(self.market.splits[row, a])
            if self.market.dividends is not None:
                self.cash += self.units[a] * exact(self.market.dividends[row, a])
            if self.market.delisted is not None and self.market.delisted[row, a]:
                last = exact(self.market.open[row, a]) * (1 - exact(self.config.delisting_loss))
                self.cash += self.units[a] * last
                self.units[a], self.held[a] = ZERO, ZERO

    def accrue(self, row):
        prices, borrow = self.market.close[row], ZERO
        for a in self.assets:
            rate = self.rate["borrow_bps_per_year"]
            if self.market.borrow is not None:
                rate = exact(self.market.borrow[row, a]) / 10_000
            borrow += max(-self.units[a], ZERO) * exact(prices[a]) * rate / self.year
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
