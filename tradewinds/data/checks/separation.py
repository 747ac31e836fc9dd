"""Bars that stand apart from all others of their history: by a factor that lies far beyond whatever else happens.

Tells few from many by nothing but the empty space between: a market that spikes does so by all sizes, and neither one
print nor every second row in another unit does. What is apart must not set the scale of the rest. Knows numbers and no
bars.
"""

import numpy as np

from tradewinds.data.checks.rarity import BLOCK, Array
from tradewinds.data.readers.origin import Mask

FOLD = 10.0  # times the level around it, and times as far as all that is not apart
ALIKE = 3  # bars, from which on a price that is written again and again is a cap or a floor, and no slip


def stands_apart(level: Array, longest: int) -> tuple[Array, float]:
    """Return (T,) how far each bar lies from the level around it, and from where on that stands apart; inf if nothing.

    0 where a bar is part of a run of more than `longest`, or of one that does not come back: that is a level, or the
    end. A fall counts only where several fall by the same factor: a price near 0 falls by any.

    Args:
        level: (T,) logs, or values on a scale that is a log's far from their median.
        longest: bars that an excursion lasts at most.
    """
    centre = _centre(level)
    away = level - centre
    apart = gap_in(np.abs(away))
    far = np.abs(away) >= apart
    far &= _returning(level, centre, far, longest)
    falls = far & (away < 0.0)
    if falls.any() and not _repeated(away[falls], np.abs(away[~far])):
        far &= ~falls
    if far.sum() >= ALIKE and len(np.unique(level[far].round(9))) <= far.sum() / 2:
        far[:] = False
    return np.where(far, away, 0.0), apart if far.any() else float("inf")


def gap_in(distances: Array) -> float:
    """Return the distance beyond which (T,) distances, logs, are `FOLD` times as far in level as all others; or inf."""
    ordered = np.sort(distances)[len(distances) // 3 :]  # two thirds may be away from the middle, as in turn they are
    if len(distances) < BLOCK:
        return float("inf")
    worth = np.expm1(ordered)
    gaps = np.flatnonzero((worth[1:] >= FOLD - 1.0) & (worth[1:] >= FOLD * worth[:-1]))
    if len(gaps) == 0:
        return float("inf")
    return float(np.log1p(max(FOLD * worth[gaps[0]], FOLD - 1.0))) * (1.0 - 1e-9)


def _centre(level: Array) -> Array:
    """Return (T,) the median of the block of each bar, a level that was there."""
    blocks = max(len(level) // BLOCK, 1)
    block = np.minimum(np.arange(len(level)) // (len(level) // blocks), blocks - 1)
    parts = (level[block == number] for number in range(blocks))
    return np.asarray([np.partition(part, (len(part) - 1) // 2)[(len(part) - 1) // 2] for part in parts])[block]


def _returning(level: Array, centre: Array, far: Mask, longest: int) -> Mask:
    """Return (T,) which far bars are of short runs that begin and end at the level around them."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], far, [False])).astype(int)))
    back = np.zeros(len(level), dtype=bool)
    for first, after in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if after - first > longest or after == len(level):
            continue
        around = [level[row] for row in (first - 1, after) if row >= 0]
        most = 0.5 * abs(level[first] - centre[first])
        back[first:after] = all(abs(beside - centre[first]) < most for beside in around)
    return back


def _repeated(away: Array, others: Array) -> bool:
    """Whether bars are several and away by the same factor, but for what others wander."""
    return len(away) >= ALIKE and float(np.ptp(away)) <= 2.0 * float(others.max(initial=0.0))
