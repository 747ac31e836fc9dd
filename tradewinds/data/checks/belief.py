"""What the request asks to believe, `data.accept_jumps`, and the words that ask for it."""

import numpy as np
import pandas as pd

from tradewinds.data.readers.origin import Mask
from tradewinds.data.readers.text import moment
from tradewinds.data.rules import DataConfig

MOST = 20  # bars that a message names
ALL = "data.accept_jumps=true"


def believed(index: pd.DatetimeIndex, rules: DataConfig) -> Mask:
    """Return (T,) which bars, by their starts in UTC, are believed: a date believes its day, a moment its minute."""
    if isinstance(rules.accept_jumps, bool):
        return np.full(len(index), rules.accept_jumps)
    accepted = np.zeros(len(index), dtype=bool)
    for text in rules.accept_jumps:
        first = pd.Timestamp(text, tz="UTC")
        after = first + (pd.Timedelta(minutes=1) if "T" in text else pd.Timedelta(days=1))
        accepted[index.searchsorted(first) : index.searchsorted(after)] = True
    return accepted


def believing(index: pd.DatetimeIndex, rows: list[int], rules: DataConfig) -> str:
    """Return the option that believes some bars, and those that are believed already."""
    if len(rows) > MOST:
        return ALL
    accepted = () if isinstance(rules.accept_jumps, bool) else rules.accept_jumps
    names = [moment(index[row]).replace(" ", "T") for row in rows]
    return f"'data.accept_jumps=[{','.join(dict.fromkeys((*accepted, *names)))}]'"


def believing_or_all(index: pd.DatetimeIndex, rows: list[int], rules: DataConfig) -> str:
    """Return the option that believes some bars, and the one that believes all."""
    some = believing(index, rows, rules)
    return some if some == ALL else f"{some}, or all such with {ALL}"
