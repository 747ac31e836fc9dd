"""What an account's agent observes, by name: the features of its market, then what it knows of itself."""

import numpy as np
from numpy.typing import NDArray

from forecaster.data.panel import build_panel_features
from tradewinds.pipeline.records import Observed
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.account import market as markets


def observed(prepared: Prepared, models: Models, rows: range) -> Observed:
    """Return the names of an observation's columns and the features on `rows`, decided at their own bars.

    `name@k` is the value of k bars before.
    """
    states = models.states
    assert states is not None
    config, instruments = prepared.config, prepared.series.instruments
    read = build_panel_features(prepared.series, config.features)[0]
    columns = {
        "hidden_state": [f"hidden_state_{number}" for number in range(states.hidden_state.shape[-1])],
        "forecast": [f"forecast_{number + 1}" for number in range(states.forecast.shape[-1])],
        "chances": _chances(states.chances),
        "plan": [f"plan_{level:g}" for level in getattr(config.env, "exposures", ())],
        "features": [f"features.{name}" for name in read.names[: read.plain]],
    }
    bar = [name for part in config.rollout.observe for name in columns[part]]
    if prepared.several:
        bar = [f"{name}.{instrument}" for instrument in instruments for name in (*bar, "available")]
    bars = getattr(config.agent, "context_length", 1)
    names = [*bar, *(f"{name}@{ago}" for ago in range(1, bars) for name in bar)]
    own = [f"account.{what}.{name}" for what in ("exposure", "target") for name in instruments]
    features = markets.build_market(prepared, states, rows).features
    return Observed((*names, *own, "account.drawdown"), features, np.arange(rows.start, rows.stop))


def _chances(chances: NDArray[np.float32] | None) -> list[str]:
    """Return a name for each class of each bar ahead; none where the head has no classes."""
    if chances is None:
        return []
    horizon, classes = chances.shape[-2:]
    return [f"chance_{bar + 1}_{number}" for bar in range(horizon) for number in range(classes)]
