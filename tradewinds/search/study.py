"""A study of Optuna: who tries what next, and that so many are finished in the end, whoever is killed when.

Every worker asks the same database, and a trial whose worker went silent is queued again with the same values. A worker
draws anew at each trial from the request's seed and the number of trials before it, so that a search by one worker
tries the same whether or not it was interrupted. Must not know what a trial does.
"""

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from forecaster.seeds import seed_for
from tradewinds.core.errors import RequestError
from tradewinds.request.search_settings import Goal, SearchConfig
from tradewinds.search.goals import WATCHED, reached, sign_of
from tradewinds.search.objective import Objective, Watch, unwatched
from tradewinds.search.space import Dimension, left_to_try
from tradewinds.search.tries import Try, as_try, kept

BEAT, SILENCE = 5, 30  # seconds between two signs of life of a trial, and without one after which it is queued again
LOOK = 1.0  # seconds between two looks at trials of others
LOCK_SECONDS = 120  # that a worker waits for SQLite
FIRST_PERCENT, FIRST_TRIALS = 20, 5  # of a training, and of trials, before which none is ended early
REFUSED = "refused"  # attribute of a trial: why its settings cannot be asked for
RETRIED = "failed_trial"  # how Optuna marks a trial that is another's repetition
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


class SurplusError(Exception):
    """A trial that another worker's made one too many, or whose values have been tried."""


@dataclass(frozen=True)
class StudyPlan:
    """What a study tries.

    Attributes:
        name: of the study.
        url: of its database.
        dimensions: keys and what they may be.
        goals: one or two.
        settings: of the search.
        seed: of all that is drawn.
        own: the request's own values, by key, which are scored beforehand.
    """

    name: str
    url: str
    dimensions: tuple[Dimension, ...]
    goals: tuple[Goal, ...]
    settings: SearchConfig
    seed: int
    own: Mapping[str, Any]

    @property
    def wanted(self) -> int:
        """How many trials are to be finished: as many as were asked for, or as many as there are."""
        left = left_to_try(self.dimensions, self.own)
        return self.settings.trials if left is None else min(self.settings.trials, left)

    @property
    def prunes(self) -> bool:
        """Whether trials are ended early: by one goal alone, which a training tells on its way."""
        return self.settings.prune and len(self.goals) == 1 and self.goals[0] in WATCHED


def opened(plan: StudyPlan) -> optuna.Study:
    """Return the study, new or as it stands.

    Raises:
        RequestError: its database cannot be reached.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if plan.url.startswith("sqlite:///"):
        Path(plan.url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    wait = {"timeout": LOCK_SECONDS} if plan.url.startswith("sqlite") else {}
    try:
        with _quiet():
            storage = RDBStorage(
                plan.url,
                engine_kwargs={"connect_args": wait},
                heartbeat_interval=BEAT,
                grace_period=SILENCE,
                heartbeat_stale_trial_callback=_queue_again,
            )
            return optuna.create_study(
                storage=storage,
                study_name=plan.name,
                directions=["maximize" if sign_of(goal) > 0.0 else "minimize" for goal in plan.goals],
                pruner=_pruner(plan),
                load_if_exists=True,
            )
    except (ArgumentError, NoSuchModuleError, OperationalError, ImportError, ValueError) as error:
        words = " ".join(str(getattr(error, "orig", None) or error).split())
        raise RequestError(
            f"search.storage: no study can be kept there ({words}); give an address of SQLAlchemy, such as "
            "postgresql+psycopg://user@host/name, or leave it out"
        ) from None


def begin_with(study: optuna.Study, plan: StudyPlan, settings: Sequence[Mapping[str, Any]]) -> None:
    """Queue settings that are tried before a sampler is asked, in their order; those that are there are not doubled."""
    for values in settings:
        study.enqueue_trial({one.key: one.parameter(values[one.key]) for one in plan.dimensions}, skip_if_exists=True)


def work(
    plan: StudyPlan, objective: Objective, worker: int, told: Callable[[int], None], deadline: float | None
) -> None:
    """Try settings until so many are finished, by this worker or others.

    Args:
        plan: of the study.
        objective: from values by key to what they came to.
        worker: its number, for what it draws.
        told: is told how many are finished, after each.
        deadline: `time.monotonic` after which none is begun; None: never.
    """
    study, wanted = opened(plan), plan.wanted
    while True:
        finished, running = _counted(study)
        told(finished)
        late = deadline is not None and time.monotonic() > deadline
        if finished >= wanted or (late and not running):
            return
        if (
            late or finished + running >= wanted
        ):  # others are at the last ones; should they fall silent, theirs are ours
            _requeue(study)
            time.sleep(LOOK)
            continue
        study.sampler = _sampler(plan, study, worker)
        with _quiet():
            study.optimize(lambda trial: _attempt(trial, plan, objective), n_trials=1, catch=(SurplusError,))


def finished_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count, in the order in which they were begun."""
    return [trial for trial in study.get_trials(deepcopy=False) if trial.state in DONE]


