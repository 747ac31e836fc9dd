"""Metrics of other people's: one number a strategy from what it earned, called by a name (`backtest.metrics`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.core.plugins import METRICS
from tradewinds.evaluation.reasons import number_or_reason
from tradewinds.pipeline.records import Outcome

Array = NDArray[np.float64]
Metric = Callable[[Array, Array, float], float | None]
NO_NUMBER = "the metric names no number for this strategy"


def measured(outcome: Outcome, names: Sequence[str]) -> Outcome:
    """Return an outcome with further metrics beside those of every strategy.

    Args:
        outcome: what every strategy came to.
        names: of registered metrics. Each is a function of (T,) equity in units of the opening equity, or money earned
            so far; (P,) simple returns of the bars, or profits of the days; and how many such periods a year has. It
            returns a number, or None where there is none, and cannot write to what it is handed.
    """
    if not names or outcome.per_year is None:
        return outcome
    functions: Mapping[str, Metric] = {name: METRICS.load(name) for name in names}
    metrics = {strategy: {**row, **_numbers(functions, outcome, strategy)} for strategy, row in outcome.metrics.items()}
    return replace(outcome, metrics=metrics)


def _numbers(functions: Mapping[str, Metric], outcome: Outcome, strategy: str) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    assert outcome.per_year is not None
    for name, function in functions.items():
        curve, increments = (
            table[strategy].to_numpy(np.float64, copy=True) for table in (outcome.curves, outcome.increments)
        )
        curve.flags.writeable = increments.flags.writeable = False
        value = function(curve, increments, outcome.per_year)
        numbers |= number_or_reason(name, None if value is None else float(value), NO_NUMBER)
    return numbers
