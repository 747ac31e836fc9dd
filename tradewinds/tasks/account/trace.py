"""What a trading account observed, decided and earned, bar by bar."""

import numpy as np
import pandas as pd

from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.account import backtest
from tradewinds.tasks.account import market as markets
from tradewinds.tasks.bar_forecasts import score_tables
from tradewinds.tasks.curious import Curious
from tradewinds.tasks.panel_forecasts import panel_tables
from trading_env import TradingEnv


def trace(prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, pd.DataFrame | None]:
    """Return scores, observations, actions, fills and equity on `rows`; the agent's own actions are the first table."""
    tables = panel_tables(models, rows) if prepared.several else score_tables(prepared, models, rows)
    states, rules, start = models.states, prepared.config.env, rows.start
    assert states is not None
    market = markets.build_market(prepared, states, rows)
    decisions = backtest.decide(prepared, models, rows)
    played = backtest.causal(prepared, decisions)
    curious = backtest.play(Curious(TradingEnv(market, rules).action_space), market, rules)
    tables["observations"] = [(start, market.features), (start, market.open), (start, market.close)]
    tables["actions"] = [(start, played.targets[:, 0]), (start, played.targets), (start, curious)]
    filled = (played.path.units, played.path.turnover, played.path.fee)
    tables["fills"] = [(start, table) for table in (played.path.fill_price, *filled)]
    tables["equity"] = [(start, np.column_stack([played.equity(name) for name in played.strategies]))]
    return tables, decisions
