"""What the forecasts of the test rows rest on, for the report: features, bars, and whether that means anything."""

import time
from typing import Any

import numpy as np

from forecaster.evaluation.attribution import alike, attribute, randomised
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Prepared

RANDOM_NETWORKS, FEW = 20, 8  # of the sanity check, and forecasts that it looks at
UNTOLD = "told of networks that read the bars of one instrument"


def resting_on(prepared: Prepared, fitted: object, states: HiddenStates) -> dict[str, Any] | None:
    """Take forecasts of the test rows apart, as many as `backtest.attributions` asks for, evenly spread; None for 0.

    Returns:
        `by_feature`, shares by name; `by_bar`, shares of the bars of the window, the newest first; `unexplained`, how
        far the parts miss the whole; `random_weights`, the rank correlation with the parts of networks of weights drawn
        anew, about 0 where it is the network that is shown; how many `rows`, `ahead`, and `seconds`.
    """
    asked = prepared.config.backtest.attributions
    if not asked:
        return None
    if not isinstance(fitted, FittedForecaster):
        return {"by_feature": None, "by_feature_reason": UNTOLD}
    started, horizon = time.perf_counter(), prepared.config.model.horizon
    test = prepared.split.test
    there = np.flatnonzero(np.isfinite(states.forecast[test.start : test.stop]).all(axis=1)) + test.start
    rows = there[np.unique(np.linspace(0, len(there) - 1, min(asked, len(there))).round().astype(np.int64))]
    found = attribute(fitted, prepared.series, rows)
    seed = seed_for(prepared.config.seed, "attributions")
    few = rows[:: -(-len(rows) // FEW)]
    ours = attribute(fitted, prepared.series, few)
    others = [
        alike(ours, attribute(randomised(fitted, seed + number), prepared.series, few))
        for number in range(RANDOM_NETWORKS)
    ]
    return {
        "rows": len(rows),
        "ahead": horizon,
        "by_feature": found.by_feature,
        "by_bar": found.by_bar[::-1].tolist(),
        "unexplained": found.unexplained,
        "random_weights": float(np.mean(others)),
        "seconds": round(time.perf_counter() - started, 1),
    }
