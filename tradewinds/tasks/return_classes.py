"""What a report says of the classes of changes, where the network tells their chances (`model.head=bins`)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.evaluation.class_scores import ClassScores
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Prepared

Array = NDArray[np.float64]
KEPT = ("accuracy", "log_loss", "brier", "calibration_error")


def classes_block(prepared: Prepared, scores: ClassScores | None) -> dict[str, Any]:
    """Return the block `classes_of_next_bar` of a report's honesty; nothing where the head has no classes.

    The interval draws whole bars anew, with all instruments that were told of in one.
    """
    if scores is None:
        return {}
    from tradewinds.evaluation.inference import interval_block

    draws, seed = prepared.config.backtest.bootstrap_draws, seed_for(prepared.config.seed, "bootstrap")
    _, bar = np.unique(scores.decisions, return_inverse=True)
    gained: tuple[Array, Array | None] = (scores.gained, None)
    if prepared.several:
        sums, counts = np.bincount(bar, weights=scores.gained), np.bincount(bar)
        gained = (sums.astype(np.float64), counts.astype(np.float64))
    return {
        "classes_of_next_bar": {
            "edges": scores.edges.tolist(),
            "instruments": len(prepared.series.instruments),
            "cases": scores.ours["cases"],
            "network": {name: scores.ours[name] for name in KEPT},
            "climatology": {name: scores.climatology[name] for name in KEPT},
            "gain": float(scores.gained.mean()),
            **interval_block({"gain_ci95": gained}, draws=draws, seed=seed, unit="bars"),
            "confusion": scores.table.tolist(),
        }
    }
