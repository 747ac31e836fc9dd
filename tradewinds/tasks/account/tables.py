"""The tables of a backtest for other tools, as Parquet and CSV; and its returns as pandas, read back.

`equity` holds every strategy, `positions` and `trades` the agent's. Knows pandas and the backtest, no report.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from tradewinds.core.errors import RequestError
from tradewinds.report.tables import read_table
from tradewinds.tasks.account.backtest import Array, Backtest
from trading_env import Trade, payments

FOLDER = "backtest"
TRADES = ("instrument", "side", "entry_time", "exit_time", "bars", "entry_price", "exit_price", "profit", "status")


def export_tables(played: Backtest, index: pd.DatetimeIndex, execution: str) -> dict[str, pd.DataFrame]:
    """Return `equity`, `positions` and `trades` of a backtest.

    Args:
        played: the strategies on the test span.
        index: (T,) starts of the bars, UTC.
        execution: where orders fill; decides which price of a bar a trade names.

    Returns:
        `equity`: (T, S) in units of the opening equity, a column a strategy. `positions`: the agent's, per bar and
        instrument: price, target and exposure as fractions of equity. `trades`: the agent's, profit in units of the
        opening equity; by `status`: `closed`; `open`, valued at the last close; and what belongs to no trade as a
        `payment`, its side saying what for. All profits together are the change of equity.
    """
    agent, market = played.strategies.index("agent"), played.market
    equity = pd.DataFrame({name: played.equity(name) for name in played.strategies}, index=index)
    positions, prices = {}, market.close
    if market.missing is not None:  # before its first bar an asset has no price
        begun = np.logical_or.accumulate(~market.missing, axis=0)
        prices = np.where(begun, market.close, np.nan)
    for asset, instrument in enumerate(market.instruments):
        end = f".{instrument}" if len(market.instruments) > 1 else ""
        positions[f"price{end}"] = prices[:, asset]
        positions[f"target{end}"] = played.targets[:, agent, asset]
        positions[f"exposure{end}"] = played.path.exposure[:, agent, asset]
    fill = market.open if execution == "next_open" else market.close
    rows = [
        (
            market.instruments[trade.asset],
            "long" if trade.direction > 0 else "short",
            index[trade.entry_row],
            index[trade.exit_row],
            trade.exit_row - trade.entry_row,
            float(fill[trade.entry_row, trade.asset]),
            _left_at(played, agent, trade, market.close if trade.open else fill),
            trade.profit,
            "open" if trade.open else "closed",
        )
        for trade in sorted(played.trades, key=lambda trade: (trade.entry_row, trade.asset))
    ]
    first, last, nothing = index[0], index[-1], float("nan")
    rows += [
        ("", name, first, last, len(index) - 1, nothing, nothing, money, "payment")
        for name, money in payments(played.path, agent).items()
        if money
    ]
    return {
        "equity": equity,
        "positions": pd.DataFrame(positions, index=index),
        "trades": pd.DataFrame(rows, columns=pd.Index(TRADES)),
    }


def _left_at(played: Backtest, account: int, trade: Trade, price: Array) -> float:
    """Return the price at which a trade ended: of a fill, a mark, or what was paid out for what is gone."""
    units = played.path.settled_units[trade.exit_row, account, trade.asset]
    if units and not trade.open:
        return float(played.path.settled_value[trade.exit_row, account, trade.asset] / units)
    return float(price[trade.exit_row, trade.asset])


def returns(run: Path, strategy: str = "agent") -> pd.Series:
    """Return the (T - 1,) simple returns of a strategy on the test span, ready for empyrical, quantstats or pyfolio.

    Args:
        run: folder of a finished run.
        strategy: `agent`, or a baseline of the report.

    Returns:
        Returns by the start of their bar, UTC; the series bears the strategy's name. After ruin they are 0.

    Raises:
        RequestError: the run has no backtest, or no such strategy.
    """
    if not (run / FOLDER / "equity.parquet").is_file():
        raise RequestError(f"{run} holds no finished backtest; give a folder such as runs/sp500/<id>")
    equity = read_table(run / FOLDER, "equity")
    if strategy not in equity:
        raise RequestError(f"strategy must be one of {', '.join(map(str, equity))}, was '{strategy}'")
    values = equity[strategy].to_numpy()
    before = values[:-1]
    simple = np.divide(values[1:], before, out=np.ones(len(before)), where=before > 0.0) - 1.0
    return pd.Series(simple, index=pd.DatetimeIndex(equity.index[1:]), name=strategy)
