"""What a storage unit's agent observes, by name, a day a row; and its network's forecasts as they are scored."""

import numpy as np

from forecaster.data.features import build_features
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.records import Observed, Scored
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.storage import backtest
from tradewinds.tasks.storage import market as markets
from tradewinds.tasks.storage.delivery import delivery_days


def observed(prepared: Prepared, models: Models, rows: range) -> Observed | None:
    """Return the names of an observation's columns, and what is known of each whole day of `rows` at its gate closure.

    `<forecast>.h` is the slot h slots after the one that is committed; None where `rows` hold too few days.
    """
    _, states = models.forecasting()
    try:
        market = markets.build_power_market(prepared, states, rows)
    except RequestError:
        return None
    columns = {
        "hidden_state": [f"hidden_state_{number}" for number in range(states.hidden_state.shape[1])],
        "features": [f"features.{name}" for name in build_features(prepared.series, prepared.config.features).names],
    }
    features = [name for part in prepared.config.rollout.observe for name in columns.get(part, ())]
    slots = range(market.forecast.shape[1])
    forecasts = [f"{name}.{slot}" for name in ("network", *market.others) for slot in slots]
    own = ("hour_sin", "hour_cos", "hours_left", "charge")
    values = np.concatenate([market.features, market.forecasts.reshape(len(market.features), -1)], axis=1)
    days = delivery_days(prepared.series, prepared.config.env, rows)
    return Observed((*features, *forecasts, *own), values, days.gate_rows)


def scored(prepared: Prepared, models: Models, rows: range) -> tuple[Scored, ...]:
    """Return the network's forecast of each slot of the whole days in `rows`, made at its day's gate closure."""
    kind = prepared.config.model.kind
    try:
        decisions = backtest.decide(prepared, models, rows)
    except RequestError:
        return ()
    days = delivery_days(prepared.series, prepared.config.env, rows)
    outcome = prepared.series.index.get_indexer(decisions.index)
    forecast = decisions[f"{backtest.PREFIX}{kind}"].to_numpy(np.float64)
    truth = prepared.series.close[outcome, 0]
    return (Scored(kind, np.repeat(days.gate_rows, days.length), outcome, forecast, truth, prices=True),)
