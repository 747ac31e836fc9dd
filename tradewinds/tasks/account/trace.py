"""What a trading account observed, decided and earned, bar by bar."""

import numpy as np
import pandas as pd

from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.account import backtest
from tradewinds.tasks.account import market as markets
from tradewinds.tasks.account.backtest import Backtest
from tradewinds.tasks.bar_forecasts import score_tables
from tradewinds.tasks.curious import Curious
from trading_env import TradingEnv

# strategies that may not know what comes
CAUSAL = ("agent", "buy_and_hold", "flat", "forecast_sign", "plan_on_forecast")


def trace(prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, pd.DataFrame | None]:
    """Return scores, observations, actions, fills and equity on `rows`; the agent's own actions are the first table."""
    tables = score_tables(prepared, models, rows)
    _, states = models.forecasting()
    market, rules, start = markets.build_market(prepared, states, rows), prepared.config.env, rows.start
    decisions = backtest.decide(prepared, models, rows)
    played: Backtest = backtest.outcome(prepared, decisions).record
    curious = backtest.play(Curious(TradingEnv(market, rules).action_space), market, rules)
    columns = [played.strategies.index(name) for name in CAUSAL]
    tables["observations"] = [(start, market.features), (start, market.open), (start, market.close)]
    tables["actions"] = [(start, played.targets[:, 0]), (start, played.targets[:, columns]), (start, curious)]
    filled = (played.path.units, played.path.turnover, played.path.fee)
    tables["fills"] = [(start, played.path.fill_price), *((start, table[:, columns]) for table in filled)]
    tables["equity"] = [(start, np.column_stack([played.equity(name) for name in CAUSAL]))]
    return tables, decisions
