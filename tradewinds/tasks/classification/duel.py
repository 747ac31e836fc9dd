"""Whether a challenger tells new cases apart better than the champion does."""

import json

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases, counted
from forecaster.classification.fitted import FittedClassifier
from forecaster.classification.scores import LEAST_CHANCE, exact_mcnemar
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.provenance import CLASSIFIER
from tradewinds.pipeline.records import Duel
from tradewinds.tasks.classification.job import ClassificationJob
from tradewinds.tasks.classification.learning import Classifiers
from tradewinds.tasks.classification.seen import SEEN, unseen

Array = NDArray[np.float64]


def duel(job: ClassificationJob, challenger: Classifiers, champion: Classifiers) -> Duel:
    """Compare log losses on cases that neither learned from: the lead's interval must lie above the margin.

    Lead: the mean over cases of log p - log q, in nats, with p and q the chances that challenger and champion gave to
    the class that was; of a class that one does not know it is `LEAST_CHANCE`. Interval: cases drawn anew.
    """
    from tradewinds.evaluation.inference import mean_interval

    least, margin = job.config.retrain.min_bars, job.config.retrain.margin
    seen = json.loads((champion.artifacts[CLASSIFIER].folder / SEEN).read_bytes())
    numbers, which = unseen(job, seen, least)
    if len(numbers) < least:
        reason = (
            f"only {counted(len(numbers), 'case')} {'is' if len(numbers) == 1 else 'are'} unseen by both it and "
            f"{{champion}}, and retrain.min_bars asks for {least}"
        )
        return Duel(False, 0.0, reason, {"cases": len(numbers)})
    cases = job.cases.of(numbers)
    (ours, right), (theirs, their_right) = (_of_label(models.kept, cases) for models in (challenger, champion))
    lead = np.log(ours) - np.log(theirs)
    mean = float(lead.mean())
    seed = seed_for(job.config.seed, "duel")
    interval = mean_interval(lead, draws=job.config.backtest.bootstrap_draws, seed=seed, block=1.0)
    facts = {
        "lead": mean,
        "lead_ci95": interval,
        "cases": len(cases),
        "judged_on": which,
        "accuracy": float(right.mean()),
        "champion_accuracy": float(their_right.mean()),
        "mcnemar": exact_mcnemar(right, their_right),
    }
    if interval is None:
        return Duel(
            False, mean, f"its lead over {{champion}} cannot be told from luck on {counted(len(cases), 'case')}", facts
        )
    wins = interval[0] > margin
    reason = (
        f"its log loss is {mean:.3f} nats a case below {{champion}}'s (95 % interval {interval[0]:+.3f} to "
        f"{interval[1]:+.3f}), which {'is' if wins else 'is not'} more than {margin:g}; of the same {len(cases)} "
        f"{which} it calls {right.mean():.1%} by their class, {{champion}} {their_right.mean():.1%}"
    )
    return Duel(wins, mean, reason, facts)


def _of_label(fitted: FittedClassifier, cases: Cases) -> tuple[Array, NDArray[np.bool_]]:
    """Return (C,) the chance that was given to the class of each case, and whether it was called by it."""
    chances, place = fitted.chances(cases), {name: number for number, name in enumerate(fitted.classes)}
    numbers = np.array([place.get(label, -1) for label in cases.known()])
    own = np.where(numbers < 0, 0.0, chances[np.arange(len(cases)), numbers])
    return np.maximum(own, LEAST_CHANCE), chances.argmax(axis=1) == numbers
