"""What settings come to: fitted and scored as `run` would, on a job without what is judged, and counted as a trial.

Knows no study.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from tradewinds.core.console import Report, Silent
from tradewinds.core.errors import GateError
from tradewinds.evaluation.trials import judged_trial, log_trial
from tradewinds.judge import keep_rows
from tradewinds.pipeline.records import Validated
from tradewinds.pipeline.task import Job, Prepared
from tradewinds.request.schema import Config, request_from
from tradewinds.search.space import with_values
from tradewinds.tasks import job_of, refuse

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
        validated = _validated(job_of(config), watch)
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


def _validated(job: Job, watch: Watch) -> Validated:
    """Fit what a job asks for and score it where nothing is judged; `watch` may raise to end a training."""
    from tradewinds.pipeline.steps import fit

    job = job.task.unjudged(job)
    begun = _processor_seconds()
    with TemporaryDirectory(prefix="tradewinds-trial-") as folder:
        models = fit(job, Path(folder) / "run", _Watching(watch))
        seconds = _processor_seconds() - begun
        try:
            validated: Validated = job.task.validated(job, models)
        except IndexError as error:
            raise GateError(f"{LOOKED} ({error})") from error
    if isinstance(job, Prepared) and (job.sealed is None or job.sealed.openings):
        raise GateError(LOOKED)
    return replace(validated, goals={**validated.goals, "seconds": seconds})


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
