"""Runs of weights that every fill restores, through the ledger: no bar after the other, but a few passes over all.

Where every fill brings all assets to their targets, what an account holds is known but for its equity, and what the
next fill trades depends on the fill before only by what that cost: a contraction by the cost of a unit of turnover. So
the costs of all bars are guessed free, and reckoned again from the exposures that they leave, until none changes;
equity is then a running product. A million bars take milliseconds, block by block in the processor's cache. The law is
that of `ledger`; sums are taken in another order, so that both agree to rounding and not to the last bit. Formulas:
docs/accounting.md, eq. 24.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.columns import LedgerColumns
from trading_env.ledger.rules import Rules
from trading_env.ledger.run import checked_targets, fill_prices
from trading_env.market import Market

Array = NDArray[np.float64]
BLOCK = 1 << 13  # weights at once: a handful of columns of them fit in a processor's second cache
LEAST = 1e-12  # of equity that a bar leaves: less is ruin, and the bars after it are nobody's business


@dataclass(frozen=True, eq=False)
class WeightRun:
    """What one account did over T bars; row t is the state at the close of bar t, row 0 the opening.

    Attributes:
        equity: (T,) in units of the opening equity.
        cash: (T,) same units.
        paid: (T,) fee, spread, slippage, borrow and financing of the bar that ends at t, same units.
        turnover: (T,) notional traded in the bar that ends at t, as a fraction of equity at the fill.
        ruined_at: the bar at whose close the account was closed out, or None.
    """

    equity: Array
    cash: Array
    paid: Array
    turnover: Array
    ruined_at: int | None


def run_weights(market: Market, targets: Array, config: TradingConfig) -> WeightRun:
    """Play target exposures of which every fill restores all through the ledger.

    Args:
        market: T bars of A assets.
        targets: (T, A) exposures, as decided at the close of bar t; the last row is filled by no bar. With
            `rebalance: on_change` each must differ from the one before, or be 0 again.
        config: rules and costs.

    Returns:
        The record of the account.

    Raises:
        ValueError: `targets` does not fit the market, is not finite or exceeds a cap, or leaves a position as it was;
            the market or the rules hold what passes over all bars do not know (`run_ledger` does).
    """
    if np.ndim(targets) != 2:
        raise ValueError(f"targets must be (T, A), was {np.shape(targets)}; run_ledger plays several accounts")
    orders = checked_targets(market, targets, config)[:-1, 0]  # row k: filled in bar k + 1
    rules = Rules(config, market.bars_per_year, market.lots)
    _check(market, orders, config, rules)
    return _Passes(market, orders, config, rules).run()


def _check(market: Market, orders: Array, config: TradingConfig, rules: Rules) -> None:
    plain = LedgerColumns(market, config).plain
    if not (plain and rules.common):
        raise ValueError("a run of weights knows constant cost rates and a market without events; use run_ledger")
    if rules.on_change:
        held = np.argwhere((orders[1:] == orders[:-1]) & (orders[1:] != 0.0))
        if len(held):
            row, asset = held[0] + (1, 0)
            law = "targets must change at every bar, or every fill restore them (rebalance=every_bar)"
            raise ValueError(f"{law}, asset {asset} was held at row {row}; use run_ledger")


class _Block(NamedTuple):
    """K bars, told as fractions of the equity at each fill.

    Attributes:
        orders: (K, A) exposures after the fill.
        carried: (K, A) what was held before it, as a fraction of the equity at the fill before.
        gross: (K,) sum of the exposures after the fill, negative ones are so much less.
        net: (K,) the same before it, as a fraction of the equity at the fill before.
        gain: (K,) growth until the next fill, before the costs of this one and financing.
        borrow: (K,) interest on what is short.
    """

    orders: Array
    carried: Array
    gross: Array
    net: Array
    gain: Array
    borrow: Array


class _Passes:
    """The passes over one run, block by block."""

    def __init__(self, market: Market, orders: Array, config: TradingConfig, rules: Rules) -> None:
        self.orders, self.rules = orders, rules
        self.fills, self.close = fill_prices(market, config)[1:], market.close[1:]
        self.ones = np.ones(orders.shape[1])
        self.equity, self.cash, self.paid, self.turnover = np.zeros((4, len(orders) + 1))
        self.equity[0] = self.cash[0] = 1.0
        self.base = np.ones(len(orders) + 1)  # equity at the fill of each bar
        self.due = np.zeros(len(orders) + 1)  # interest paid before the fill

    def run(self) -> WeightRun:
        """Go through all blocks, and end at a ruin."""
        rows = max(BLOCK // self.orders.shape[1], 1)
        carried, ratio, owed = np.zeros(self.orders.shape[1]), 1.0, 0.0
        for start in range(0, len(self.orders), rows):
            part = slice(start, min(start + rows, len(self.orders)))
            block, carried = self._block(part, carried)
            cost, notional, ratios, financing = self._settled(block, ratio)
            interest = block.borrow + financing
            self._write(part, block, (cost, notional), interest, np.append(ratio, ratios[:-1]), owed)
            ratio, owed = float(ratios[-1]), float(interest[-1])
        return self._ended()

    def _total(self, values: Array) -> Array:
        return values[:, 0] if values.shape[1] == 1 else values @ self.ones

    def _block(self, part: slice, carried: Array) -> tuple[_Block, Array]:
        """Return what is known of some bars before any cost, and what their last fill carries to the next."""
        orders, fills, close = self.orders[part], self.fills[part], self.close[part]
        following = self.fills[part.start + 1 : part.stop + 1]
        if len(following) < len(fills):  # no order fills after the last close
            following = np.concatenate([following, close[-1:]])
        value = orders * (following / fills)
        gross, then = self._total(orders), self._total(value)
        borrow = np.zeros(len(orders))
        if self.rules.borrow:
            mark = value if self.rules.next_close else orders * (close / fills)
            borrow = self._total(np.maximum(-mark, 0.0)) * self.rules.borrow
        before = np.concatenate([carried[None], value[:-1]])
        net = np.append(carried.sum(), then[:-1])
        return _Block(orders, before, gross, net, 1.0 + (then - gross) - borrow, borrow), value[-1]

    def _settled(self, block: _Block, ratio: float) -> tuple[Array, Array, Array, Array]:
        """Return (K,) cost, notional, growth until the next fill, and financing, when no pass changes them; eq. 24.

        Args:
            block: what is known of the bars.
            ratio: growth from the fill before the first to the first.
        """
        rules = self.rules
        cost, financing, ratios = np.zeros(len(block.gain)), np.zeros(len(block.gain)), np.empty(len(block.gain))
        grown = np.empty(len(block.gain))  # from the fill before to this one
        while True:
            if rules.financing:
                financing = np.maximum(block.gross + cost - 1.0, 0.0) * rules.financing
            np.subtract(block.gain, cost, out=ratios)
            ratios -= financing
            grown[0], grown[1:] = ratio, ratios[:-1]
            grown[grown < LEAST] = 1.0
            moved = block.carried / grown[:, None]
            np.subtract(block.orders, moved, out=moved)
            np.absolute(moved, out=moved)
            notional = self._total(moved)
            new = notional * rules.per_size
            if rules.per_value:
                new += (block.gross - block.net / grown) * rules.per_value
            if np.array_equal(new, cost):
                return cost, notional, ratios, financing
            cost = new

    def _write(
        self, part: slice, block: _Block, fill: tuple[Array, Array], interest: Array, grown: Array, owed: float
    ) -> None:
        """Turn the fractions of some bars into money."""
        cost, notional = fill
        rows, late = slice(part.start + 1, part.stop + 1), self.rules.next_close
        base = self.base[part.start] * np.multiply.accumulate(np.maximum(grown, 0.0))
        self.base[rows], self.turnover[rows] = base, notional
        if late:  # interest is due before the fill, of what was held until then
            self.due[rows] = self.base[part] * np.append(owed, interest[:-1])
            self.paid[rows] = base * cost + self.due[rows]
        else:
            self.paid[rows] = base * (cost + interest)
        left = 1.0 - cost if late else 1.0 - cost - interest
        self.cash[rows] = base * (left - block.gross)
        if late:
            self.equity[rows] = base * left
        else:
            ahead = self._total(block.orders * (self.close[part] / self.fills[part]))
            self.equity[rows] = base * (left - block.gross + ahead)

    def _ended(self) -> WeightRun:
        """Close out a ruined account: at the fill if it is under water there, else at the mark; eq. 7."""
        at_fill = self.base <= self.rules.ruin
        ruined = np.flatnonzero(at_fill | (self.equity <= self.rules.ruin))
        first = int(ruined[0]) if len(ruined) else None
        if first is not None:
            left = max(float(self.base[first] if at_fill[first] else self.equity[first]), 0.0)
            self.equity[first:] = self.cash[first:] = left
            self.paid[first + 1 :] = self.turnover[first + 1 :] = 0.0
            if at_fill[first]:  # nothing was traded
                self.paid[first], self.turnover[first] = self.due[first], 0.0
        return WeightRun(self.equity, self.cash, self.paid, self.turnover, first)
