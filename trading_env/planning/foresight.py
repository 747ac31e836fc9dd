"""What perfect knowledge would have earned: the best run of the ledger, to measure strategies against.

A path is a bound only if nothing in the ledger earns more. Accounts drift with their price between trades, so that
what a bar earns depends on when its position was entered and on what entering cost; the search therefore carries whole
accounts, and drops one only where another is certain to end richer. Formulas and proof: docs/accounting.md, section 8.
"""

from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from trading_env.config import TradingConfig
from trading_env.ledger.rules import EXACT, Rules
from trading_env.ledger.run import Array, fill_prices
from trading_env.market import Market

SLACK = 4.0  # more costs of a trade than a detour over another level and back can save
DEAR = 0.01  # cost of a trade, a fraction of its value, from which on a best path holds through many cuts
FEW_BARS = 250  # over which every account that might win is kept, whatever its number
NEAR = 64  # bars that are searched one by one for a price that no best path holds on to: mostly it is among them


class PriceSpan(NamedTuple):
    """Prices that count for accounts of one level: of their next trade, and of the closes before it."""

    low: float
    high: float
    low_mark: float
    high_mark: float


class Account(NamedTuple):
    """One account on its way: money, units, and the trades that led here, newest first: (bar, level, those before).

    `beyond` says whether it stood beyond the leverage cap at the last close.
    """

    cash: float
    units: float
    trades: tuple[int, int, object] | None
    beyond: bool = False

    def worth(self, price: float) -> float:
        """Equity at a price."""
        return self.cash + self.units * price


class _Search:
    """The accounts worth keeping at each level, bar by bar."""

    def __init__(self, market: Market, config: TradingConfig) -> None:
        self.config, self.costs = config, Rules(config, market.bars_per_year, None)
        self.levels = [float(level) for level in config.exposures]
        self.cuts = config.maintenance and config.rebalance == "on_change"
        self.bounds_cuts = self.cuts and not _cut_too_often(market, config)
        close = market.close[:, 0]
        same = config.execution == "same_close"
        fills = np.append(fill_prices(market, config)[1:, 0], close[-1]) if not same else close
        self.fills, self.close = fills.tolist(), close.tolist()  # row t: where the order of row t fills
        self.fill_array, self.close_array = fills, close
        self.rate = self.costs.per_size + self.costs.per_value
        self.free_to_leave = _free_to_leave(config)
        self.lost = Account(0.0, 0.0, None)  # the best of those that were closed out
        opening = Account(1.0, 0.0, None)
        self.accounts = [[opening] if level == 0.0 else [] for level in self.levels]
        self.opening = [] if 0.0 in self.levels else [opening]  # it holds no level yet, and has to take one

    def best(self) -> Account:
        """Play all bars and return the account that ends richest."""
        last, late = len(self.close) - 1, self.config.execution == "next_close"
        for t in range(last):
            if self.cuts:
                self._look(self.close[t])
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
                arriving.extend([self._cut(t, account) if account.beyond else account for account in accounts])
            else:
                arriving.extend([self._traded(t, j, account) for account in accounts])
        return arriving

    def _traded(self, t: int, j: int, account: Account) -> Account:
        """Bring an account to its level, as the ledger does; docs/accounting.md, eq. 1 to 4."""
        units = self.levels[j] * account.worth(self.fills[t]) / self.fills[t]
        return self._with_units(t, account, units)._replace(trades=(t, j, account.trades))

    def _cut(self, t: int, account: Account) -> Account:
        """Cut an account to the leverage cap, where its fill still finds it beyond; docs/accounting.md, eq. 18."""
        gross, room = abs(account.units) * self.fills[t], account.worth(self.fills[t]) * self.costs.cap
        return self._with_units(t, account, account.units * (room / gross)) if gross > room * EXACT else account

    def _with_units(self, t: int, account: Account, units: float) -> Account:
        value = (units - account.units) * self.fills[t]
        cost = abs(value) * self.costs.per_size + value * self.costs.per_value
        return Account(account.cash - value - cost, units, account.trades)

    def _look(self, close: float) -> None:
        """Mark who is beyond the leverage cap at a close; eq. 17."""
        for j, accounts in enumerate(self.accounts):
            beyond = [abs(a.units) * close > self.costs.limit * a.worth(close) for a in accounts]
            if any(beyond):
                self.accounts[j] = [a._replace(beyond=b) for a, b in zip(accounts, beyond, strict=True)]

    def _worth_keeping(self, t: int, j: int, accounts: list[Account]) -> list[Account]:
        """Drop every account that another of the same level is certain to beat at all prices that may count for it."""
        if len(accounts) < 2:
            return accounts
        if self.levels[j] == 0.0:
            return [max(accounts, key=lambda account: account.cash)]
        span = self._prices_that_count(t, accounts)
        keyed = [(*self._worth_between(account, span), account) for account in accounts]
        kept: list[tuple[float, float]] = []  # the least that they will be worth, at the low and at the high price
        richest = []
        for most_low, most_high, least_low, least_high, account in sorted(keyed, key=itemgetter(0, 1), reverse=True):
            if not any(at_low >= most_low and at_high >= most_high for at_low, at_high in kept):
                richest.append(account)
                kept.append((least_low, least_high))
        return richest

    def _worth_between(self, account: Account, span: PriceSpan) -> tuple[float, float, float, float]:
        """Return what an account is worth at most, at a low and at a high price, and what at least, after any cuts.

        Without cuts both are m + q P. docs/accounting.md, section 8.
        """
        low, high, size, cap = span.low, span.high, abs(account.units), self.costs.cap
        at_low, at_high = account.worth(low), account.worth(high)
        seen = max(size * mark - self.costs.limit * account.worth(mark) for mark in (span.low_mark, span.high_mark))
        over_low, over_high = size * low - cap * at_low, size * high - cap * at_high
        if not self.bounds_cuts or seen <= 0.0 or max(over_low, over_high) <= 0.0:
            return at_low, at_high, at_low, at_high
        worst, other, over, under = (
            (high, low, over_high, over_low) if over_high > over_low else (low, high, over_low, over_high)
        )
        first = other if under >= 0.0 else other + (worst - other) * under / (under - over)  # price of the first cut
        left = cap * max(min(at_low, at_high) - self.rate * size * high, 0.0) / worst  # units, at least
        cut, side = max(size - left, 0.0), 1.0 if account.units > 0.0 else -1.0
        cost = cut * self.rate * max(first, worst)
        ends = []
        for price, worth in ((low, at_low), (high, at_high)):
            saved = [side * (sold - price) for sold in (first, worst)]  # by a unit that was cut
            ends.append((worth + cut * max(*saved, 0.0), worth + cut * min(*saved, 0.0) - cost))
        return ends[0][0], ends[1][0], ends[0][1], ends[1][1]

    def _prices_that_count(self, t: int, accounts: list[Account]) -> PriceSpan:
        """Bounds of the prices at which an account of a best path is next traded or marked for the last time.

        A position that would lose more than a detour's cost until its next trade is not part of a best path, since the
        account could leave it now; docs/accounting.md, section 8.
        """
        price, margin, last = (
            self.fills[t],
            max(SLACK, 2.0 * max(map(abs, self.levels))) * self.rate,
            len(self.close) - 1,
        )
        if self.config.rebalance == "every_bar":
            following = self.fills[t + 1] if t + 1 < last else self.close[-1]
            low, high = min(following, self.close[t + 1]), max(following, self.close[t + 1])
            grown = 1.0 + margin + self.costs.borrow
            return PriceSpan(low * (1.0 - margin) / (1.0 + self.costs.financing), high * grown, low, high)
        least, most, until = 0.0, np.inf, last
        if self.free_to_leave:
            held = max(
                (account.worth(price) / abs(account.units) for account in accounts if account.units), default=price
            )
            if self.cuts:  # who is cut on the way loses less, and so may hold on for longer
                held *= 1.0 + 2.0 * margin * (1.0 + self.costs.cap)
            if accounts[0].units > 0.0:
                least = price - margin * held
            else:
                most = price + margin * held
            until = self._until(t + 1, least, most)
        bars = until - t
        owed, lent = (1.0 + self.costs.financing) ** bars, (1.0 + self.costs.borrow) ** bars
        low, high = self._bounds(self.fills, self.fill_array, t + 1, until)
        if until == last:
            low, high = min(low, self.close[-1]), max(high, self.close[-1])
        low_mark, high_mark = self._bounds(self.close, self.close_array, t + 1, max(until, t + 2))
        return PriceSpan(
            max(min(low, price), least, 0.0) * (1.0 - margin) / owed,
            min(max(high, price) * lent, most) * (1.0 + margin),
            low_mark / owed,
            high_mark * lent,
        )

    @staticmethod
    def _bounds(prices: list[float], array: Array, start: int, stop: int) -> tuple[float, float]:
        """Return the least and the greatest of some prices; no more than infinities where there are none."""
        if stop <= start:
            return np.inf, -np.inf
        if stop - start <= NEAR:  # a call of NumPy would cost more
            some = prices[start:stop]
            return min(some), max(some)
        return float(array[start:stop].min()), float(array[start:stop].max())

    def _until(self, start: int, least: float, most: float) -> int:
        """Return the first row from `start` on whose order fills outside two prices, or the last row."""
        last = len(self.close) - 1
        near = min(start + NEAR, last)
        for row in range(start, near):
            if not least <= self.fills[row] <= most:
                return row
        start, width = near, 2 * NEAR
        while start < last:
            fills = self.fill_array[start : min(start + width, last)]
            outside = (fills < least) | (fills > most)
            if outside.any():
                return start + int(outside.argmax())
            start, width = start + width, 2 * width
        return last

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


