"""How good the chances of classes of changes are (`model.head=bins`), beside how often each class came. K classes.

One bar ahead. Formulas: docs/classification.md.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.scores import LEAST_CHANCE, confusion, scores_of
from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from forecaster.networks.heads import BinsHead
from forecaster.training.ensemble import Ensemble
from forecaster.training.module import LSTMForecaster

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Chances of the next bar's class, beside the climatology.

    Attributes:
        edges: (K - 1,) changes between the classes.
        ours: accuracy, log loss and Brier score of the network, as `forecaster.classification.scores.scores_of` says.
        climatology: the same of the share of each class in the bars that the network was fitted on.
        table: (K, K) how many bars of each class (rows) were called each (columns).
        gained: (N,) log loss of the climatology less the network's, in order of time, in nats.
    """

    edges: Array
    ours: dict[str, Any]
    climatology: dict[str, Any]
    table: NDArray[np.int64]
    gained: Array


def score_classes(
    fitted: FittedForecaster, series: Series, states: HiddenStates, decisions: NDArray[np.int64]
) -> ClassScores | None:
    """Score the chances told at the close of `decisions` (N,); None where the head has no classes.

    Args:
        fitted: the network.
        series: T bars of its instrument.
        states: what it said of them.
        decisions: rows at which it spoke and after which the instrument changed.
    """
    head = _head(fitted)
    if states.chances is None or head is None:
        return None
    changes = series.changes()[:, 0]
    edges = head.edges[1:-1].numpy().astype(np.float64) * fitted.target_scale
    chances = states.chances[decisions, 0].astype(np.float64)
    truth = np.digitize(changes[decisions + 1], edges)
    until = int(series.close_time.searchsorted(fitted.fit_end_time, side="right"))
    past = changes[:until][series.has_change[:until, 0]]  # not the 0 of a bar that is none
    count = np.bincount(np.digitize(past[np.isfinite(past)], edges), minlength=chances.shape[1])
    usual = np.tile(count / count.sum(), (len(truth), 1))
    losses = [-np.log(np.maximum(told[np.arange(len(truth)), truth], LEAST_CHANCE)) for told in (usual, chances)]
    table = confusion(chances.argmax(axis=1), truth, chances.shape[1])
    return ClassScores(edges, scores_of(chances, truth), scores_of(usual, truth), table, losses[0] - losses[1])


def _head(fitted: FittedForecaster) -> BinsHead | None:
    model = fitted.model
    first = cast(LSTMForecaster, model.members[0]) if isinstance(model, Ensemble) else model
    return first.head if isinstance(first.head, BinsHead) else None
