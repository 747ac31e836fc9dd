"""One trial: settings fitted and scored as `run` would, on a job without what is judged. Knows no study."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tradewinds.core.console import Report, Silent
from tradewinds.core.errors import GateError
from tradewinds.pipeline.records import Array, Validated
from tradewinds.pipeline.task import Job, Prepared
from tradewinds.request.schema import request_from
from tradewinds.search.space import with_values
from tradewinds.tasks import job_of, refuse

Watch = Callable[[int, Mapping[str, float]], None]  # hundredths of a training that are done, and what it measured
MOST_GAINS = 2000  # of a trial that are kept: means of neighbouring periods where there are more
LOOKED = (
    "the goal of a search opened rows that are judged: what is chosen by them cannot be judged on them, and so nothing "
    "is kept"
)


def tried(plain: Mapping[str, Any], values: Mapping[str, Any], watch: Watch) -> Validated:
    """Fit what a request asks for with other values, and score it where nothing is judged.

    Args:
        plain: the request.
        values: by key.
        watch: is told how each training fares, and may raise to end it.

    Returns:
        What it came to, `seconds` of processor time among its goals.

    Raises:
        RequestError: these values cannot be asked for.
        GateError: something looked at what is judged.
    """
    config = request_from(with_values(plain, values))
    config = replace(config, run=replace(config.run, loggers=()))
    refuse(config, "run")
    job: Job = job_of(config)
    job = job.task.unjudged(job)
    begun = _processor_seconds()
    with TemporaryDirectory(prefix="tradewinds-trial-") as folder:
        from tradewinds.pipeline.steps import fit

        models = fit(job, Path(folder) / "run", Watching(watch))
        seconds = _processor_seconds() - begun
        try:
            validated = job.task.validated(job, models)
        except IndexError as error:
            raise GateError(f"{LOOKED} ({error})") from error
    if isinstance(job, Prepared) and (job.sealed is None or job.sealed.openings):
        raise GateError(LOOKED)
    return replace(validated, goals={**validated.goals, "seconds": seconds})


def _processor_seconds() -> float:
    """Return what this process and those it began have used: a machine that is shared does not make a fit slower."""
    return float(sum(os.times()[:4]))


class Watching(Silent):
    """Says nothing, and hands on how far each training has come."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    @contextmanager
    def progress(self, title: str) -> Iterator[Report]:
        """Yield a function that hands on what a training measured."""
        yield lambda done, total, metrics: self._watch(100 * done // max(total, 1), metrics)


def kept_gains(gains: Array) -> Array:
    """Return (P,) gains as they are kept: of more than `MOST_GAINS` the means of neighbours, less a rest."""
    size = -(-len(gains) // MOST_GAINS)
    whole = len(gains) - len(gains) % size
    return np.asarray(gains[:whole].reshape(-1, size).mean(axis=1))
