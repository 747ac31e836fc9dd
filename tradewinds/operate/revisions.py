"""What the bars that a paper account has read say now: values that were revised, bars that came late or are gone.

Nothing is decided anew by it. Must not know how an account is reckoned.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series

NEUTRAL = {"traded": 1.0, "dividends": 0.0, "splits": 1.0, "delisted": 0.0}  # what a column says that is not there
LATE, GONE = "came late", "is gone"


def recorded_bars(series: Series, rows: range) -> list[dict[str, Any]]:
    """Return the bars `rows` as plain data: each `at` its start, and by name a number an instrument."""
    columns = series.columns()
    return [
        {"at": series.index[row].isoformat(), **{name: _plain(values[row]) for name, values in columns.items()}}
        for row in rows
    ]


def revisions_of(
    series: Series, steps: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return what differs from what steps had read, and is not known yet.

    Returns:
        Of each value `at`, `column`, `instrument`, `was` as it was decided on, and `now`; of a bar that came late or is
        gone `at` and `column`, which says so.
    """
    bars = [bar for step in steps for bar in step["bars"]]
    if not bars:
        return []
    stamps = pd.DatetimeIndex([bar["at"] for bar in bars])
    rows = series.index.get_indexer(stamps)
    told = {(one["at"], one["column"], one.get("instrument")): one.get("now") for one in known}
    between = series.index[(series.index > stamps[0]) & (series.index < stamps[-1])].difference(stamps)
    found: list[dict[str, Any]] = [{"at": stamp.isoformat(), "column": LATE} for stamp in between]
    found += [{"at": bars[place]["at"], "column": GONE} for place in np.flatnonzero(rows < 0)]
    found = [one for one in found if (one["at"], one["column"], None) not in told]
    columns = series.columns()
    for name in dict.fromkeys(name for bar in bars for name in bar if name != "at"):
        if name not in columns and name not in NEUTRAL:
            continue
        was = np.array([_numbers(bar.get(name), name, len(series.instruments)) for bar in bars])
        now = np.full_like(was, NEUTRAL.get(name, np.nan))
        there = rows >= 0
        if name in columns:
            now[there] = columns[name][rows[there]]
        differs = there[:, None] & (was != now) & ~(np.isnan(was) & np.isnan(now))
        for place, asset in zip(*np.nonzero(differs), strict=True):
            at, instrument = bars[place]["at"], series.instruments[asset]
            before, value = _plain([was[place, asset], now[place, asset]])
            if told.get((at, name, instrument), before) != value:
                found.append({"at": at, "column": name, "instrument": instrument, "was": before, "now": value})
    return sorted(found, key=lambda one: one["at"])


def _numbers(values: Sequence[float | None] | None, name: str, count: int) -> list[float]:
    if values is None:
        return [NEUTRAL.get(name, np.nan)] * count
    return [np.nan if value is None else float(value) for value in values]


def _plain(values: Sequence[float] | NDArray[Any]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