def _free_to_leave(config: TradingConfig) -> bool:
    return min(config.exposures) <= 0.0 <= max(config.exposures)


def _cut_too_often(market: Market, config: TradingConfig) -> bool:
    """Whether a best path may hold a position through cut after cut, so that too many accounts might still win.

    It does where it cannot leave, or where leaving is dear; over few bars even that can be searched.
    """
    if not config.maintenance or config.rebalance == "every_bar" or len(market) <= FEW_BARS:
        return False
    rules = Rules(config, market.bars_per_year, None)
    drifts = min(config.exposures) < 0.0 or max(config.exposures) > 1.0 or config.leverage_cap < 1.0
    return drifts and (not _free_to_leave(config) or rules.per_size + rules.per_value > DEAR)


def not_bounded(market: Market, config: TradingConfig) -> tuple[str, ...]:
    """Return what money depends on here and `perfect_foresight` does not know, by name; none where it is a bound."""
    rules: dict[str, Any] = {
        "maintenance": _cut_too_often(market, config),
        "maintenance_margin": config.maintenance_margin,
        "lot": config.lot and market.lots is None,
        "lots": market.lots is not None and bool(market.lots.any()),
        "min_notional": config.min_notional,
        "slippage_per_volatility": config.costs.slippage_per_volatility,
        "volume_cap": config.volume_cap,
        "slippage_bps_per_volume_percent": config.costs.slippage_bps_per_volume_percent,
    }
    events = {name: getattr(market, name) is not None for name in ("dividends", "splits", "funding", "borrow")}
    events["delisted"] = market.delisted is not None and bool(market.delisted.any())
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
