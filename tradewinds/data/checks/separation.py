"""Bars that stand apart from all others of their history: by a factor that lies far beyond whatever else happens.

Tells few from many by nothing but the empty space between: a market that spikes does so by all sizes, and neither one
print nor every second row in another unit does. What is apart must not set the scale of the rest. Knows numbers and no
bars.
"""

import numpy as np

from tradewinds.data.checks.rarity import BLOCK, Array
from tradewinds.data.readers.origin import Mask

FOLD = 10.0  # times the level around it, and times as far as all that is not apart
LONE = 30.0  # times as far, where it is one bar: the largest of a heavy tail is often far beyond the second
FEW = 3  # bars, or one in a hundred: more of them are apart only if they follow the level around them
NEAR = float(np.log(FOLD)) * (1.0 - 1e-6)  # distance, a log, within which nothing stands apart
FOLLOWS = 0.8  # of their deviation is left when that of their neighbours is taken off, if they do


def stands_apart(level: Array, longest: int) -> tuple[Array, Array]:
    """Return (T,) how far each bar that stands apart lies from the level around it, and from where on that is apart.

    0 and inf for all others, and where a bar is part of a run of more than `longest`, or of one that does not come
    back: that is a level, or the end. Many count only as a multiple of what lies around them, as another unit is: a
    cap, a floor and a machine that is switched on for a bar are none. A price near 0 falls by any factor: a few falls
    do not count.

    Args:
        level: (T,) logs, or values on a scale that is a log's far from their median.
        longest: bars that an excursion lasts at most.
    """
    apart = np.full(len(level), np.inf)
    if len(level) == 0 or np.ptp(level) < NEAR:
        return np.zeros(len(level)), apart
    centre = _centre(level)
    away, few = level - centre, max(len(level) // 100, FEW)
    for sign in (1.0, -1.0):
        distance = np.maximum(sign * away, 0.0)
        least = gap_in(distance)
        far = _returning(level, centre, distance >= least, longest)
        number = int(far.sum())
        if (sign > 0.0 and number <= few) or (number > few and _follows(level, far)):
            apart[far] = least
    return np.where(np.isfinite(apart), away, 0.0), apart


def gap_in(distances: Array) -> float:
    """Return the distance beyond which (T,) distances, logs, are `FOLD` times as far in level as all others; or inf."""
    if len(distances) < BLOCK:
        return float("inf")
    worth = np.expm1(np.sort(distances)[len(distances) // 3 :])  # two thirds may be away, as units in turn are
    fold = np.full(len(worth) - 1, FOLD)
    fold[-1] = LONE
    gaps = np.flatnonzero((worth[1:] >= FOLD - 1.0) & (worth[1:] >= fold * worth[:-1]))
    if len(gaps) == 0:
        return float("inf")
    return float(np.log1p(max(fold[gaps[0]] * worth[gaps[0]], FOLD - 1.0))) * (1.0 - 1e-9)


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


def _follows(level: Array, far: Mask) -> bool:
    """Whether far bars wander with the last and the next bars that are not far."""
    near, rows = np.flatnonzero(~far), np.flatnonzero(far)
    after = np.searchsorted(near, rows)
    beside = level[near[np.maximum(after - 1, 0)]] + level[near[np.minimum(after, len(near) - 1)]]
    return bool(np.std(level[rows] - 0.5 * beside) < FOLLOWS * np.std(level[rows]))
