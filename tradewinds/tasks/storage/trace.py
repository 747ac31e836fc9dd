"""What a storage unit knew, committed and earned, bar by bar: the stages of a trace that follow its forecasts.

A day's schedule is committed at once, so each bar holds the whole schedule of the newest day whose gate has closed:
what comes after a gate closure may change nothing of that day, its last hour included.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tradewinds.tasks.storage.backtest as playing
import tradewinds.tasks.storage.market as power
from forecaster.hidden_states import HiddenStates
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.prepare import LONGEST_DAY, Prepared
from tradewinds.tasks.storage.delivery import delivery_days
from trading_agent import Policy
from trading_env import BatteryEnv, run_schedule

Values = NDArray[Any]
Tables = dict[str, list[tuple[int, Values]]]


def storage_tables(prepared: Prepared, states: HiddenStates, policy: Policy, curious: type[Any], rows: range) -> Tables:
    """Play the whole days of `rows` and return observations, actions, fills and equity; nothing where days are too few.

    Args:
        prepared: the request in some world.
        states: of every hour of it.
        policy: the agent.
        curious: of an action space, makes a policy that reacts to every digit of what it observes.
        rows: hours the unit is played on.
    """
    config = prepared.config.env
    try:
        market = power.build_power_market(prepared, states, rows)
        others = market.others or power.other_forecasts(prepared, states, rows)
    except RequestError:
        return {}
    days = delivery_days(prepared.series, config, rows)
    seen: list[Values] = [market.features, market.forecast, *others.values()]
    gates = range(int(days.gate_rows[0]), days.rows.stop - 1)  # at the last hour the next day's gate has closed
    newest = np.searchsorted(days.gate_rows, np.arange(gates.start, gates.stop), side="right") - 1

    def from_the_gate_on(daily: Values) -> tuple[int, Values]:
        return gates.start, daily[newest]

    powers = [
        playing.play(policy, market, config),
        playing.play(curious(BatteryEnv(market, config).action_space), market, config),
    ]
    path = run_schedule(market.price, np.stack(powers, axis=1), config)
    start = days.rows.start
    return {
        "observations": [from_the_gate_on(one) for one in seen],
        "actions": [from_the_gate_on(_by_day(one, market.day)) for one in powers],
        "fills": [(start, path.bought), (start, path.sold), (start, path.charge[1:])],
        "equity": [(start, path.profit.cumsum(axis=0))],
    }


def _by_day(hourly: Values, day: NDArray[np.int64]) -> Values:
    """(T,) of all hours -> (D, 25) of each day's, NaN past its end."""
    table = np.full((int(day[-1]) + 1, LONGEST_DAY), np.nan)
    hour = np.arange(len(day)) - np.searchsorted(day, day)
    table[day, hour] = hourly
    return table
