"""What settings come to: fitted and scored as `run` would, on a job without what is judged, and counted as a trial.

Knows no study.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from forecaster.data.splits import Fold
from tradewinds.core.console import Report, Silent
from tradewinds.core.errors import GateError, RequestError
from tradewinds.evaluation.trials import judged_trial, log_trial
from tradewinds.judge import keep_rows
from tradewinds.leakcheck.stretch import aligned, parts_of
from tradewinds.pipeline.folds import folds_of, job_of_fold
from tradewinds.pipeline.records import Validated
from tradewinds.pipeline.task import Job, Prepared
from tradewinds.request.schema import Config, request_from
from tradewinds.search.space import with_values
from tradewinds.tasks import job_of, refuse, task_of

FOLDER = "search"  # of studies, beside the runs of a name
LOOKED = (
    "the goal of a search opened rows that are judged: what is chosen by them cannot be judged on them, and so nothing "
    "is kept"
)
Watch = Callable[[int, Mapping[str, float]], None]  # hundredths of a training that are done, and what it measured
Objective = Callable[[Mapping[str, Any], Watch], Validated]


class RequestObjective:
    """From settings, by key, to what a request with them comes to; where trials are counted each is written down."""

    def __init__(self, config: Config) -> None:
        self._plain = replace(config, run=replace(config.run, loggers=())).plain()
        job = job_of(config, whole=True)
        self._counted = (job, keep_rows(job)) if isinstance(job, Prepared) and job.task.acts else None

    def __call__(self, values: Mapping[str, Any], watch: Watch) -> Validated:
        """Return what the request comes to with these values, `seconds` of processor time among its goals.

        Raises:
            RequestError: these values cannot be asked for.
            GateError: something looked at what is judged.
        """
        config = request_from(with_values(self._plain, values))
        refuse(config, "run")
        validated = joined(
            [
                _scored(
                    *jobs, unwatched if number else watch
                )  # folds differ: whoever falls behind does so in the first
                for number, jobs in enumerate(jobs_of(config))
            ]
        )
        self._count(config, validated)
        return validated

    def _count(self, config: Config, validated: Validated) -> None:
        """Write a trial down, as what it is once it is judged: a repetition counts no second time."""
        gains, per_year = validated.gains.get("score"), validated.per_year
        if self._counted is None or gains is None or per_year is None:
            return
        job, rows = self._counted
        span = job.time_range(job.split.test)
        trial = judged_trial(
            pd.Series(gains),
            series=str(job.inputs["series"]),
            way=job.task.kind,
            rows=rows,
            data_sha256=job.inputs["sha256"],
            first=span["first"],
            last=span["last"],
            periods=len(gains),
            periods_per_year=per_year,
            config=config.deciding(),
            seed=config.seed,
            run=job.runs / FOLDER,
            part="validation",
        )
        log_trial(trial, pd.Series(gains), Path(config.run.dir))


def scored_on(job: Job) -> str:
    """Say on what trials of a request are scored.

    Raises:
        RequestError: there is nothing of the kind.
    """
    if not job.config.search.folds:
        return "what chooses: validation rows, episodes or cases"
    whole, folds = _inner_folds(job)
    first, last = folds[0].rows.start + folds[0].split.test.start, folds[-1].rows.stop
    span = whole.time_range(range(first, last))
    return f"{len(folds)} inner tests that chose nothing, {span['first'][:10]} to {span['last'][:10]}"


def _inner_folds(job: Job) -> tuple[Prepared, list[Fold]]:
    """Cut the bars before the test rows of a whole request into folds, and return it with its parts aligned.

    Raises:
        RequestError: it reads no bars, or has too few.
    """
    count = job.config.search.folds
    if not isinstance(job, Prepared):
        raise RequestError(
            f"search.folds={count} cuts bars into inner tests, and {job.name} has none: its goals are measured on "
            "episodes or cases that chose nothing; leave it at 0"
        )
    whole = aligned(job)
    return whole, folds_of(whole.until(whole.split.validation.stop), "search.folds", count)


def jobs_of(config: Config) -> Iterator[tuple[Job, Job]]:
    """Yield what is fitted, and by whose validation rows it is scored: its own, or the test rows of an inner fold."""
    if not config.search.folds:
        job = job_of(config)
        job = job.task.unjudged(job)
        yield job, job
        return
    whole, folds = _inner_folds(job_of(config, whole=True))
    for fold in folds:
        job, split = job_of_fold(whole.config, task_of(config), parts_of(whole), fold), fold.split
        end = range(split.test.stop, split.test.stop)
        later = replace(split, agent=split.validation, validation=split.test, test=end)
        yield job.seal(), replace(job, split=later).seal()


def _scored(fitted: Job, scored: Job, watch: Watch) -> Validated:
    """Fit what one job asks for and score it on the validation rows of another; `watch` may raise to end a training."""
    from tradewinds.pipeline.steps import encoded_anew, fit

    begun = _processor_seconds()
    with TemporaryDirectory(prefix="tradewinds-trial-") as folder:
        models = fit(fitted, Path(folder) / "run", _Watching(watch))
        seconds = _processor_seconds() - begun
        try:
            validated: Validated = scored.task.validated(scored, encoded_anew(scored, models))
        except IndexError as error:
            raise GateError(f"{LOOKED} ({error})") from error
    if isinstance(scored, Prepared) and (scored.sealed is None or scored.sealed.openings):
        raise GateError(LOOKED)
    return replace(validated, goals={**validated.goals, "seconds": seconds})


def joined(parts: Sequence[Validated]) -> Validated:
    """Return several scores as one: means over all periods, all seconds, and the deepest fall of any."""
    first = parts[0]
    if len(parts) == 1:
        return first
    gains = {name: np.concatenate([part.gains[name] for part in parts]) for name in first.gains}
    goals = {}
    for name in first.goals:
        values = [part.goals[name] for part in parts]
        if name in gains:
            goals[name] = float(np.average(values, weights=[len(part.gains[name]) for part in parts]))
        else:
            goals[name] = sum(values) if name == "seconds" else max(values)
    return replace(first, goals=goals, gains=gains)


def unwatched(percent: int, metrics: Mapping[str, float]) -> None:
    """Let a training go on."""


def _processor_seconds() -> float:
    """Return what this process and those it began have used: a machine that is shared does not make a fit slower."""
    return float(sum(os.times()[:4]))


class _Watching(Silent):
    """Says nothing, and hands on how far each training has come."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    @contextmanager
    def progress(self, title: str) -> Iterator[Report]:
        """Yield a function that hands on what a training measured."""
        yield lambda done, total, metrics: self._watch(100 * done // max(total, 1), metrics)
