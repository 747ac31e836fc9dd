"""Whether a classifier could know what it is judged by: cases that are judged are replaced, and classes dealt anew."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases, named, numbers_of
from forecaster.classification.fitted import FittedClassifier
from tradewinds.core.console import Console
from tradewinds.core.errors import GateError
from tradewinds.core.files import write_json
from tradewinds.pipeline.artifact import begun
from tradewinds.pipeline.prepare import seed_for
from tradewinds.tasks.classification.job import ClassificationJob
from tradewinds.tasks.classification.learning import fitted_on
from tradewinds.tasks.classification.scoring import SAME

FILE = "leakcheck.json"
SURE = 4.5  # standard deviations by which luck does not lead where nothing can be known, in one of 150,000
ALONE = 20  # cases that are told of alone
MEANINGS = {
    "split": "no case and, where they are parted by groups, no group is both learned from and judged",
    "refit": "all that is judged replaced, classes too: what is fitted again is the same, to the bit",
    "alone": "what is said of a case is said of it alone, too",
    "placebo": "classes dealt anew, so that nothing can be known: nothing was",
}


def leakcheck(job: ClassificationJob, console: Console) -> dict[str, Any]:
    """Ask every probe; write `leakcheck.json`, and tell what came of it.

    Raises:
        GateError: one finds a leak.
    """
    limits = job.config.leakcheck
    epochs = min(job.config.trainer.epochs, limits.epochs)
    trainer = dataclasses.replace(job.config.trainer, epochs=epochs, members=1)
    short = dataclasses.replace(job, config=dataclasses.replace(job.config, trainer=trainer))
    asked, leak = dict.fromkeys(MEANINGS, 0), ""
    probes: list[tuple[str, Callable[[], str]]] = []
    for number in range(len(job.folds)):
        probes += [
            ("split", partial(_split, short, number)),
            ("refit", partial(_refit, short, number)),
            ("alone", partial(_alone, short, number)),
        ]
    probes += [("placebo", partial(_placebo, short, limits.placebos))] if limits.placebos else []
    with console.progress("leakcheck") as progress:
        for done, (probe, question) in enumerate(probes, start=1):
            asked[probe] += 1
            found = question()
            progress(done, len(probes), {})
            if found:
                leak = f"leak (probe {probe}): {found}"
                break
    word = leak or "clean"
    with begun(job.runs) as run:
        run.mkdir(parents=True)
        write_json(run / FILE, {"verdict": word, "comparisons": asked, "config_hash": job.config.hash})
    console.result(f"leakcheck: {word}")
    for probe, meaning in MEANINGS.items():
        state = "not asked" if not asked[probe] else "leak" if f"(probe {probe})" in leak else "clean"
        console.result(f"  {probe:<9}{state:<10}{asked[probe]:>5} comparisons: {meaning}")
    for note in job.notes:
        console.result(f"  note: {note}")
    console.wrote(run / FILE)
    if leak:
        raise GateError(leak)
    return {"leakcheck": {"verdict": word, "comparisons": asked}, "file": str(run / FILE)}


def _split(job: ClassificationJob, number: int) -> str:
    learned, judged = job.folds[number]
    both = np.intersect1d(learned, judged)
    if len(both):
        return f"{named(job.cases.of(both).names)} are both learned from and judged in fold {number}"
    if job.cases.groups is None or job.config.env.split != "grouped":
        return ""
    groups = np.array(job.cases.groups)
    shared = np.intersect1d(groups[learned], groups[judged])
    return f"groups {named([str(group) for group in shared])} are both learned from and judged" if len(shared) else ""


def _refit(job: ClassificationJob, number: int) -> str:
    """Fit again where every case that is judged holds another's values upside down, and has another's class."""
    learned, judged = job.folds[number]
    rng = np.random.default_rng(seed_for(job.config.seed, f"leakcheck {number}"))
    other = dataclasses.replace(job, cases=_replaced(job.cases, judged, rng))
    true, again = (_facts(fitted_on(one, learned)) for one in (job, other))
    if true["reader"] != again["reader"]:
        return f"what fold {number} reads cases by hangs on the cases that are judged"
    return "" if true == again else f"the weights of fold {number} hang on the cases that are judged"


def _facts(fitted: FittedClassifier) -> dict[str, Any]:
    weights = [tensor.numpy().tobytes() for network in fitted.networks for tensor in network.state_dict().values()]
    return {"reader": fitted.reader.facts(), "classes": fitted.classes, "weights": weights}


def _replaced(cases: Cases, judged: NDArray[np.int64], rng: np.random.Generator) -> Cases:
    values, labels = list(cases.values), list(cases.known())
    for place, source in zip(judged.tolist(), rng.permutation(judged).tolist(), strict=True):
        value = cases.values[source]
        values[place] = f"zzz {value[::-1]}" if isinstance(value, str) else 1.0 - 3.0 * value[::-1]
        labels[place] = cases.known()[source]
    held: Any = tuple(values)
    return dataclasses.replace(cases, values=held, labels=tuple(labels))


def _alone(job: ClassificationJob, number: int) -> str:
    learned, judged = job.folds[number]
    fitted, some = fitted_on(job, learned), judged[:ALONE]
    alone = np.concatenate([fitted.chances(job.cases.of([case])) for case in some])
    together = fitted.chances(job.cases.of(judged))[: len(some)]
    apart = np.abs(alone - together).max(axis=1)
    if apart.max() <= SAME:
        return ""
    return f"what is said of {job.cases.names[int(some[apart.argmax()])]} hangs on the cases beside it"


def _placebo(job: ClassificationJob, worlds: int) -> str:
    """Deal the classes of all cases anew, fit and judge: no more may be right than luck gives."""
    lead, variance = 0.0, 0.0
    for world in range(worlds):
        rng = np.random.default_rng([seed_for(job.config.seed, "placebo"), world])
        labels = [job.cases.known()[place] for place in rng.permutation(len(job.cases))]
        dealt = dataclasses.replace(job, cases=dataclasses.replace(job.cases, labels=tuple(labels)))
        learned, judged = job.folds[world % len(job.folds)]
        classes = sorted(set(labels))
        try:
            fitted = fitted_on(dealt, learned)
        except ValueError:  # luck left one class only
            continue
        part = dealt.cases.of(judged)
        called = [fitted.classes[place] for place in fitted.chances(part).argmax(axis=1)]
        truth, mine = numbers_of(part.known(), classes, part.names), numbers_of(called, classes, part.names)
        said, were = np.bincount(mine, minlength=len(classes)), np.bincount(truth, minlength=len(classes))
        expected, spread = _luck(said, were)
        lead, variance = lead + float((mine == truth).sum()) - expected, variance + spread
    if variance > 0.0 and lead > SURE * variance**0.5:
        return (
            f"with classes dealt anew {lead:.0f} more cases are right than luck gives ({lead / variance**0.5:.1f} sd)"
        )
    return ""


def _luck(said: NDArray[np.int64], were: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean and variance of how many are right where J classes are dealt to J answers by luck.

    With s_k answers and w_k cases of class k, the mean is sum(s w) / J; the variance is that of a sum over a random
    permutation (Hoeffding 1951, Annals of Mathematical Statistics 22(4), theorem 2).
    """
    count = int(said.sum())
    mean = float((said * were).sum()) / count
    if count < 2:
        return mean, 0.0
    product = (said * were).astype(np.float64)
    rows, columns = float((said * were**2).sum()), float((were * said**2).sum())
    total = float(product.sum())
    centred = total - columns / count - rows / count + (total / count) ** 2
    return mean, centred / (count - 1)
