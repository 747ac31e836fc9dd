"""Trades: from the first unit held on one side until none is left there, or the run ends. Moves no money.

All trades together, and the payments that belong to none, are the change of equity; docs/accounting.md, eq. 19.
"""

from dataclasses import dataclass

import numpy as np

from trading_env.ledger.run import Array, LedgerRun


@dataclass(frozen=True)
class Trade:
    """One round trip in one asset, or the part of one that is open at the end.

    Attributes:
        asset: index of the asset.
        entry_row: bar whose fill opened it.
        exit_row: bar whose fill closed it; of an open one the last bar.
        direction: +1 long, -1 short.
        profit: money earned in units of the opening equity, after fee, spread and slippage, before interest, funding
            and dividends; an open one is valued at the last close, without the cost of leaving it.
        open: whether units are still held at the last close.
    """

    asset: int
    entry_row: int
    exit_row: int
    direction: int
    profit: float
    open: bool = False


PAYMENTS = {"borrow": -1.0, "financing": -1.0, "funding": -1.0, "dividends": 1.0, "written_off": 1.0}  # and their sign


def payments(run: LedgerRun, account: int = 0) -> dict[str, float]:
    """Return what one account was paid outside its trades, by name; what it paid is negative; eq. 19."""
    return {name: sign * float(getattr(run, name)[:, account].sum()) for name, sign in PAYMENTS.items()}


def closed_trades(run: LedgerRun, account: int = 0) -> list[Trade]:
    """Return the closed trades of one account, by asset and time; a position open at the end is not among them."""
    return [trade for trade in all_trades(run, account) if not trade.open]


def all_trades(run: LedgerRun, account: int = 0) -> list[Trade]:
    """Return the trades of one account, by asset and time, what is open at the end last of its asset.

    A fill that flips the side closes one trade and opens the next; its costs are shared by the units on either side.
    The close-out of a ruined account closes its trades at the price it was marked at; their loss may exceed what the
    account held, since an account that owes is settled at nothing.
    """
    costs, trades = _costs(run, account), []
    for asset in range(run.units.shape[2]):
        trades.extend(_asset_trades(run, account, asset, costs[:, asset]))
    return trades


def _asset_trades(run: LedgerRun, account: int, asset: int, cost: Array) -> list[Trade]:
    held, price = run.units[:, account, asset], run.fill_price[:, asset]
    taken, value = run.settled_units[:, account, asset], run.settled_value[:, account, asset]
    if run.splits is not None and run.fill_splits is not None:  # count in units of the first bar
        held, taken = held / run.splits[:, asset], taken / run.splits[:, asset]
        price = price * run.fill_splits[:, asset]
    filled = held + taken  # units after the bar's fill, before a ruined account was closed out
    trades: list[Trade] = []
    entry, earned = 0, 0.0
    for t in (np.flatnonzero((np.diff(held) != 0.0) | (taken[1:] != 0.0)) + 1).tolist():
        before, after = float(held[t - 1]), float(filled[t])
        if after != before:
            leaving = before if before * after <= 0.0 else 0.0  # units that end a trade with this fill
            share = abs(leaving) / abs(after - before)
            if leaving:
                profit = earned + leaving * price[t] - share * cost[t]
                trades.append(Trade(asset, entry, t, int(np.sign(before)), float(profit)))
            if leaving or before == 0.0:  # what is bought from here on is a new trade
                entry, earned = t, -after * price[t] - (1.0 - share) * cost[t]
            else:
                earned += -(after - before) * price[t] - cost[t]
        if taken[t] != 0.0:
            trades.append(Trade(asset, entry, t, int(np.sign(taken[t])), float(earned + value[t])))
    if held[-1] != 0.0:
        profit = earned + run.units[-1, account, asset] * run.close[-1, asset]
        trades.append(Trade(asset, entry, len(held) - 1, int(np.sign(held[-1])), float(profit), open=True))
    return trades


def _costs(run: LedgerRun, account: int) -> Array:
    """(T, A) costs of the fills in each asset: the account's, shared by notional where several trade in a bar."""
    filled, held, price = (
        run.units[:, account] + run.settled_units[:, account],
        run.units[:, account],
        run.fill_price,
    )
    if run.splits is not None and run.fill_splits is not None:
        filled, held, price = filled / run.splits, held / run.splits, price * run.fill_splits
    traded = np.abs(filled - np.concatenate([held[:1], held[:-1]])) * price
    whole = traded.sum(axis=1)
    share = np.divide(traded, whole[:, None], out=np.zeros_like(traded), where=whole[:, None] > 0.0)
    return np.asarray((run.fee + run.spread + run.slippage)[:, account, None] * share)
