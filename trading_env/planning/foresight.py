"""What perfect knowledge would have earned: the best run of the ledger, to measure strategies against.

A path is a bound only if nothing in the ledger earns more. Accounts drift with their price between trades, so that
what a bar earns depends on when its position was entered and on what entering cost; the search therefore carries whole
accounts, and drops one only where another is certain to end richer. Formulas and proof: docs/accounting.md, section 7.
"""

from operator import itemgetter
from typing import NamedTuple

import numpy as np

from trading_env.config import TradingConfig
from trading_env.ledger.law import Rules
from trading_env.ledger.run import Array, fill_prices
from trading_env.market import Market

SLACK = 4.0  # more costs of a trade than a detour over another level and back can save


class Account(NamedTuple):
    """One account on its way: money, units, and the trades that led here, newest first: (bar, level, those before)."""

    cash: float
    units: float
    trades: tuple[int, int, object] | None

    def worth(self, price: float) -> float:
        """Equity at a price."""
        return self.cash + self.units * price


class _Search:
    """The accounts worth keeping at each level, bar by bar."""

    def __init__(self, market: Market, config: TradingConfig) -> None:
        self.config, self.costs = config, Rules(config, market.bars_per_year)
        self.levels = [float(level) for level in config.exposures]
        close = market.close[:, 0]
        same = config.execution == "same_close"
        fills = np.append(fill_prices(market, config)[1:, 0], close[-1]) if not same else close
        self.fills, self.close = fills.tolist(), close.tolist()  # row t: where the order of row t fills
        beyond = np.append(fills[1:], close[-1])
        self.lowest = np.minimum.accumulate(np.append(beyond, close[-1])[::-1])[::-1].tolist()
        self.highest = np.maximum.accumulate(np.append(beyond, close[-1])[::-1])[::-1].tolist()
        self.rate = self.costs.per_size + self.costs.per_value
        self.free_to_leave = min(self.levels) <= 0.0 <= max(self.levels)
        self.lost = Account(0.0, 0.0, None)  # the best of those that were closed out
        opening = Account(1.0, 0.0, None)
        self.accounts = [[opening] if level == 0.0 else [] for level in self.levels]
        self.opening = [] if 0.0 in self.levels else [opening]  # it holds no level yet, and has to take one

    def best(self) -> Account:
        """Play all bars and return the account that ends richest."""
        last, late = len(self.close) - 1, self.config.execution == "next_close"
        for t in range(last):
            if late:
                self._accrue(t)
            self._mark(self.fills[t])
            self.accounts = [self._worth_keeping(t, j, self._arriving(t, j)) for j in range(len(self.levels))]
            self.opening = []
            if not late:
                self._accrue(t)
            self._mark(self.close[t + 1])
        everyone = [account for accounts in self.accounts for account in accounts]
        return max([*everyone, self.lost], key=lambda account: account.worth(self.close[-1]))

    def _arriving(self, t: int, j: int) -> list[Account]:
        """Return every account that can hold level j after the fill of row t's order."""
        arriving = []
        for i, accounts in enumerate([*self.accounts, self.opening]):
            if i == j and self.config.rebalance == "on_change":
                arriving.extend(accounts)
            else:
                arriving.extend([self._traded(t, j, account) for account in accounts])
        return arriving

    def _traded(self, t: int, j: int, account: Account) -> Account:
        """Bring an account to its level, as the ledger does; docs/accounting.md, eq. 1 to 4."""
        price, costs = self.fills[t], self.costs
        units = self.levels[j] * account.worth(price) / price
        value = (units - account.units) * price
        cost = abs(value) * costs.per_size + value * costs.per_value
        return Account(account.cash - value - cost, units, (t, j, account.trades))

    def _worth_keeping(self, t: int, j: int, accounts: list[Account]) -> list[Account]:
        """Drop every account that another of the same level beats at all prices that may count for it."""
        if len(accounts) < 2:
            return accounts
        if self.levels[j] == 0.0:
            return [max(accounts, key=lambda account: account.cash)]
        low, high = self._prices_that_count(t, accounts)
        keyed = [(account.worth(low), account.worth(high), account) for account in accounts]
        richest, most = [], -np.inf
        for _, at_high, account in sorted(
            keyed, key=itemgetter(0, 1), reverse=True
        ):  # all before it are worth at least as much at the low price
            if at_high > most:
                richest.append(account)
                most = at_high
        return richest

    def _prices_that_count(self, t: int, accounts: list[Account]) -> tuple[float, float]:
        """Bounds of the price at which an account of a best path is next traded or marked for the last time.

        A position that would lose more than a detour's cost until its next trade is not part of a best path, since the
        account could leave it now; docs/accounting.md, section 7.
        """
        price, margin = self.fills[t], SLACK * self.rate
        years = (1.0 + self.costs.financing) ** (len(self.close) - t)
        if self.config.rebalance == "every_bar":
            following = self.fills[t + 1] if t + 2 < len(self.close) else self.close[-1]
            low, high = min(following, self.close[t + 1]), max(following, self.close[t + 1])
            return low * (1.0 - margin) / (1.0 + self.costs.financing), high * (1.0 + margin + self.costs.borrow)
        low, high = self.lowest[t], self.highest[t]
        held = max((account.worth(price) / abs(account.units) for account in accounts if account.units), default=price)
        if self.free_to_leave and accounts[0].units > 0.0:
            low = max(low, price - margin * held)
        elif self.free_to_leave:
            high = min(high, price + margin * held)
        return max(low, 0.0) * (1.0 - margin) / years, high * (1.0 + margin)

    def _accrue(self, t: int) -> None:
        costs, price = self.costs, self.close[t + 1]
        if not costs.borrow and not costs.financing:
            return

        def charged(account: Account) -> Account:
            interest = max(-account.units, 0.0) * price * costs.borrow + max(-account.cash, 0.0) * costs.financing
            return account._replace(cash=account.cash - interest) if interest else account

        self.accounts = [[charged(account) for account in accounts] for accounts in self.accounts]

    def _mark(self, price: float) -> None:
        """Close out the ruined, as the ledger does, eq. 7."""
        floor = self.config.ruin_equity
        for j, accounts in enumerate(self.accounts):
            worth = [account.worth(price) for account in accounts]
            if worth and min(worth) <= floor:
                ruined = [
                    Account(max(w, 0.0), 0.0, a.trades) for w, a in zip(worth, accounts, strict=True) if w <= floor
                ]
                self.lost = max([self.lost, *ruined], key=lambda account: account.cash)
                self.accounts[j] = [a for w, a in zip(worth, accounts, strict=True) if w > floor]


