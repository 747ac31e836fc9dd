"""What a report says of the classes of changes, where the network tells their chances (`model.head=bins`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.evaluation.class_scores import score_classes
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Prepared

KEPT = ("accuracy", "log_loss", "brier", "calibration_error")


def classes_block(
    prepared: Prepared, fitted: FittedForecaster, states: HiddenStates, decisions: NDArray[np.int64]
) -> dict[str, Any]:
    """Return the block `classes_of_next_bar` of a report's honesty; nothing where the head has no classes."""
    scores = score_classes(fitted, prepared.series, states, decisions)
    if scores is None:
        return {}
    from tradewinds.evaluation.inference import interval_block

    draws, seed = prepared.config.backtest.bootstrap_draws, seed_for(prepared.config.seed, "bootstrap")
    gained = interval_block({"gain_ci95": (scores.gained, None)}, draws=draws, seed=seed, unit="bars")
    return {
        "classes_of_next_bar": {
            "edges": scores.edges.tolist(),
            "cases": scores.ours["cases"],
            "network": {name: scores.ours[name] for name in KEPT},
            "climatology": {name: scores.climatology[name] for name in KEPT},
            "gain": float(scores.gained.mean()),
            **gained,
            "confusion": scores.table.tolist(),
        }
    }
