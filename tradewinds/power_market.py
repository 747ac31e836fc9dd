"""Where a forecaster's states become a day-ahead power market: what was known of each day when its gate closed.

The market an agent meets, the days it is judged on included, carries the network's forecast and, beside it, all those
of `day_ahead`: an agent may believe any of them. docs/battery.md.
"""

import numpy as np

from forecaster.encode import HiddenStates
from tradewinds.day_ahead import corrected_forecast, day_ahead_forecasts
from tradewinds.join import assert_unseen
from tradewinds.prepare import Prepared
from tradewinds.storage import delivery_days, price_paths
from trading_env import PowerMarket


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
    learned = series.close[prepared.split.forecaster.start : prepared.split.forecaster.stop, 0]
    scale, paths = float(np.median(np.abs(learned))), price_paths(series, states, days.gate_rows)
    others = day_ahead_forecasts(prepared, rows, scale)
    others["network_corrected"] = corrected_forecast(prepared, states, rows, scale)
    hours = paths.shape[1]
    return PowerMarket(
        price=series.close[days.rows.start : days.rows.stop, 0],
        day=days.number,
        hour=days.hour,
        features=states.hidden_state[days.gate_rows],
        forecast=paths,
        price_scale=scale,
        index=series.index[days.rows.start : days.rows.stop].tz_localize(None).to_numpy(),
        others={name: np.pad(one, ((0, 0), (0, hours - one.shape[1])), mode="edge") for name, one in others.items()},
    )
