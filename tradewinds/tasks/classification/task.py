"""Cases told apart by class as a task: no series and no agent; heavy parts load when used."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import Artifact
from tradewinds.pipeline.provenance import CLASSIFIER
from tradewinds.pipeline.records import Duel, Forecasts, Outcome, Validated
from tradewinds.pipeline.task import Plans
from tradewinds.request.schema import Config

if TYPE_CHECKING:
    from tradewinds.tasks.classification.job import ClassificationJob
    from tradewinds.tasks.classification.learning import Classifiers


class ClassificationTask:
    """Tell cases apart; see `tradewinds.pipeline.task.Task`. What reads bars, or acts, is never asked for."""

    kind = "classification"
    folder = "classification"
    product = CLASSIFIER
    acts_on_several = False
    acts = False
    plans: Plans = MappingProxyType({})
    rival = "majority"
    curve: Literal["equity", "profit", "none"] = "none"

    def job(self, config: Config) -> "ClassificationJob":
        """Return the request as a job, its cases read and parted.

        Raises:
            RequestError: they cannot be.
        """
        from tradewinds.tasks.classification.job import job_of_cases

        return job_of_cases(config, self)

    def told(self, job: "ClassificationJob") -> str:
        """Say what is told apart."""
        from forecaster.classification.cases import counted, named

        channels = job.cases.channels
        form = "texts" if job.cases.are_texts else f"series of {counted(len(channels), 'channel')} ({named(channels)})"
        return (
            f"{job.name}: {len(job.cases)} {form} of {len(job.classes)} classes; {len(job.kept)} are learned from, "
            f"{len(job.judged)} judged"
        )

    def learn(self, job: "ClassificationJob", run: Path, console: Console) -> "Classifiers":
        """Fit the classifiers of a request, and keep one."""
        from tradewinds.tasks.classification.learning import learn

        return learn(job, run, console)

    def leakcheck(self, job: "ClassificationJob", console: Console) -> dict[str, Any]:
        """Look for what a classifier may not know.

        Raises:
            GateError: it knows it.
        """
        from tradewinds.tasks.classification.leaks import leakcheck

        return leakcheck(job, console)

    def loaded(self, job: "ClassificationJob", artifact: Artifact) -> "Classifiers":
        """Return a kept classifier.

        Raises:
            ValueError: it cannot read the cases of the job.
        """
        from tradewinds.tasks.classification.learning import loaded

        return loaded(job, artifact)

    def name(self, config: Config) -> str:
        """Return what runs of a request are called; empty where it names no file."""
        from tradewinds.tasks.classification.job import name_of

        return name_of(config)

    def predicted(self, artifact: Artifact, config: Config) -> list[dict[str, Any]]:
        """Return what a kept classifier tells of the cases of `env.new_path`."""
        from tradewinds.tasks.classification.learning import predicted

        return predicted(artifact, config)

    def unjudged(self, job: "ClassificationJob") -> "ClassificationJob":
        """Return the job of the cases learned from alone, dealt into folds: those that are judged are not there."""
        from tradewinds.tasks.classification.job import learned_from

        return learned_from(job)

    def validated(self, job: "ClassificationJob", models: "Classifiers") -> Validated:
        """Return accuracy and log loss of cases told by classifiers that did not learn from them."""
        from tradewinds.tasks.classification.scoring import validated

        return validated(job, models)

    def test_span(self, job: "ClassificationJob") -> dict[str, Any]:
        """Return how many cases are judged, and by how many classifiers."""
        return {"cases": len(job.judged), "folds": len(job.folds)}

    def score(self, job: "ClassificationJob", models: "Classifiers", decisions: None) -> Forecasts:
        """Score the network's chances and its rivals'."""
        from tradewinds.tasks.classification.scoring import score

        return score(job, models)

    def sections(
        self,
        job: "ClassificationJob",
        models: "Classifiers",
        outcome: None,
        forecasts: Forecasts,
        honesty: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return cases, scores by class, verdict and warnings for report.json."""
        from tradewinds.tasks.classification.scoring import sections

        return sections(job, models, forecasts)

    def tables(
        self, job: "ClassificationJob", models: "Classifiers", outcome: Outcome | None
    ) -> dict[str, pd.DataFrame]:
        """Return what the training measured, epoch by epoch."""
        history = pd.DataFrame(models.kept.history)
        history.insert(0, "epoch", np.arange(1, len(history) + 1))
        return {"training": history}

    def lines(self, document: Mapping[str, Any]) -> list[str]:
        """Tell the scores, and precision and recall of each class."""
        from tradewinds.tasks.classification.report import lines

        return list(lines(document))

    def page(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
        """Draw report.html."""
        from tradewinds.tasks.classification.report import page

        return page(document, folder)

    def picture(self, document: Mapping[str, Any], folder: Path, plot_points: int) -> None:
        """Draw nothing: the page is all there is."""

    def as_trained(self, now: dict[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
        """Return the present rules: they say which cases are judged, and a classifier itself how it reads them."""
        return now

    def duel(
        self,
        challenger: "tuple[ClassificationJob, Classifiers]",
        champion: "tuple[ClassificationJob, Classifiers]",
        rows: range,
        which: str,
    ) -> Duel:
        """Compare log losses on cases that neither learned from."""
        from tradewinds.tasks.classification.duel import duel

        return duel(challenger[0], challenger[1], champion[1])
