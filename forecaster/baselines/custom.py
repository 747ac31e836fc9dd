"""Baselines of other people's: rules from the bars up to a decision to the changes of those after it, called by a name.

A configuration holds names only (`BaselineConfig.custom`); whoever uses one says first which function it means
(`register_baseline`). Must not know where functions come from.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines.statistical import Rule
from forecaster.data.custom_features import read_only
from forecaster.data.series import Series
from forecaster.registry import BASELINES

Array = NDArray[np.float64]
Baseline = Callable[[Series, NDArray[np.int64], int], Array]


def register_baseline(name: str, function: Baseline) -> None:
    """Let `BaselineConfig.custom` call a function by `name`; a later one of the same name takes its place.

    Args:
        name: the forecast's name in tables and reports.
        function: takes a series of one instrument, T bars, that it cannot write to; decision rows (N,), increasing; and
            the horizon H. Returns (N, H) changes (`Series.changes`: log returns, or differences) of the bars after each
            row. What it says of a row may use bars up to that row only, whatever other rows are asked for, which
            `leakcheck` tests.
    """
    BASELINES.register(name, function)


def custom_rules(names: Sequence[str], series: Series, horizon: int) -> dict[str, Rule]:
    """Return the rules of registered baselines on a series of one instrument, by name."""
    return {name: _rule(name, BASELINES.load(name), read_only(series), horizon) for name in names}


def _rule(name: str, function: Baseline, series: Series, horizon: int) -> Rule:
    def forecast(rows: NDArray[np.int64]) -> Array:
        changes = np.asarray(function(series, rows.copy(), horizon), dtype=np.float64)
        if changes.shape != (len(rows), horizon) or not np.isfinite(changes).all():
            were = "others" if changes.shape == (len(rows), horizon) else f"shape {changes.shape}"
            raise ValueError(
                f"baseline '{name}' must return ({len(rows)}, {horizon}) finite changes, a row for each decision and a "
                f"column for each bar ahead, had {were}"
            )
        return changes

    return forecast
