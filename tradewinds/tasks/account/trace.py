"""What a trading account observed, decided and earned, bar by bar; and its money by a second account."""

import numpy as np
from numpy.typing import NDArray

from tradewinds.pipeline.task import Models, Outcome, Prepared, TraceTables
from tradewinds.tasks.account import backtest
from tradewinds.tasks.account import market as markets
from tradewinds.tasks.account.backtest import Backtest
from tradewinds.tasks.account.second_account import known_volatility, second_account
from tradewinds.tasks.bar_forecasts import score_tables
from tradewinds.tasks.curious import Curious
from trading_env import TradingEnv

# strategies that may not know what comes
CAUSAL = ("agent", "buy_and_hold", "flat", "forecast_sign", "plan_on_forecast")
SAME_MONEY = 1e-9  # relative difference between two accounts that is rounding


def trace_account(prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, Outcome | None]:
    """Return scores, observations, actions, fills and equity on `rows`; the agent's own actions are the first table."""
    tables = score_tables(prepared, models, rows)
    _, states = models.forecasting()
    market, rules, start = markets.build_market(prepared, states, rows), prepared.config.env, rows.start
    outcome = backtest.outcome(prepared, backtest.decide(prepared, models, rows))
    played: Backtest = outcome.record
    curious = backtest.play(Curious(TradingEnv(market, rules).action_space), market, rules)
    columns = [played.strategies.index(name) for name in CAUSAL]
    tables["observations"] = [(start, market.features), (start, market.open), (start, market.close)]
    tables["actions"] = [(start, played.targets[:, 0]), (start, played.targets[:, columns]), (start, curious)]
    filled = (played.path.units, played.path.turnover, played.path.fee)
    tables["fills"] = [(start, played.path.fill_price), *((start, table[:, columns]) for table in filled)]
    tables["equity"] = [(start, np.column_stack([played.equity(name) for name in CAUSAL]))]
    return tables, outcome


def second_opinion(prepared: Prepared, played: Backtest) -> tuple[str, int, str] | None:
    """Return the first stage, row and difference in which a second account has other units or money; None if none."""
    rules, series, rows = prepared.config.env, prepared.series, played.rows
    if rules.execution == "same_close":
        return "fills", rows.start, "env.execution=same_close fills at the close that the agent has just seen"
    part = slice(rows.start, rows.stop)
    volatility = known_volatility(series.close[:, 0])[part] if rules.costs.slippage_per_volatility else None
    shares = bool(rules.costs.slippage_bps_per_volume_percent) and series.volume is not None
    volume = series.volume[part, 0] if shares and series.volume is not None else None
    for number, name in enumerate(played.strategies):
        units, equity = second_account(
            series.open[part, 0],
            series.close[part, 0],
            played.targets[:, number, 0],
            rules,
            bars_per_year=series.bars_per_year,
            volatility=volatility,
            volume=volume,
        )
        recorded = (("fills", played.path.units[:, number, 0], units), ("equity", played.equity(name), equity))
        for stage, ours, theirs in recorded:
            row = _first_other(ours, theirs)
            if row is not None:
                what = f"{name} has {float(ours[row]):.9g}, and {float(theirs[row]):.9g} by a second account"
                return stage, rows.start + row, what
    return None


def _first_other(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> int | None:
    wrong = np.flatnonzero(~(np.abs(ours - theirs) <= SAME_MONEY * np.maximum(1.0, np.abs(theirs))))
    return int(wrong[0]) if len(wrong) else None
