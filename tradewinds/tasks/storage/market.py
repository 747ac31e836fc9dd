"""Where a forecaster's states become a day-ahead power market: what was known of each day when its gate closed.

The market carries the network's forecast and, where the agent is to see them (`rollout.observe`), all those of
`day_ahead` beside it. docs/battery.md.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.day_ahead.days import slots_of_day
from tradewinds.pipeline.observations import assert_unseen, observed
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.storage.delivery import HOUR, Delivery, delivery_days, price_paths
from tradewinds.tasks.storage.price_forecasts import corrected_forecast, day_ahead_forecasts
from trading_env import PowerMarket

if TYPE_CHECKING:
    from forecaster.hidden_states import HiddenStates

Array = NDArray[np.float64]


def build_power_market(prepared: Prepared, states: "HiddenStates", rows: range) -> PowerMarket:
    """Join prices, and the hidden state and the forecasts of each gate closure, of the whole days in `rows`.

    Raises:
        RequestError: no whole day lies in `rows`, a slot is missing, or too few days lie before them.
        ValueError: bars and states differ in time, or a row breaks `fit_end + horizon + embargo < row`.
    """
    series, config = prepared.series, prepared.config.env
    if not series.index.equals(states.index):
        raise ValueError("hidden states and series must share one time index; encode the series again")
    days = delivery_days(series, config, rows)
    read = range(int(days.gate_rows[0]), days.rows.stop)
    assert_unseen(states, read, horizon=states.forecast.shape[1], embargo=prepared.split.embargo_bars)
    observe = prepared.config.rollout.observe
    observations = [observed(name, prepared, states)[days.gate_rows] for name in observe if "forecast" not in name]
    return _market(
        prepared,
        days,
        features=np.concatenate([np.empty((len(days.first), 0), np.float32), *observations], axis=1),
        forecast=price_paths(series, states, days.gate_rows),
        others=other_forecasts(prepared, states, rows) if "forecasts" in observe else {},
    )


def price_market(prepared: Prepared, rows: range) -> PowerMarket:
    """Return the prices of the whole days in `rows` alone, for what was committed before."""
    days = delivery_days(prepared.series, prepared.config.env, rows)
    nothing = np.zeros((len(days.first), int(days.length.max())))
    return _market(prepared, days, features=nothing[:, :0].astype(np.float32), forecast=nothing, others={})


def _market(
    prepared: Prepared,
    days: Delivery,
    *,
    features: NDArray[np.float32],
    forecast: Array,
    others: dict[str, Array],
) -> PowerMarket:
    series = prepared.series
    slot_hours = days.bar_length / HOUR
    return PowerMarket(
        price=series.close[days.rows.start : days.rows.stop, 0],
        day=days.number,
        hour=np.asarray(days.slot * slot_hours, dtype=np.float64),
        features=features,
        forecast=forecast,
        price_scale=usual_price(prepared),
        index=series.index[days.rows.start : days.rows.stop].tz_localize(None).to_numpy(),
        others=others,
        slot_hours=slot_hours,
    )


def other_forecasts(prepared: Prepared, states: "HiddenStates", rows: range) -> dict[str, Array]:
    """Return by name (D, H) prices of the days in `rows`, forecast otherwise than by the network alone.

    Raises:
        RequestError: too few days lie before them.
    """
    scale, slots = usual_price(prepared), states.forecast.shape[1]
    others = day_ahead_forecasts(prepared, rows, scale)
    others["network_corrected"] = corrected_forecast(prepared, states, rows, scale)
    return {name: np.pad(one, ((0, 0), (0, slots - one.shape[1])), mode="edge") for name, one in others.items()}


def usual_price(prepared: Prepared) -> float:
    """Return the median size of the prices the forecaster learns from, currency per MWh."""
    learned = prepared.series.close[prepared.split.forecaster.start : prepared.split.forecaster.stop, 0]
    return float(np.median(np.abs(learned)))


def with_tomorrow(prepared: Prepared, states: "HiddenStates") -> tuple[Prepared, "HiddenStates", int]:
    """Put the local day after the last whole one at the end, to be committed before its prices are known.

    Its prices are those of the day before by the slot, and its columns the last known: no decision reads either, as a
    day is decided on what its gate row knows, and that is the row before it. Slots that are there already are left out.

    Returns:
        The request and its states with that day at their end, and the row at which it begins.
    """
    zone = prepared.config.env.time_zone
    length = prepared.series.bar_length
    dates = (prepared.series.index + length).tz_convert(zone)
    stop = int(np.flatnonzero(dates == dates.normalize())[-1]) + 1
    series, local = prepared.series.rows(range(stop)), dates[stop - 1]
    begin = local.tz_convert("UTC")
    index = pd.date_range(begin, (local + pd.DateOffset(days=1)).tz_convert("UTC"), freq=length, inclusive="left")
    yesterday = np.resize(np.arange(-slots_of_day(length), 0), len(index))
    columns: dict[str, Any] = {name: getattr(series, name)[yesterday] for name in ("open", "high", "low", "close")}
    volume = None if series.volume is None else series.volume[yesterday]
    exogenous = series.exogenous.iloc[np.full(len(index), -1)].set_axis(index)
    future = tuple(table.between(index[0], index[-1]) for table in series.future_covariates)
    columns |= {"index": index, "exogenous": exogenous, "volume": volume, "future_covariates": future}
    later = dataclasses.replace(series, **columns)
    longer = series.extended(later)
    return dataclasses.replace(prepared, panel=longer), states.until(stop).repeated_to(longer.index), stop
