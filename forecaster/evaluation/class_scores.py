"""How good the chances of classes of changes are (`model.head=bins`), beside how often each class came. K classes.

One bar ahead. Formulas: docs/classification.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.scores import LEAST_CHANCE, confusion, scores_of
from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from forecaster.networks.heads import BinsHead
from forecaster.panel_states import PanelStates
from forecaster.training.ensemble import Ensemble
from forecaster.training.module import LSTMForecaster

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassScores:
    """Chances of the next bar's class, beside the climatology; N of them, of one instrument or of several.

    Attributes:
        edges: (K - 1,) changes between the classes; of several instruments in units of each one's deviation.
        ours: accuracy, log loss and Brier score of the network, as `forecaster.classification.scores.scores_of` says.
        climatology: the same of the share of each class in the bars that the network was fitted on.
        table: (K, K) how many bars of each class (rows) were called each (columns).
        gained: (N,) log loss of the climatology less the network's, in nats.
        decisions: (N,) rows at which they were told.
    """

    edges: Array
    ours: dict[str, Any]
    climatology: dict[str, Any]
    table: NDArray[np.int64]
    gained: Array
    decisions: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Told:
    """What one instrument's bars came to: chances (N, K), classes (N,), and those of its fit bars."""

    chances: Array
    truth: NDArray[np.int64]
    past: NDArray[np.int64]
    decisions: NDArray[np.int64]


def score_classes(
    fitted: FittedForecaster, series: Series, states: HiddenStates, decisions: NDArray[np.int64]
) -> ClassScores | None:
    """Score the chances told at the close of `decisions` (N,); None where the head has no classes, or no bar counts.

    Args:
        fitted: the network.
        series: T bars of its instrument.
        states: what it said of them.
        decisions: rows at which it spoke and after which the instrument changed.
    """
    edges = _edges(fitted)
    if states.chances is None or edges is None:
        return None
    return _scored(edges * fitted.target_scale, [_told(edges, fitted, series, states.chances[:, 0], decisions)])


def score_panel_classes(
    fitted: Mapping[str, FittedForecaster], series: Series, states: PanelStates, rows: range
) -> ClassScores | None:
    """Score the chances told of every instrument in `rows`; None where the head has no classes, or no bar counts.

    Classes are cut in units of each instrument's deviation, so that one class is as usual of one as of another; the
    climatology is that of all instruments.

    Args:
        fitted: the network as each instrument's forecaster.
        series: T bars of A instruments.
        states: what it said of them.
        rows: of which the next bar lies inside them.
    """
    edges = _edges(next(iter(fitted.values())))
    if states.chances is None or edges is None:
        return None
    issued, told = np.arange(rows.start, rows.stop - 1), []
    for number, name in enumerate(series.instruments):
        there = issued[states.available[issued, number] & series.has_change[issued + 1, number]]
        own = series.instrument(name)
        told.append(_told(edges, fitted[name], own, states.chances[:, number, 0], there))
    return _scored(edges, told)


def _told(
    edges: Array, fitted: FittedForecaster, series: Series, chances: NDArray[np.float32], decisions: NDArray[np.int64]
) -> _Told:
    changes, own = series.changes()[:, 0], edges * fitted.target_scale
    until = int(series.close_time.searchsorted(fitted.fit_end_time, side="right"))
    past = changes[:until][series.has_change[:until, 0]]  # not the 0 of a bar that is none
    return _Told(
        chances[decisions].astype(np.float64),
        np.digitize(changes[decisions + 1], own),
        np.digitize(past[np.isfinite(past)], own),
        decisions,
    )


def _scored(edges: Array, told: Sequence[_Told]) -> ClassScores | None:
    chances, truth, past, decisions = (
        np.concatenate([getattr(one, name) for one in told]) for name in ("chances", "truth", "past", "decisions")
    )
    if not len(truth) or not len(past):  # a stretch that begins after the fit
        return None
    count = np.bincount(past, minlength=len(edges) + 1)
    usual = np.tile(count / count.sum(), (len(truth), 1))
    losses = [-np.log(np.maximum(of[np.arange(len(truth)), truth], LEAST_CHANCE)) for of in (usual, chances)]
    table = confusion(chances.argmax(axis=1), truth, chances.shape[1])
    return ClassScores(
        edges, scores_of(chances, truth), scores_of(usual, truth), table, losses[0] - losses[1], decisions
    )


def _edges(fitted: FittedForecaster) -> Array | None:
    """Return (K - 1,) edges in units of the deviation; None of a head without classes."""
    model = fitted.model
    first = cast(LSTMForecaster, model.members[0]) if isinstance(model, Ensemble) else model
    return first.head.edges[1:-1].numpy().astype(np.float64) if isinstance(first.head, BinsHead) else None
