"""The classifier of a request: fitted, kept as an artifact, found again, and asked."""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases
from forecaster.classification.fitted import ClassifierConfig, FittedClassifier, fit_classifier, load_classifier
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_json
from tradewinds.data.cases.read import read_cases
from tradewinds.pipeline.artifact import Artifact, read, writing
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.provenance import CLASSIFIER, KEPT, resume_of
from tradewinds.pipeline.steps import CHECKPOINT, forget_checkpoint, training
from tradewinds.pipeline.training_log import write_history
from tradewinds.request.schema import Config
from tradewinds.tasks.classification.job import ClassificationJob, columns_of
from tradewinds.tasks.classification.seen import SEEN, seen_by

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Classifiers:
    """What a run has learned.

    Attributes:
        kept: learned from all that a new case may be told by.
        folds: of each fold the one that judges it; where nothing is dealt the kept one alone.
        artifacts: where the kept one lies.
    """

    kept: FittedClassifier
    folds: tuple[FittedClassifier, ...]
    artifacts: Mapping[str, Artifact]
    forecaster: None = None


def config_of(job: ClassificationJob) -> ClassifierConfig:
    """Return how the classifier of a request learns."""
    rules = job.config.env
    return ClassifierConfig(
        model=job.config.model,
        trainer=job.config.trainer,
        vocabulary=rules.vocabulary,
        longest=rules.longest,
        embedding=rules.embedding,
        pooling=rules.pooling,
        noise=rules.noise,
        lexicon=job.lexicon,
    )


def learn(job: ClassificationJob, run: Path, console: Console) -> Classifiers:
    """Fit the classifier that is kept, and one a fold where all are judged in turn; write the kept one to `run`."""
    started = time.perf_counter()
    parts = {KEPT: job.kept}
    if len(job.folds) > 1:
        parts |= {f"fold-{number}": learned for number, (learned, _) in enumerate(job.folds)}
    resume = resume_of(job.config, CLASSIFIER)
    with training(job, run, console, CLASSIFIER, job.config.model.kind) as (progress, _):
        fitted = [
            fitted_on(
                job,
                numbers,
                progress=partial(_later, progress, place, len(parts)),
                checkpoint=run / CHECKPOINT.format(part=CLASSIFIER) / part,
                resume=None if resume is None or not (resume / part).is_dir() else resume / part,
            )
            for place, (part, numbers) in enumerate(parts.items())
        ]
    kept, folds = fitted[0], tuple(fitted[1:]) or (fitted[0],)
    facts = {"seconds": round(time.perf_counter() - started, 1), "cases": len(job.kept), "classes": list(kept.classes)}
    with writing(
        run / CLASSIFIER, CLASSIFIER, config=job.config.plain(), inputs=job.inputs, parents={}, facts=facts
    ) as folder:
        kept.save(folder)
        write_history(kept.history, folder)
        write_json(folder / SEEN, seen_by(job))
    forget_checkpoint(run, CLASSIFIER)
    console.wrote(run / CLASSIFIER)
    return Classifiers(kept, folds, {CLASSIFIER: read(run / CLASSIFIER, CLASSIFIER)})


def loaded(job: ClassificationJob, artifact: Artifact) -> Classifiers:
    """Return a kept classifier.

    Raises:
        ValueError: it cannot read the cases of the job.
    """
    kept = load_classifier(artifact.folder)
    kept.reader.read(job.cases.of(job.judged[:1]))
    return Classifiers(kept, (kept,), {CLASSIFIER: artifact})


def fitted_on(
    job: ClassificationJob,
    numbers: NDArray[np.int64],
    *,
    progress: Any = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> FittedClassifier:
    """Fit the classifier of a request on some of its cases; arguments as of `fit_classifier`."""
    return fit_classifier(
        job.cases.of(numbers),
        config_of(job),
        seed=seed_for(job.config.seed, CLASSIFIER),
        progress=progress,
        checkpoint=checkpoint,
        resume=resume,
    )


def chances_of(job: ClassificationJob, models: Classifiers) -> Array:
    """Return (J, K) chances of the cases that are judged, each by the classifier that did not learn from it."""
    chances = np.zeros((len(job.cases), len(job.classes)))
    for (_, judged), fitted in zip(job.folds, models.folds, strict=True):
        columns = np.array([job.classes.index(name) for name in fitted.classes])
        chances[np.ix_(judged, columns)] = fitted.chances(job.cases.of(judged))
    return chances[job.judged]


def predicted(artifact: Artifact, config: Config) -> list[dict[str, Any]]:
    """Return of each new case its name, the class a kept classifier calls it, and all chances.

    How tables are read, it knows itself.

    Raises:
        RequestError: no cases are named, or they cannot be read.
    """
    rules = config.env
    if rules.new_path is None:
        raise RequestError(
            "env.new_path must name the cases to be told apart: tradewinds predict ... env.new_path=FILE"
        )
    then = type(rules)(**artifact.manifest["config"]["env"])
    columns = dataclasses.replace(columns_of(then), new=True)
    cases, _ = read_cases(rules.new_path, "env.new_path", columns)
    try:
        return told(load_classifier(artifact.folder), cases)
    except ValueError as error:
        raise RequestError(f"env.new_path={rules.new_path}: {error}") from None


def told(fitted: FittedClassifier, cases: Cases) -> list[dict[str, Any]]:
    """Return of each case its name, the class it is called, and the chance of each."""
    chances = fitted.chances(cases)
    return [
        {
            "case": name,
            "label": fitted.classes[int(row.argmax())],
            **{f"chance_{label}": float(chance) for label, chance in zip(fitted.classes, row, strict=True)},
        }
        for name, row in zip(cases.names, chances, strict=True)
    ]


def _later(progress: Any, place: int, of: int, done: int, total: int, losses: Mapping[str, float]) -> None:
    progress(place * total + done, of * total, losses)
