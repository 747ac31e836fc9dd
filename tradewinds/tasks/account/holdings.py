"""What an agent of several assets held, and what came of each: for the report. Must not know files or pages."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.data.assemble.universe import Universe
from tradewinds.evaluation.reasons import number_or_reason
from tradewinds.tasks.account.backtest import Backtest
from trading_env import Market, TradingConfig, run_ledger

Array = NDArray[np.float64]
SHOWN = 12  # assets whose weights are told one by one, those that were held most; the others are told together
LISTED = 10  # assets of the most, and of the least profit
SIZES = (1e4, 1e5, 1e6, 1e7, 1e8, 1e9)  # opening equities, in the currency of the prices
USUAL_CAP = 0.1  # of a bar's volume, where the request names none
OTHERS = "others"
FEW_YEARS = 3.0  # in which nothing need have ended


def portfolio_block(played: Backtest, config: TradingConfig, volume: Array | None) -> dict[str, Any]:
    """Return the facts of an agent's holdings, as plain data; (T, A) `volume` says what larger accounts could do."""
    agent = played.strategies.index("agent")
    held: Array = played.path.exposure[:, agent]  # (T, A)
    size = np.abs(held)
    gross = size.sum(axis=1)
    shares = np.divide(size, gross[:, None], out=np.zeros_like(size), where=gross[:, None] > 0.0)
    number = np.divide(1.0, np.square(shares).sum(axis=1), out=np.zeros_like(gross), where=gross > 0.0)
    return {
        "instruments": held.shape[1],
        "held_mean": float((size > 1e-9).sum(axis=1).mean()),
        "effective_number_mean": float(number.mean()),
        "gross_mean": float(gross.mean()),
        "gross_most": float(gross.max()),
        "net_mean": float(held.sum(axis=1).mean()),
        "largest_weight": float(size.max()),
        "contributions": contributions(played, size.mean(axis=0)),
        "ended": ended(played.market, size),
        **capacity(played.targets[:, agent], dataclasses.replace(played.market, volume=volume), config),
    }


def contributions(played: Backtest, weight: Array) -> list[dict[str, Any]]:
    """Return the assets that earned and lost most: profit after fees, spread and slippage, and how much was held."""
    profit, trades = np.zeros(len(weight)), np.zeros(len(weight), dtype=np.int64)
    for trade in played.trades:
        profit[trade.asset] += trade.profit
        trades[trade.asset] += 1
    order = np.argsort(-profit, kind="stable")
    order = order[trades[order] > 0]
    chosen = order if len(order) <= 2 * LISTED else np.concatenate([order[:LISTED], order[-LISTED:]])
    return [
        {
            "instrument": played.market.instruments[asset],
            "profit": float(profit[asset]),
            "weight_mean": float(weight[asset]),
            "trades": int(trades[asset]),
        }
        for asset in chosen.tolist()
    ]


def ended(market: Market, size: Array) -> dict[str, Any]:
    """Return which assets ended within the span, and which of them the agent held when they did."""
    if market.delisted is None or not market.delisted.any():
        return {"count": 0, "held": []}
    rows, assets = np.nonzero(market.delisted)
    pairs = zip(rows.tolist(), assets.tolist(), strict=True)
    held = [market.instruments[asset] for row, asset in pairs if size[max(row - 1, 0), asset]]
    return {"count": len(assets), "held": held[:LISTED]}


def capacity(targets: Array, market: Market, config: TradingConfig) -> dict[str, Any]:
    """Return what the same targets earn from larger accounts, orders taking no more than a share of a bar's volume."""
    if market.volume is None:
        return number_or_reason("capacity", None, "the series has no volume")
    cap = config.volume_cap or USUAL_CAP
    rows = []
    for size in SIZES:
        rules = dataclasses.replace(config, capital=size, volume_cap=cap)
        rows.append({"capital": size, "total_return": float(run_ledger(market, targets, rules).equity[-1, 0] - 1.0)})
    return {"capacity": rows, "capacity_volume_cap": cap}


def universe_facts(universe: Universe) -> dict[str, Any]:
    """Return whose histories begin late and end early: survivorship is the first question to a universe."""
    return {
        "first": universe.first.isoformat(),
        "last": universe.last.isoformat(),
        "begin_late": len(universe.begin_late),
        "end_early": len(universe.end_early),
        "delisted": list(universe.delisted),
        "left": list(universe.left),
        "holes": int(universe.holes),
        "shortest": universe.shortest,
        "longest": universe.longest,
    }


def survivorship(universe: Universe) -> list[str]:
    """Warn of a universe that holds only what is still there."""
    years = (universe.last - universe.first) / pd.Timedelta(days=365.25)
    if universe.end_early or years < FEW_YEARS:
        return []
    return [
        f"none of the {len(universe.histories)} instruments ended in {years:.0f} years: if they were chosen because "
        "they are still there, every strategy that holds them looks better than it could have been (survivorship)"
    ]


def weights_table(played: Backtest, index: pd.DatetimeIndex) -> pd.DataFrame:
    """Return (T, ...) the agent's weights of the assets it held most, of all others together, and gross and net."""
    held: Array = played.path.exposure[:, played.strategies.index("agent")]
    order = np.argsort(-np.abs(held).mean(axis=0), kind="stable")
    first, rest = order[:SHOWN], order[SHOWN:]
    columns = {played.market.instruments[asset]: held[:, asset] for asset in first.tolist()}
    if len(rest):
        columns[OTHERS] = held[:, rest].sum(axis=1)
    facts = {"gross": np.abs(held).sum(axis=1), "net": held.sum(axis=1), "held": (np.abs(held) > 1e-9).sum(axis=1)}
    return pd.DataFrame({**columns, **{f"account.{name}": column for name, column in facts.items()}}, index=index)