def not_bounded(market: Market, config: TradingConfig) -> tuple[str, ...]:
    """Return what money depends on here and `perfect_foresight` does not know, by name; none where it is a bound."""
    rules = {
        "maintenance_margin": config.maintenance_margin,
        "lot": config.lot,
        "min_notional": config.min_notional,
        "slippage_per_volatility": config.costs.slippage_per_volatility,
        "slippage_bps_per_volume_percent": config.costs.slippage_bps_per_volume_percent,
    }
    events = {name: getattr(market, name) is not None for name in ("dividends", "splits", "funding")}
    events["missing"] = market.tradable is not None
    return tuple(name for name, there in {**rules, **events}.items() if there)


def perfect_foresight(market: Market, config: TradingConfig) -> Array:
    """Return the target exposures of a trader who knows every price of the market in advance.

    No path of the levels `config.exposures` ends richer in the ledger: with drift, costs, interest and ruin. Where
    `not_bounded` names something it is a plan that does not know of that, and no bound.

    Args:
        market: T bars of one asset.
        config: levels, execution and costs.

    Returns:
        (T, 1) targets for `run_ledger`.

    Raises:
        ValueError: the market has more than one asset.
    """
    if market.close.shape[1] != 1:
        raise ValueError(f"perfect foresight plans one asset, the market has {market.close.shape[1]}")
    search = _Search(market, config)
    trades: object = search.best().trades
    path = np.full(len(market), search.levels.index(0.0) if 0.0 in search.levels else 0)
    stop = len(market)
    while isinstance(trades, tuple):
        bar, level, trades = trades
        path[bar:stop], stop = level, bar
    levels: Array = np.asarray(config.exposures, dtype=np.float64)[path]
    return levels[:, None]
