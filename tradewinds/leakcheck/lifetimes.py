"""Other lifetimes: which instruments list, halt and are delisted after a bar, otherwise than truly. Knows no prices."""

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
SHARE = 8  # one in so many instruments is delisted, and one halts, within the next bars; one at least
SOON = 4  # bars within which they are
FEWEST = 3  # instruments below which none is delisted: two at least are left
LONGEST_HALT = 10  # bars


def other_lifetimes(traded: Flags, delisted: Flags | None, last_row: int, rng: np.random.Generator) -> dict[str, Flags]:
    """Return `traded` and `delisted`, (T, A) each, as they are up to a row and otherwise after it.

    Of what is not listed by then half lists within the next bars, the others whenever. Of what is listed
    some are delisted within the next bars and some whenever; all others go on to the end, those that truly end too.
    Some halt within the next bars, some later. What is gone for good stays gone, and one instrument always trades.

    Args:
        traded: (T, A) whether an instrument has a bar.
        delisted: (T, A) the first bar after the last of one that is gone for good, or None.
        last_row: the last row that stays as it is.
        rng: draws.
    """
    bars = len(traded) - last_row - 1
    gone = np.zeros(traded.shape, dtype=bool) if delisted is None else delisted.copy()
    gone[last_row + 1 :] = False
    over, listed = gone.any(axis=0), traded[: last_row + 1].any(axis=0)
    alive = rng.permutation(np.flatnonzero(listed & ~over))
    begin, end = np.where(listed, 0, bars), np.where(over, 0, bars)  # (A,) bars after the row
    coming = np.flatnonzero(~listed)
    begin[coming] = _moments(rng.integers(2, size=len(coming)) == 0, bars, rng)
    some = max(1, len(alive) // SHARE)
    if len(alive) >= FEWEST:
        ending = alive[1 : 1 + 2 * some]
        end[ending] = _moments(np.arange(len(ending)) < some, bars, rng)
    there = (np.arange(bars)[:, None] >= begin) & (np.arange(bars)[:, None] < end)
    halting = alive[::-1][: 2 * some]
    starts = _moments(np.arange(len(halting)) < some, bars, rng)
    for asset, start in zip(halting.tolist(), starts.tolist(), strict=True):
        there[start : start + int(rng.integers(1, LONGEST_HALT)), asset] = False
    there[:, alive[:1]] = True
    ends = np.flatnonzero(~over & (end < bars))
    gone[last_row + 1 + end[ends], ends] = True
    return {"traded": np.concatenate([traded[: last_row + 1], there]), "delisted": gone}


def _moments(soon: Flags, bars: int, rng: np.random.Generator) -> Rows:
    """Return (N,) bars from now, within the next few where it is `soon`, else whenever."""
    return np.where(soon, rng.integers(min(SOON, bars), size=len(soon)), rng.integers(bars, size=len(soon)))
