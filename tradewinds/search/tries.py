"""Settings that were tried and what they came to; as plain data that a study keeps, and read back from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradewinds.pipeline.records import Array, Validated

MOST_GAINS = 2000  # of a trial that are kept: means of neighbouring periods where there are more
GOALS, GAINS, BESIDE, PER_YEAR = "goals", "gains", "beside", "per_year"


@dataclass(frozen=True, eq=False)
class Try:
    """Settings that were tried.

    Attributes:
        number: of the trial; -1 of the request's own settings.
        values: by key.
        goals: what they came to, by name; empty where they were given up.
        gains: (P,) by how much each period was better than whoever knew nothing, by goal.
        note: why they were given up; else empty.
    """

    number: int
    values: Mapping[str, Any]
    goals: Mapping[str, float]
    gains: Mapping[str, Array]
    note: str = ""


def kept(validated: Validated) -> dict[str, Any]:
    """Return what settings came to as a study keeps it."""
    return {
        GOALS: dict(validated.goals),
        GAINS: {name: _fewer(gains).tolist() for name, gains in validated.gains.items()},
        BESIDE: dict(validated.beside),
        PER_YEAR: validated.per_year,
    }


def as_try(number: int, values: Mapping[str, Any], attributes: Mapping[str, Any], note: str = "") -> Try:
    """Read back what a study kept of settings."""
    gains = {name: np.array(part, np.float64) for name, part in attributes.get(GAINS, {}).items()}
    return Try(number, values, {} if note else attributes.get(GOALS, {}), gains, note)


def _fewer(gains: Array) -> Array:
    """Return (P,) gains; of more than `MOST_GAINS` the means of neighbours, less a rest."""
    size = -(-len(gains) // MOST_GAINS)
    whole = len(gains) - len(gains) % size
    return np.asarray(gains[:whole].reshape(-1, size).mean(axis=1))
