"""Where to begin: settings that did well in earlier searches, of series that are like this one.

The settings to begin with are a portfolio (Wistuba, Schilling & Schmidt-Thieme 2015, "Sequential model-free
hyperparameter tuning", section 4): each next one is that which, beside those before it, would have left the earlier
studies best off, each as far as its series is like the present one. Knows no study of Optuna and no task.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.search.goals import sign_of
from tradewinds.search.space import Dimension

Array = NDArray[np.float64]
BEGUN_WITH = 10  # settings of a portfolio
NEAR = 0.3  # of a setting's range, within which a trial tells about another
NOISE = 0.3  # of ranks, in parts of what settings make of them
LEARNERS = ("agent", "model")  # of which earlier searches must have the same kind as this one


@dataclass(frozen=True, eq=False)
class PastStudy:
    """An earlier search, as far as it tells about the settings of this one.

    Attributes:
        name: of its series.
        traits: of it.
        settings: N settings, by key.
        ranks: (N,) 0 of the best of them, 1 of the worst and of those that were given up.
    """

    name: str
    traits: Mapping[str, float]
    settings: Sequence[Mapping[str, Any]]
    ranks: Array


def likeness(task: str, config: Mapping[str, Any], goal: str) -> dict[str, str]:
    """Return what searches must have in common to learn of one another."""
    return {**{part: str(config[part]["kind"]) for part in LEARNERS}, "task": task, "goal": goal}


def past_studies(runs: Path, alike: Mapping[str, str], space: Sequence[Dimension], but: str) -> list[PastStudy]:
    """Return the earlier searches beneath a folder that are of use.

    Args:
        runs: the folder of all runs.
        alike: what they must have in common with this one, as `likeness` says.
        space: keys that they must have searched; trials outside of what these may be tell nothing.
        but: name of a study that is left out, as the present one.
    """
    found = []
    for path in sorted(runs.glob("*/search/*/search.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            past = None if document["search"]["study"] == but else _read(document, alike, space)
        except (OSError, ValueError, KeyError, TypeError):  # half a file, or one of an older release
            continue
        if past is not None:
            found.append(past)
    return found


def _read(document: Mapping[str, Any], alike: Mapping[str, str], space: Sequence[Dimension]) -> PastStudy | None:
    """Return what a search.json tells about a space; None where that is nothing."""
    goals, traits = document["search"]["goals"], document["data"]["traits"]
    if traits is None or likeness(document["data"]["task"], document["run"]["config"], goals[0]) != alike:
        return None
    keys = [one.key for one in space]
    trials = [
        trial
        for trial in document["trials"]
        if all(key in trial for key in keys) and all(one.holds(trial[one.key]) for one in space)
    ]
    if sum(not trial["note"] for trial in trials) < 2:
        return None
    reached = [np.inf if trial["note"] else -sign_of(goals[0]) * trial[goals[0]] for trial in trials]
    order = np.array([[other < own for other in reached] for own in reached]).sum(axis=1)
    settings = [{key: trial[key] for key in keys} for trial in trials]
    return PastStudy(document["data"]["name"], traits, settings, order / max(int(order.max()), 1))


def weights(studies: Sequence[PastStudy], traits: Mapping[str, float]) -> Array:
    """Return (S,) how much each earlier study counts, 1 together: the nearer by its traits the more.

    Distances are in deviations of each trait over all series, and a study at the median distance counts exp(-1/2) of
    one at none.
    """
    names = [name for name in traits if all(name in study.traits for study in studies)]
    table = np.array([[one[name] for name in names] for one in (traits, *(study.traits for study in studies))])
    spread = table.std(axis=0)
    table = (table - table[0]) / np.where(spread > 0.0, spread, 1.0)
    distance = np.sqrt((table[1:] ** 2).sum(axis=1))
    scale = float(np.median(distance))
    closeness = np.exp(-0.5 * (distance / scale) ** 2) if scale > 0.0 else np.ones(len(studies))
    return np.asarray(closeness / closeness.sum())


def portfolio(
    studies: Sequence[PastStudy],
    traits: Mapping[str, float],
    space: Sequence[Dimension],
    own: Mapping[str, Any],
    size: int = BEGUN_WITH,
) -> list[Mapping[str, Any]]:
    """Return the settings to begin with, the most promising first; none where nothing was searched before.

    Args:
        studies: earlier ones.
        traits: of the present series.
        space: what is searched.
        own: the request's settings, which are scored anyhow.
        size: at most so many are returned.
    """
    if not studies:
        return []
    share = weights(studies, traits)
    texts = {json.dumps(setting, sort_keys=True): setting for study in studies for setting in study.settings}
    texts.pop(json.dumps(own, sort_keys=True), None)
    candidates = list(texts.values())
    expected = np.array([_expected(study, candidates, space) for study in studies])  # (S, C) ranks
    alone, best = share @ expected, np.full(len(studies), 1.0)
    chosen: list[int] = []
    while len(chosen) < min(size, len(candidates)):
        gain = share @ np.maximum(best[:, None] - expected, 0.0)
        gain[chosen] = -1.0
        among = np.flatnonzero(gain >= gain.max() - 1e-12)
        pick = int(among[np.argmin(alone[among])])
        chosen.append(pick)
        best = np.minimum(best, expected[:, pick])
    return [candidates[number] for number in chosen]


def _expected(study: PastStudy, candidates: Sequence[Mapping[str, Any]], space: Sequence[Dimension]) -> Array:
    """Return (C,) ranks that settings would have had in a study: the mean of a Gaussian process of its trials."""
    there, here = _places(study.settings, space), _places(candidates, space)
    among = _closeness(there, there) + NOISE * np.eye(len(there))
    return np.asarray(0.5 + _closeness(here, there) @ np.linalg.solve(among, study.ranks - 0.5))


def _closeness(here: Array, there: Array) -> Array:
    """Return (H, T) how much one tells of the other, 1 of itself."""
    return np.asarray(np.exp(-0.5 * ((here[:, None, :] - there[None, :, :]) ** 2).sum(axis=2) / NEAR**2))


def _places(settings: Sequence[Mapping[str, Any]], space: Sequence[Dimension]) -> Array:
    """Return (N, D') where settings lie in a space, 0 to 1 along a range; each choice an axis of its own."""
    columns = []
    for one in space:
        values = [setting[one.key] for setting in settings]
        if one.choices:
            columns += [[float(json.dumps(value) == json.dumps(choice)) for value in values] for choice in one.choices]
        else:
            low, high = (np.log(end) if one.log else end for end in (one.low, one.high))
            columns.append([((np.log(value) if one.log else value) - low) / (high - low) for value in values])
    return np.array(columns, np.float64).T