def values_of(trial: FrozenTrial, dimensions: Sequence[Dimension]) -> dict[str, Any]:
    """Return the settings that a trial tried, by key."""
    return {one.key: one.read(trial.params[one.key]) for one in dimensions if one.key in trial.params}


def tries_of(study: optuna.Study, dimensions: Sequence[Dimension]) -> list[Try]:
    """Return what a study has tried, in the order in which it was begun."""
    return [
        as_try(trial.number, values_of(trial, dimensions), trial.user_attrs, _note(trial))
        for trial in finished_trials(study)
    ]


def _note(trial: FrozenTrial) -> str:
    """Say why a trial was given up; nothing where it came to its end."""
    ended = "fell behind the others" if trial.state == TrialState.PRUNED else ""
    return str(trial.user_attrs.get(REFUSED, ended))


def _attempt(trial: optuna.Trial, plan: StudyPlan, objective: Objective) -> Sequence[float]:
    """Try what the sampler proposes.

    Raises:
        TrialPruned: the trial falls behind, or cannot be asked for.
        SurplusError: enough were begun before it.
    """
    earlier = trial.study.get_trials(deepcopy=False, states=(*DONE, TrialState.RUNNING))
    earlier = [other for other in earlier if other.number < trial.number]
    if len(earlier) >= plan.wanted:
        raise SurplusError
    values = {one.key: one.suggested(trial) for one in plan.dimensions}
    if values == plan.own or any(values_of(other, plan.dimensions) == values for other in earlier):
        raise SurplusError
    try:
        validated = objective(values, _watch(trial, plan))
    except RequestError as error:  # such values cannot stand together; a try like any other, and it came to nothing
        trial.set_user_attr(REFUSED, " ".join(str(error).split()))
        raise optuna.TrialPruned from None
    for name, value in kept(validated).items():
        trial.set_user_attr(name, value)
    return reached(plan.goals, validated)


def _watch(trial: optuna.Trial, plan: StudyPlan) -> Watch:
    """Return what reports a training's progress to the study, and ends it where it falls behind the median."""
    if not plan.prunes:
        return unwatched
    name, seen = WATCHED[plan.goals[0]], {0}

    def watch(percent: int, metrics: Mapping[str, float]) -> None:
        if name not in metrics or percent in seen:
            return
        seen.add(percent)
        trial.report(metrics[name], percent)
        if percent < 100 and trial.should_prune():
            raise optuna.TrialPruned

    return watch


def _counted(study: optuna.Study) -> tuple[int, int]:
    """Return how many trials are finished, and how many are under way."""
    states = [trial.state for trial in study.get_trials(deepcopy=False)]
    return sum(state in DONE for state in states), sum(state == TrialState.RUNNING for state in states)


def _drawn(study: optuna.Study) -> int:
    """Return how many trials have drawn values of their own: it never falls, and one that is queued again adds none."""
    return sum(bool(trial.params) and RETRIED not in trial.system_attrs for trial in study.get_trials(deepcopy=False))


def _queue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Queue what went silent with the values it drew, if it had come so far."""
    if trial.params:
        with _quiet():
            RetryHeartbeatStaleTrialCallback()(study, trial)


def _requeue(study: optuna.Study) -> None:
    """Queue again what went silent; give up what was killed before it drew any value, of which nothing is lost."""
    with _quiet():
        fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        begun = trial.datetime_start
        if not trial.params and begun is not None and (datetime.now() - begun).total_seconds() > SILENCE:
            study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def _sampler(plan: StudyPlan, study: optuna.Study, worker: int) -> BaseSampler:
    """Return what draws the next trial: at random after one whose values had been tried, so that it comes to others."""
    seed = seed_for(plan.seed, f"trial {_drawn(study)} of worker {worker}")
    trials = study.get_trials(deepcopy=False)
    if trials and trials[-1].state == TrialState.FAIL and trials[-1].params:
        return RandomSampler(seed=seed)
    makers: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(seed=seed, multivariate=True),
        "random": lambda: RandomSampler(seed=seed),
        "gp": lambda: GPSampler(seed=seed),
        "nsga2": lambda: NSGAIISampler(seed=seed, population_size=max(4, min(50, plan.settings.trials // 4))),
    }
    with _quiet():
        return makers[plan.settings.sampler]()


def _pruner(plan: StudyPlan) -> BasePruner:
    return MedianPruner(FIRST_TRIALS, FIRST_PERCENT) if plan.prunes else NopPruner()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide that signs of life and multivariate TPE may change: the version is pinned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
