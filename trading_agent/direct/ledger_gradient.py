"""The ledger's law written in torch, so that a gradient runs through it: exposures in, log growth out.

Accounts are told relative to their equity: what is held is a share of it, and a bar multiplies it. One law for one bar,
the same as the ledger's to rounding (`tests/test_surrogate.py`); it knows fee, half spread, slippage, borrow,
financing, the cut to the leverage cap and all three executions, and nothing of lots, margin, events or funding.
Formulas: docs/accounting.md, eq. 1 to 6, 17 and 18.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trading_agent.common.config import raise_all
from trading_agent.direct.config import refuse_events, refuse_rules

LEAST = 1e-6  # equity after a bar, as a share of that before: a log needs something left
DRIFT, EXACT = 1.01, 1.0 + 1e-6  # exposure over the cap from which on it is cut, and that is rounding: the ledger's


class Surrogate:
    """One bar of N accounts in A assets at a time.

    Args:
        market: has (T, A) `open` and `close`, and `bars_per_year`.
        config: has `costs`, `execution`, `rebalance`, the cap and sizes, as `trading_env.TradingConfig`.
        dtype: of the calculation.

    Raises:
        ValueError: the rules ask for something that it does not know.
    """

    def __init__(self, market: Any, config: Any, dtype: torch.dtype = torch.float32) -> None:
        raise_all(refuse_rules(config) + refuse_events(market))
        costs, self.execution = config.costs, config.execution
        self.on_change = config.rebalance == "on_change"
        self.cap, self.cuts = config.leverage_cap, config.maintenance and self.on_change
        self.tilt = (costs.half_spread_bps + costs.slippage_bps) * 1e-4
        self.fee = costs.fee_bps * 1e-4
        self.borrow = costs.borrow_bps_per_year * 1e-4 / market.bars_per_year
        self.financing = costs.financing_bps_per_year * 1e-4 / market.bars_per_year
        opens, closes = torch.from_numpy(market.open), torch.from_numpy(market.close)
        if self.execution == "next_open":
            before, after = opens[1:] / closes[:-1], closes[1:] / opens[1:]
        elif self.execution == "next_close":
            before, after = closes[1:] / closes[:-1], torch.ones_like(closes[1:])
        else:
            before, after = torch.ones_like(closes[1:]), closes[1:] / closes[:-1]
        self.before = (before - 1.0).to(dtype)  # (T - 1, A) simple returns until the fill of the order of bar t,
        self.after = (after - 1.0).to(dtype)  # and from there to the close of t + 1

    def bar(
        self, held: Tensor, wanted: Tensor, last: Tensor, rows: Tensor, charged: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Carry accounts from the close of `rows` to the next one.

        Args:
            held: (N, A) exposures at the close of `rows`, as shares of equity.
            wanted: (N, A) target exposures decided there.
            last: (N, A) targets that were traded on last; with `on_change` an equal one trades nothing.
            rows: (N,) bars, at most T - 2.
            charged: share of fee, spread and slippage that is charged.

        Returns:
            (N,) log growth of equity, and (N, A) exposures at the next close.
        """
        cash, grown = 1.0 - held.sum(dim=1), held * (1.0 + self.before[rows])  # (N,), (N, A)
        if self.execution == "next_close":
            cash = self._accrued(cash, grown)
        base = (cash + grown.sum(dim=1)).clamp_min(LEAST)
        bought = wanted * base[:, None] - grown
        if self.on_change:
            bought = torch.where(wanted != last, bought, 0.0)
        if self.cuts:
            bought = self._within_cap(held, bought, grown, base)
        flow, notional = bought.sum(dim=1), bought.abs().sum(dim=1)
        tilt, fee = charged * self.tilt, charged * self.fee
        cash = cash - flow - notional * tilt - fee * (notional + flow * tilt)
        value = (grown + bought) * (1.0 + self.after[rows])
        if self.execution != "next_close":
            cash = self._accrued(cash, value)
        equity = (cash + value.sum(dim=1)).clamp_min(LEAST)
        return equity.log(), value / equity[:, None]

    def _within_cap(self, held: Tensor, bought: Tensor, grown: Tensor, base: Tensor) -> Tensor:
        """Cut what will be held down to the cap, where that stood beyond it at the close or will; pro rata.

        Args:
            held: (N, A) exposures at the close.
            bought: (N, A) value that the orders buy.
            grown: (N, A) value held at the fill.
            base: (N,) equity at the fill, before costs.
        """
        ordered = torch.where(bought != 0.0, (grown + bought) / base[:, None], held)
        beyond = torch.maximum(held.abs().sum(dim=1), ordered.abs().sum(dim=1)) > self.cap * DRIFT
        if not bool(beyond.any()):
            return bought
        kept = grown + bought
        gross, room = kept.abs().sum(dim=1), self.cap * base
        share = torch.where(beyond & (gross > room * EXACT), room / gross.clamp_min(LEAST), 1.0)
        return kept * share[:, None] - grown

    def table(self, shares: Sequence[float], num_assets: int, charged: float = 1.0) -> Tensor:
        """Return (T - 1, K, K): the log growth of bar t for a level held and a level wanted at the close of t.

        A level held has drifted over the bar before, as one that was traded to a bar ago has.

        Args:
            shares: (K,) target exposure of each asset at each level.
            num_assets: A.
            charged: share of fee, spread and slippage that is charged.
        """
        rows = torch.arange(len(self.before))
        targets = [torch.full((len(rows), num_assets), float(share), dtype=self.before.dtype) for share in shares]
        grown = torch.empty(len(rows), len(shares), len(shares), dtype=self.before.dtype)
        for k, target in enumerate(targets):
            _, drifted = self.bar(target, target, target, rows, charged)
            held = torch.cat([target[:1], drifted[:-1]])
            for wanted, other in enumerate(targets):
                grown[:, k, wanted], _ = self.bar(held, other, target, rows, charged)
        return grown

    def _accrued(self, cash: Tensor, value: Tensor) -> Tensor:
        """Charge a bar's interest on short value, marked at its close, and on negative cash."""
        owed = cash
        if self.borrow:
            owed = owed - (-value).clamp_min(0.0).sum(dim=1) * self.borrow
        if self.financing:
            owed = owed - (-cash).clamp_min(0.0) * self.financing
        return owed
