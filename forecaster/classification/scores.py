"""How good chances of classes are. C cases, K classes; formulas: docs/classification.md.

Knows no network.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
LEAST_CHANCE = 1e-12  # what a chance of nothing counts as in a logarithm
CALIBRATION_BINS = 10
Z = 1.959963984540054  # of a 95 % interval


def wilson(hits: float, of: float) -> list[float] | None:
    """Return the 95 % interval of a share, [low, high]; None of no trial.

    Source:
        Wilson (1927), Journal of the American Statistical Association 22(158), equation 10.
    """
    if of == 0:
        return None
    share, part = hits / of, Z * Z / of
    centre = (share + part / 2.0) / (1.0 + part)
    half = Z * np.sqrt(share * (1.0 - share) / of + part / (4.0 * of)) / (1.0 + part)
    low, high = (0.0 if hits == 0 else centre - half), (1.0 if hits == of else centre + half)  # to the last digit
    return [float(low), float(high)]


def scores_of(chances: Array, truth: Numbers) -> dict[str, Any]:
    """Return what (C, K) chances came to where the classes were `truth` (C,).

    Returns:
        accuracy with its interval; balanced_accuracy, the mean recall of the classes that occur; log_loss in nats;
        brier, in [0, 2]; calibration_error, the mean distance of confidence and accuracy in ten bins of equal width.
    """
    called = chances.argmax(axis=1)
    right = called == truth
    present = np.unique(truth)
    of_truth = chances[np.arange(len(truth)), truth]
    known = np.eye(chances.shape[1])[truth]
    return {
        "accuracy": float(right.mean()),
        "accuracy_ci95": wilson(float(right.sum()), len(truth)),
        "balanced_accuracy": float(np.mean([right[truth == number].mean() for number in present])),
        "log_loss": float(-np.log(np.maximum(of_truth, LEAST_CHANCE)).mean()),
        "brier": float(np.square(chances - known).sum(axis=1).mean()),
        "calibration_error": _calibration_error(chances, truth),
        "cases": len(truth),
    }


def confusion(called: Numbers, truth: Numbers, classes: int) -> Numbers:
    """Return (K, K) how many cases of each class (rows) were called each (columns)."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, called), 1)
    return table


def by_class(table: Numbers, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return precision and recall of each class of a confusion (K, K), with their intervals; None of no trial."""
    told = []
    for number, name in enumerate(classes):
        hits, called, cases = table[number, number], table[:, number].sum(), table[number].sum()
        told.append(
            {
                "class": name,
                "cases": int(cases),
                "called": int(called),
                "precision": float(hits / called) if called else None,
                "precision_ci95": wilson(float(hits), float(called)),
                "recall": float(hits / cases) if cases else None,
                "recall_ci95": wilson(float(hits), float(cases)),
            }
        )
    return told


def calibration(chances: Array, truth: Numbers) -> list[dict[str, Any]]:
    """Return by ten bins of the largest chance: its mean, the share that was right with its interval, and the cases."""
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == truth
    place = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return [
        {
            "confidence": float(confidence[place == number].mean()),
            "accuracy": float(right[place == number].mean()),
            "accuracy_ci95": wilson(float(right[place == number].sum()), float((place == number).sum())),
            "cases": int((place == number).sum()),
        }
        for number in range(CALIBRATION_BINS)
        if (place == number).any()
    ]


def exact_mcnemar(right: NDArray[np.bool_], rival_right: NDArray[np.bool_]) -> Mapping[str, Any]:
    """Return how many cases each alone has right, and the chance of so uneven a share if neither were better.

    Source:
        McNemar (1947), Psychometrika 12(2), by the binomial distribution instead of its normal limit.
    """
    ours, theirs = int((right & ~rival_right).sum()), int((rival_right & ~right).sum())
    p = 1.0 if ours + theirs == 0 else float(stats.binomtest(ours, ours + theirs, 0.5).pvalue)
    return {"ours_alone": ours, "theirs_alone": theirs, "p_value": p}


def _calibration_error(chances: Array, truth: Numbers) -> float:
    """Return the distance of confidence and accuracy, bins weighted by their cases (Guo et al. 2017, equation 5)."""
    bins = calibration(chances, truth)
    return float(sum(one["cases"] * abs(one["confidence"] - one["accuracy"]) for one in bins)) / len(truth)
