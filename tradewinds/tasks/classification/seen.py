"""Which cases a classifier has seen, by marks of what they hold, so that those of another day are parted from them."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases
from tradewinds.tasks.classification.job import ClassificationJob

SEEN = "seen.json"  # beside the classifier
DIGITS = 16  # of a mark: two of a million cases are alike by luck once in a million sets


def seen_by(job: ClassificationJob) -> dict[str, Any]:
    """Return marks of the cases that the kept classifier learned from, their groups, and marks of those judged."""
    learned = job.cases.of(job.kept)
    return {
        "learned": sorted(_marks(learned)),
        "groups": None if learned.groups is None else sorted(set(learned.groups)),
        "judged": sorted(_marks(job.cases.of(job.judged))),
    }


def unseen(job: ClassificationJob, seen: Mapping[str, Any], least: int) -> tuple[NDArray[np.int64], str]:
    """Return the cases that are judged and that another classifier did not learn from, and what to call them.

    By those it was judged on the other has won already, some of it by luck; so cases beyond these are taken as soon as
    there are `least` of them. Where groups are parted, one that it learned from is no news.

    Args:
        job: with cases that its own classifier did not learn from.
        seen: of the other, as `seen_by` returned it.
        least: cases.
    """
    judged = job.cases.of(job.judged)
    marks = np.array(_marks(judged))
    known = np.isin(marks, seen["learned"])
    if job.config.env.split == "grouped" and judged.groups is not None and seen["groups"] is not None:
        known |= np.isin(np.array(judged.groups), seen["groups"])
    fresh = ~known & ~np.isin(marks, seen["judged"])
    if fresh.sum() >= least:
        return job.judged[fresh], "cases beyond those that it was promoted on"
    return job.judged[~known], "unseen cases"


def _marks(cases: Cases) -> list[str]:
    return [hashlib.sha256(content).hexdigest()[:DIGITS] for content in cases.contents()]
