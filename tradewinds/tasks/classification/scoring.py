"""How the classes that were called compare with those that were, beside the rivals'; and whether to believe it."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.classification.cases import counted, named, numbers_of
from forecaster.classification.inputs import fitted_reader
from forecaster.classification.scores import LEAST_CHANCE, by_class, calibration, confusion, exact_mcnemar, scores_of
from tradewinds.data.readers.text import shown
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Forecasts, Validated
from tradewinds.tasks.classification.job import ClassificationJob
from tradewinds.tasks.classification.learning import Classifiers, chances_of
from tradewinds.tasks.classification.resting import rests_on
from tradewinds.tasks.classification.rivals import Rival, judged_by, rivals_of

Array = NDArray[np.float64]
HARDEST = 20  # cases that a page lists
OF_CHANCES = ("log_loss", "brier", "calibration_error")
SAME = 1e-5  # of a chance, told of one case alone and of many together


def score(job: ClassificationJob, models: Classifiers) -> Forecasts:
    """Score the network and its rivals on the cases that are judged."""
    judged, kind = job.cases.of(job.judged), job.config.model.kind
    truth = numbers_of(judged.known(), job.classes, judged.names)
    chances = chances_of(job, models)
    scores = {kind: scores_of(chances, truth)}
    right, tests = chances.argmax(axis=1) == truth, {}
    there, remarks = rivals_of(job.cases)
    for rival in there:
        try:
            theirs = _of_rival(job, rival)
        except Exception as error:  # whatever its library stumbles over; what the network learned is judged by the rest
            words = " ".join(str(error).split())
            remarks.append(f"not beside it: {rival.name.replace('_', ' ')}, which cannot read such cases ({words})")
            continue
        told = scores_of(theirs, truth)
        scores[rival.name] = told if rival.says_chances else {**told, **dict.fromkeys(OF_CHANCES)}
        tests[rival.name] = exact_mcnemar(right, theirs.argmax(axis=1) == truth)
    word, reason = own_check(job, models, chances)
    honesty = {"leakcheck": word, "mcnemar": tests, **({"leakcheck_reason": reason} if reason else {})}
    return Forecasts(scores, honesty=honesty, tables={"cases": table_of(job, chances)}, remarks=remarks)


def validated(job: ClassificationJob, models: Classifiers) -> Validated:
    """Return accuracy and log loss over cases that their classifier did not learn from, beside the shares of classes.

    The gain of a case is by how much its chance's logarithm, or its being right, exceeds that of the shares of the
    classes among all.
    """
    cases = job.cases.of(job.judged)
    truth = numbers_of(cases.known(), job.classes, cases.names)
    chances, shares = chances_of(job, models), np.bincount(truth, minlength=len(job.classes)) / len(truth)
    loss = -np.log(np.maximum(chances[np.arange(len(truth)), truth], LEAST_CHANCE))
    right, common = chances.argmax(axis=1) == truth, truth == shares.argmax()
    return Validated(
        {"score": float(right.mean()), "error": float(loss.mean())},
        {"score": right.astype(np.float64) - common, "error": -np.log(shares[truth]) - loss},
        {"score": "the commonest class", "error": "the shares of the classes"},
    )


def _of_rival(job: ClassificationJob, rival: Rival) -> Array:
    """Return (J, K) chances, each by a rival that did not learn from the case."""
    chances, seed = np.zeros((len(job.judged), len(job.classes))), seed_for(job.config.seed, rival.name)
    for learned, fold in job.folds:
        places = np.searchsorted(job.judged, fold)
        chances[places] = judged_by(rival, job.cases.of(learned), job.cases.of(fold), job.classes, seed)
    return chances


def table_of(job: ClassificationJob, chances: Array) -> pd.DataFrame:
    """Return of every case judged its class, the one it was called, and all chances; the hardest first."""
    judged = job.cases.of(job.judged)
    truth = numbers_of(judged.known(), job.classes, judged.names)
    table = pd.DataFrame(
        {
            "case": judged.names,
            "label": judged.known(),
            "called": [job.classes[number] for number in chances.argmax(axis=1)],
            "label_chance": chances[np.arange(len(truth)), truth],
            **{f"chance_{label}": chances[:, number] for number, label in enumerate(job.classes)},
        }
    )
    return table.sort_values("label_chance", kind="stable", ignore_index=True)


def sections(job: ClassificationJob, models: Classifiers, forecasts: Forecasts) -> dict[str, Any]:
    """Return what report.json says of the cases and of each class."""
    table = forecasts.tables["cases"]
    truth = numbers_of(table["label"].tolist(), job.classes, table["case"].tolist())
    chances = table[[f"chance_{label}" for label in job.classes]].to_numpy(np.float64)
    counts = confusion(chances.argmax(axis=1), truth, len(job.classes))
    hardest = table.head(HARDEST)[["case", "label", "called", "label_chance"]].to_dict("records")
    if job.cases.are_texts:
        texts = dict(zip(job.cases.names, job.cases.values, strict=True))
        hardest = [{**row, "text": shown(str(texts[row["case"]]))} for row in hardest]
    rules, lengths = job.config.env, job.cases.lengths
    parts = {"test": {**job.task.test_span(job), "rows": [0, len(truth)]}}
    return {
        "data": {
            "name": job.name,
            "sha256": job.inputs["sha256"],
            "sources": job.inputs["sources"],
            "instruments": [],
            "classes": list(job.classes),
            "channels": list(job.cases.channels),
            "texts": job.cases.are_texts,
            "learned": len(job.kept),
            "judged_sha256": hashlib.sha256("\n".join(sorted(table["case"])).encode()).hexdigest(),
            "lengths": [int(lengths.min()), int(lengths.max())],
            "parted": "given" if rules.test_path else f"{rules.folds} folds" if rules.folds else rules.split,
            "splits": parts,
        },
        "backtest": None,
        "backtest_reason": "cases are told apart, and nothing is traded",
        "classification": {
            "confusion": counts.tolist(),
            "by_class": by_class(counts, job.classes),
            "calibration": calibration(chances, truth),
            "rests_on": rests_on(job, models),
            "hardest": hardest,
        },
        "verdict": verdict_of(job, forecasts),
        "remarks": [],
    }


def verdict_of(job: ClassificationJob, forecasts: Forecasts) -> str:
    """Say how often the class was right, and whether any rival is told apart from that."""
    kind = job.config.model.kind
    ours = forecasts.scores[kind]
    low, high = ours["accuracy_ci95"]
    return (
        f"Of {counted(ours['cases'], 'case')} the {kind} calls {ours['accuracy']:.1%} by their class (95 % interval "
        f"{low:.1%} to {high:.1%}){''.join(_beside(forecasts, kind))}."
    )


def _beside(forecasts: Forecasts, kind: str) -> Iterator[str]:
    for name, theirs in forecasts.scores.items():
        if name != kind:
            test = forecasts.honesty["mcnemar"][name]
            rival, ours, alone = name.replace("_", " "), test["ours_alone"], test["theirs_alone"]
            if ours == alone:
                told = "right as often" if ours else "right on the same cases"
            elif test["p_value"] < 0.05:
                told = f"{f'the {kind}' if ours > alone else rival} is better, p = {test['p_value']:.2g}"
            else:
                told = f"luck may tell them apart, p = {test['p_value']:.2g}"
            yield f"; {rival} {theirs['accuracy']:.1%} ({told})"


def own_check(job: ClassificationJob, models: Classifiers, chances: Array) -> tuple[str, str]:
    """Look for what a classifier may not know, in every run.

    No case is judged by who learned from it; what it reads is scaled, or its words numbered, by the cases learned from
    alone; and what is said of a case does not hang on those beside it. Returns "clean" or what leaks, and a reason.
    """
    for number, ((learned, judged), fitted) in enumerate(zip(job.folds, models.folds, strict=True)):
        both = np.intersect1d(learned, judged)
        if len(both):
            return f"cases of fold {number} are both learned from and judged: {named(job.cases.of(both).names)}", ""
        rules = job.config.env
        again = fitted_reader(
            job.cases.of(learned), vocabulary=rules.vocabulary, longest=rules.longest, lexicon=job.lexicon
        )
        if again != fitted.reader:
            return f"what fold {number} reads was not fitted on the cases that it learned from alone", ""
        alone = np.concatenate([fitted.chances(job.cases.of([case])) for case in judged[:3]])
        columns = [job.classes.index(name) for name in fitted.classes]
        together = chances[np.searchsorted(job.judged, judged[:3])][:, columns]
        if np.abs(alone - together).max() > SAME:
            return f"what fold {number} says of a case hangs on the cases beside it", ""
    return "clean", ""
