"""Where a forecaster's states become a day-ahead power market: what was known of each day when its gate closed.

The market carries the network's forecast and, where the agent is to see them (`rollout.observe`), all those of
`day_ahead` beside it. docs/battery.md.
"""

import numpy as np
from numpy.typing import NDArray

from forecaster.hidden_states import HiddenStates
from tradewinds.pipeline.prepare import Prepared
from tradewinds.tasks.account.market import assert_unseen, observed
from tradewinds.tasks.storage.delivery import delivery_days, price_paths
from tradewinds.tasks.storage.price_forecasts import corrected_forecast, day_ahead_forecasts
from trading_env import PowerMarket

Array = NDArray[np.float64]


def build_power_market(prepared: Prepared, states: HiddenStates, rows: range) -> PowerMarket:
    """Join prices, and the hidden state and the forecasts of each gate closure, of the whole days in `rows`.

    Raises:
        RequestError: no whole day lies in `rows`, an hour is missing, or too few days lie before them.
        ValueError: bars and states differ in time, or a row breaks `fit_end + horizon + embargo < row`.
    """
    series, config = prepared.series, prepared.config.env
    if not series.index.equals(states.index):
        raise ValueError("hidden states and series must share one time index; encode the series again")
    days = delivery_days(series, config, rows)
    read = range(int(days.gate_rows[0]), days.rows.stop)
    assert_unseen(states, read, horizon=states.forecast.shape[1], embargo=prepared.split.embargo_bars)
    observe = prepared.config.rollout.observe
    seen = [observed(name, prepared, states)[days.gate_rows] for name in observe if "forecast" not in name]
    return PowerMarket(
        price=series.close[days.rows.start : days.rows.stop, 0],
        day=days.number,
        hour=days.hour,
        features=np.concatenate([np.empty((len(days.first), 0), np.float32), *seen], axis=1),
        forecast=price_paths(series, states, days.gate_rows),
        price_scale=usual_price(prepared),
        index=series.index[days.rows.start : days.rows.stop].tz_localize(None).to_numpy(),
        others=other_forecasts(prepared, states, rows) if "forecasts" in observe else {},
    )


def other_forecasts(prepared: Prepared, states: HiddenStates, rows: range) -> dict[str, Array]:
    """Return by name (D, H) prices of the days in `rows`, forecast otherwise than by the network alone.

    Raises:
        RequestError: too few days lie before them.
    """
    scale, hours = usual_price(prepared), states.forecast.shape[1]
    others = day_ahead_forecasts(prepared, rows, scale)
    others["network_corrected"] = corrected_forecast(prepared, states, rows, scale)
    return {name: np.pad(one, ((0, 0), (0, hours - one.shape[1])), mode="edge") for name, one in others.items()}


def usual_price(prepared: Prepared) -> float:
    """Return the median size of the prices the forecaster learns from, currency per MWh."""
    learned = prepared.series.close[prepared.split.forecaster.start : prepared.split.forecaster.stop, 0]
    return float(np.median(np.abs(learned)))
