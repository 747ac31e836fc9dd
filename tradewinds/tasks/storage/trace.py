"""What a storage unit knew, committed and earned, bar by bar.

A day's schedule is committed at once, so each bar holds the whole schedule of the newest day whose gate has closed:
what comes after a gate closure may change nothing of that day, its last slot included.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.curious import Curious
from tradewinds.tasks.storage import backtest
from tradewinds.tasks.storage import market as markets
from tradewinds.tasks.storage.delivery import by_day, delivery_days
from trading_env import BatteryEnv, play_schedule

Values = NDArray[Any]


def trace(prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, pd.DataFrame | None]:
    """Commit the whole days of `rows`; return observations, actions, fills, equity, or nothing where days are too few.

    The agent's own commitments are the first table of actions.
    """
    config, (_, states) = prepared.config.env, models.forecasting()
    try:
        market = markets.build_power_market(prepared, states, rows)
        others = market.others or markets.other_forecasts(prepared, states, rows)
    except RequestError:
        return {}, None
    days = delivery_days(prepared.series, config, rows)
    gates = range(int(days.gate_rows[0]), days.rows.stop - 1)  # at the last slot the next day's gate has closed
    newest = np.searchsorted(days.gate_rows, np.arange(gates.start, gates.stop), side="right") - 1

    def from_the_gate_on(daily: Values) -> tuple[int, Values]:
        return gates.start, daily[newest]

    decisions = backtest.decide_on(market, prepared, models, rows)
    curious = backtest.play(Curious(BatteryEnv(market, config).action_space), market, config)
    powers = [decisions["power"].to_numpy(np.float64), curious]
    path = play_schedule(market, np.stack(powers, axis=1), config)
    start = days.rows.start
    observed: list[Values] = [market.features, market.forecast, *others.values()]
    tables = {
        "observations": [from_the_gate_on(table) for table in observed],
        "actions": [from_the_gate_on(by_day(power, market.day, prepared.series.bar_length)) for power in powers],
        "fills": [(start, path.bought), (start, path.sold), (start, path.charge[1:])],
        "equity": [(start, path.profit.cumsum(axis=0))],
    }
    return tables, decisions
