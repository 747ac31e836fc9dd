"""How far a series goes by its own habit: the scale of its steps nearby, and the size that hardly any of them exceed.

Robust: a few false steps do not move what is said of the others. Nothing is assumed of the
distribution but that its tail goes on as it began, which holds for Gaussian noise and for heavy tails alike. Knows
numbers and no bars.

Source: the tail by the trimmed estimator of Hill's index, Bhattacharya, Kallitsis and Stoev (2019), Extremes 22, 3.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BLOCK = 50  # steps whose median is the scale of their time
NORMAL = 1.4826  # standard deviations in a median of absolute values, for Gaussian noise
QUIET = 0.25  # of the usual step of the whole series, below which no scale lies
TRIMMED = 6  # the largest sizes that nothing is concluded from; of long series one in `SHARE`
SHARE = 500
TAIL = 0.05  # share of the sizes from which the tail is told
LEAST_TAIL = 40  # sizes, where there are as many
LIGHTEST = 0.15  # the tail index, 1 / alpha, that is assumed at least: in few sizes a light tail looks lighter


def local_scale(steps: Array) -> Array:
    """Return (T,) the standard deviation of the steps nearby, inf where none ever moves.

    The largest of the medians of the block of a step and its neighbours: what begins to swing is not thought still.

    Args:
        steps: (T,) changes from bar to bar.
    """
    sizes = np.abs(steps)
    moving = sizes[sizes > 0.0]
    if len(moving) == 0:
        return np.full(len(sizes), np.inf)
    usual = float(np.median(moving))
    blocks = max(len(sizes) // BLOCK, 1)
    width = len(sizes) // blocks
    medians = np.median(sizes[: blocks * width].reshape(blocks, width), axis=1)
    medians = np.where(medians > 0.0, medians, usual)  # a price that stands still on most bars
    padded = np.concatenate((medians[:1], medians, medians[-1:]))
    widest = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    block = np.minimum(np.arange(len(sizes)) // width, blocks - 1)
    return np.asarray(NORMAL * np.maximum(widest, QUIET * usual)[block], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Tail:
    """The largest of N sizes.

    Attributes:
        number: N.
        trimmed: how many of the largest nothing is concluded from.
        largest: (K + 1,) the largest sizes, falling; empty where there are too few to know a tail by.
    """

    number: int
    trimmed: int
    largest: Array

    @classmethod
    def of(cls, sizes: Array) -> "Tail":
        """Return the tail of (N,) sizes, each at least 0."""
        number = len(sizes)
        trimmed = max(TRIMMED, number // SHARE)
        kept = max(int(TAIL * number), min(LEAST_TAIL, number // 2), trimmed + 5)
        if kept >= number:
            return cls(number, trimmed, np.empty(0))
        return cls(number, trimmed, np.sort(np.partition(sizes, number - kept - 1)[number - kept - 1 :])[::-1])

    def exceeded_by(self, count: float) -> float:
        """Return the size that `count` of the N sizes, or of as many more of their kind, are expected to exceed.

        inf where there are too few to know.
        """
        if len(self.largest) == 0:
            return float("inf")
        if count >= self.trimmed:
            return float(self.largest[min(int(count), len(self.largest) - 1)])
        if self.largest[self.trimmed] <= 0.0:
            return 0.0
        logs = np.log(self.largest[self.largest > 0.0])
        told = len(logs) - 1 - self.trimmed
        index = 0.0
        if told > 0:
            above = logs[self.trimmed : -1] - logs[-1]
            index = (self.trimmed * above[0] + above.sum()) / told
        index = max(index * (1.0 + 1.0 / np.sqrt(max(told, 1))), LIGHTEST)
        return float(self.largest[self.trimmed] * (self.trimmed / count) ** index)
