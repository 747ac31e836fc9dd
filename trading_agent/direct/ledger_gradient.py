"""The ledger's law written in torch, so that a gradient runs through it: exposures in, log growth out.

Accounts are told relative to their equity: what is held is a share of it, and a bar multiplies it. One law for one bar,
the same as the ledger's to rounding (`tests/test_surrogate.py`); it knows fee, half spread, slippage, borrow,
financing, dividends, splits, funding, bars that are not traded, delistings, the cut to the leverage cap and all three
executions, and nothing of lots, margin, ruin or volume. Formulas: docs/accounting.md, eq. 1 to 6, 8, 10, 17 and 18.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from trading_agent.common.config import raise_all
from trading_agent.direct.config import refuse_columns, refuse_rules

LEAST = 1e-6  # equity after a bar, as a share of that before: a log needs something left
COLUMNS = ("before", "after", "paid", "funding", "borrow_by_asset", "stopped", "delisted")
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
        raise_all(refuse_rules(config) + refuse_columns(market))
        costs, self.execution = config.costs, config.execution
        self.on_change = config.rebalance == "on_change"
        self.cap, self.maintenance = config.leverage_cap, config.maintenance
        self.tilt = (costs.half_spread_bps + costs.slippage_bps) * 1e-4
        self.fee = costs.fee_bps * 1e-4
        self.financing = costs.financing_bps_per_year * 1e-4 / market.bars_per_year
        self.kept = 1.0 - config.delisting_loss
        opens, closes = torch.from_numpy(market.open), torch.from_numpy(market.close)
        units = (
            1.0 if market.splits is None else torch.from_numpy(market.splits[1:])
        )  # that one of the bar before became
        if self.execution == "next_open":
            before, after = opens[1:] * units / closes[:-1], closes[1:] / opens[1:]
        elif self.execution == "next_close":
            before, after = closes[1:] * units / closes[:-1], torch.ones_like(closes[1:])
        else:
            before, after = torch.ones_like(closes[1:]), closes[1:] * units / closes[:-1]
        self.before = (before - 1.0).to(dtype)  # (T - 1, A) simple returns until the fill of the order of bar t,
        self.after = (after - 1.0).to(dtype)  # and from there to the close of t + 1

        def column(values: Any, dtype: torch.dtype = dtype) -> Tensor | None:
            """(T - 1, A), None where it is 0 throughout."""
            return torch.from_numpy(values).to(dtype) if values is not None and values.any() else None

        paid = None if market.dividends is None else market.dividends[1:] / market.close[:-1]
        self.paid = column(paid if market.splits is None or paid is None else paid * market.splits[1:])
        self.funding = column(None if market.funding is None else market.funding[1:])
        self.borrow: float = costs.borrow_bps_per_year * 1e-4 / market.bars_per_year
        self.borrow_by_asset = column(
            None if market.borrow is None else market.borrow[1:] * 1e-4 / market.bars_per_year
        )
        self.borrow = 0.0 if market.borrow is not None else self.borrow
        tradable = market.tradable
        if tradable is not None:
            tradable = tradable[:-1] if self.execution == "same_close" else tradable[1:]
        self.stopped = column(None if tradable is None else ~tradable, torch.bool)
        self.delisted = column(None if market.delisted is None else market.delisted[1:], torch.bool)

    def of(self, assets: Tensor) -> "Surrogate":
        """Return the law for accounts that trade the assets (A',) alone."""
        part = copy.copy(self)
        for name in COLUMNS:
            whole = getattr(self, name)
            setattr(part, name, None if whole is None else whole[:, assets])
        return part

    def bar(
        self, held: Tensor, wanted: Tensor, last: Tensor, rows: Tensor, charged: float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Carry accounts from the close of `rows` to the next one.

        Args:
            held: (N, A) exposures at the close of `rows`, as shares of equity.
            wanted: (N, A) target exposures decided there.
            last: (N, A) targets that were traded on last; with `on_change` an equal one trades nothing.
            rows: (N,) bars, at most T - 2.
            charged: share of fee, spread and slippage that is charged.

        Returns:
            (N,) log growth of equity, (N, A) exposures at the next close, and (N, A) targets traded on last by then.
        """
        cash, grown = 1.0 - held.sum(dim=1), held * (1.0 + self.before[rows])  # (N,), (N, A)
        if self.execution != "same_close":
            cash, grown, last = self._night(cash, held, grown, last, rows)
        if self.execution == "next_close":
            cash = self._accrued(cash, grown, rows)
        base = (cash + grown.sum(dim=1)).clamp_min(LEAST)
        bought, last = self._filled(held, wanted, last, grown, base, rows)
        flow, notional = bought.sum(dim=1), bought.abs().sum(dim=1)
        tilt, fee = charged * self.tilt, charged * self.fee
        cash = cash - flow - notional * tilt - fee * (notional + flow * tilt)
        filled = grown + bought
        value = filled * (1.0 + self.after[rows])
        if self.execution == "same_close":
            cash, value, last = self._night(cash, filled, value, last, rows)
        if self.execution != "next_close":
            cash = self._accrued(cash, value, rows)
        equity = (cash + value.sum(dim=1)).clamp_min(LEAST)
        return equity.log(), value / equity[:, None], last

    def _filled(
        self, held: Tensor, wanted: Tensor, last: Tensor, grown: Tensor, base: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return (N, A) value bought, and targets traded on last; `grown` is held at the fill, `base` the equity."""
        bought, stopped = wanted * base[:, None] - grown, None if self.stopped is None else self.stopped[rows]
        if self.on_change:
            bought = bought.masked_fill(wanted == last, 0.0)
        beyond = None
        if self.maintenance and (self.on_change or stopped is not None):
            beyond = self._beyond_cap(held, torch.where(wanted != last, wanted, held) if self.on_change else wanted)
        if beyond is not None:
            bought = self._within_cap(beyond, bought, grown, base, stopped)
        if stopped is None:
            return bought, wanted
        asked, bought = bought, bought.masked_fill(stopped, 0.0)
        target = torch.where(stopped, last, wanted)
        if self.maintenance and held.shape[1] > 1:
            return self._within_room((asked, bought), (last, target), grown, base)
        return bought, target

    def _beyond_cap(self, held: Tensor, ordered: Tensor) -> Tensor | None:
        """(N,) who holds more than the cap at the close, or would after the orders; None where nobody; eq. 17."""
        together = torch.maximum(held.abs().sum(dim=1), ordered.abs().sum(dim=1))
        beyond = together > self.cap * DRIFT
        return beyond if bool(beyond.any()) else None

    def _within_cap(
        self, beyond: Tensor, bought: Tensor, grown: Tensor, base: Tensor, stopped: Tensor | None
    ) -> Tensor:
        """Cut what will be held of what trades down to the cap, pro rata; eq. 18.

        Args:
            beyond: (N,) who was found beyond the cap at the close.
            bought: (N, A) value that the orders buy.
            grown: (N, A) value held at the fill.
            base: (N,) equity at the fill, before costs.
            stopped: (N, A) what does not trade, and is not cut either; None where all do.
        """
        kept, room = grown + bought, self.cap * base
        if stopped is not None:
            still = grown.abs() * stopped
            room, kept = (room - still.sum(dim=1)).clamp_min(0.0), kept.masked_fill(stopped, 0.0)
        gross = kept.abs().sum(dim=1)
        share = torch.where(beyond & (gross > room * EXACT), room / gross.clamp_min(LEAST), 1.0)
        cut = kept * share[:, None] - grown
        return cut if stopped is None else torch.where(stopped, bought, cut)

    def _within_room(
        self, orders: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor], grown: Tensor, base: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Let positions grow only into the room that others leave which were to shrink and do not trade; eq. 23.

        Args:
            orders: (N, A) value that was asked for, and that trades.
            targets: (N, A) traded on last before, and by these orders.
            grown: (N, A) value held at the fill.
            base: (N,) equity at the fill, before costs.
        """
        (asked, bought), (last, target) = orders, targets
        after, goal = (grown + bought).abs(), (grown + asked).abs()
        stuck = ((asked != 0.0) & (after > goal * EXACT)).any(dim=1)
        over = stuck & (after.sum(dim=1) > base * self.cap * DRIFT)
        if not bool(over.any()):
            return bought, target
        growth = (after - grown.abs()).clamp_min(0.0)
        room = (base * self.cap - (after - growth).sum(dim=1)).clamp_min(0.0)
        together = growth.sum(dim=1)
        waits = torch.where(over & (together > room), 1.0 - room / together.clamp_min(LEAST), 0.0)[:, None]
        waiting = (growth > 0.0) & (waits > 0.0)
        fewer = (grown + bought) * (1.0 - waits * growth / after.clamp_min(LEAST)) - grown
        share = torch.where(waiting, fewer / torch.where(waiting, bought, 1.0), 1.0)
        return torch.where(waiting, fewer, bought), last + (target - last) * share

    def _night(
        self, cash: Tensor, before: Tensor, value: Tensor, last: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pay dividends on the value (N, A) held before the night, and pay out at its last mark what is gone for good.

        Returns:
            (N,) cash, (N, A) value after the night, and (N, A) targets traded on last, 0 of what is gone.
        """
        if self.paid is not None:
            cash = cash + (before * self.paid[rows]).sum(dim=1)
        if self.delisted is not None:
            gone = self.delisted[rows]
            cash = cash + self.kept * torch.where(gone, value, 0.0).sum(dim=1)
            value, last = torch.where(gone, 0.0, value), torch.where(gone, 0.0, last)
        return cash, value, last

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
            _, drifted, _ = self.bar(target, target, target, rows, charged)
            held = torch.cat([target[:1], drifted[:-1]])
            for wanted, other in enumerate(targets):
                grown[:, k, wanted], _, _ = self.bar(held, other, target, rows, charged)
        return grown

    def _accrued(self, cash: Tensor, value: Tensor, rows: Tensor) -> Tensor:
        """Charge a bar's interest on short value, marked at its close, and on negative cash, and its funding."""
        owed = cash
        if self.borrow:
            owed = owed - (-value).clamp_min(0.0).sum(dim=1) * self.borrow
        if self.borrow_by_asset is not None:
            owed = owed - ((-value).clamp_min(0.0) * self.borrow_by_asset[rows]).sum(dim=1)
        if self.financing:
            owed = owed - (-cash).clamp_min(0.0) * self.financing
        if self.funding is not None:
            owed = owed - (value * self.funding[rows]).sum(dim=1)
        return owed
