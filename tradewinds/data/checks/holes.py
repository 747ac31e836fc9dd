"""Times in which a series has no bar, far longer than usual: told, since a return spans them as one bar's.

Knows starts of bars and no calendar: what recurs, nights, weekends, holidays, is usual.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tradewinds.data.notes import Note
from tradewinds.data.readers.text import moment

FAR = 2.0  # times as long as what is usual
SHARE = 500  # one distance in so many may be longer than what is usual; at least `FEW` are
FEW = 3
HOLIDAYS = pd.Timedelta(days=4)  # always usual in a file of less than `KNOWN`, which tells little of its calendar
KNOWN = pd.Timedelta(days=100)


@dataclass(frozen=True)
class Hole:
    """A time without bars.

    Attributes:
        last: start of the bar before it, UTC.
        next: start of the bar after it.
    """

    last: pd.Timestamp
    next: pd.Timestamp


def find_holes(index: pd.DatetimeIndex) -> tuple[list[Hole], pd.Timedelta]:
    """Return the holes between (T,) starts of bars, in order, and the longest distance that is usual."""
    steps = np.diff(index.asi8)
    most = min(max(FEW, len(steps) // SHARE), len(steps) - 1)
    usual = int(np.partition(steps, len(steps) - 1 - most)[len(steps) - 1 - most])
    if index[-1] - index[0] < KNOWN:
        usual = max(usual, HOLIDAYS.as_unit("ns").value)
    rows = np.flatnonzero(steps > FAR * usual).tolist()
    return [Hole(index[row], index[row + 1]) for row in rows], pd.Timedelta(usual, unit="ns")


def tell_holes(index: pd.DatetimeIndex, name: str) -> list[str]:
    """Return a sentence on the longest hole and the number of others, if there is one."""
    holes, usual = find_holes(index)
    if not holes:
        return []
    widest = max(holes, key=lambda hole: hole.next - hole.last)
    others = f" (and {len(holes) - 1} more holes, the first after {moment(holes[0].last)})" if len(holes) > 1 else ""
    words = (
        f"{name}: no bar between {moment(widest.last)} and {moment(widest.next)}, {length(widest.next - widest.last)}, "
        f"where at most {length(usual)} are usual{others}: the return across it counts as one bar's; bring the missing "
        "bars, or choose a span without it with series.first or series.last"
    )
    return [Note(words, "hole")]


def length(span: pd.Timedelta) -> str:
    """Return a span in words: 367 days, 5 hours, 10 minutes."""
    for unit, name in ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute")):
        count = span.total_seconds() / unit
        if count >= 2.0 or (count >= 1.0 and count == int(count)):
            return f"{count:.4g} {name}{'' if count == 1.0 else 's'}"
    return f"{span.total_seconds():g} seconds"
