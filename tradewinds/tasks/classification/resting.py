"""What the classes that were called rest on, for a report: channels and tenths of series, words of texts."""

from collections import defaultdict
from typing import Any

import numpy as np

from forecaster.classification.attributions import PARTS, losses_of_parts
from tradewinds.tasks.classification.job import ClassificationJob
from tradewinds.tasks.classification.learning import Classifiers

MOST_CASES = 200  # of all that are judged, evenly taken
MOST_PARTS = 20  # that a report lists
OFTEN = 2  # cases that a word must stand in


def rests_on(job: ClassificationJob, models: Classifiers) -> dict[str, Any]:
    """Return how many nats the chance of the class that was called loses without a part, the most first.

    Each case is asked of the classifier that judged it, without the part and with it.
    """
    chosen = job.judged[:: -(-len(job.judged) // MOST_CASES)]
    parts: defaultdict[str, list[float]] = defaultdict(list)
    tenths: defaultdict[str, list[float]] = defaultdict(list)
    for (_, judged), fitted in zip(job.folds, models.folds, strict=True):
        own = np.intersect1d(judged, chosen)
        if len(own):
            for table, told in zip((parts, tenths), losses_of_parts(fitted, job.cases.of(own)), strict=True):
                for name, losses in told.items():
                    table[name] += losses
    least = OFTEN if job.cases.are_texts else 1
    rows = [
        {"part": name, "cases": len(losses), "nats": float(np.mean(losses))}
        for name, losses in parts.items()
        if len(losses) >= least
    ]
    rows.sort(key=lambda row: (-float(str(row["nats"])), str(row["part"])))
    return {
        "cases": len(chosen),
        "parts": rows[:MOST_PARTS],
        "tenths": [_mean(tenths.get(str(number))) for number in range(1, PARTS + 1)] if tenths else None,
    }


def _mean(losses: list[float] | None) -> float | None:
    return None if losses is None else float(np.mean(losses))
