"""Values ahead and their intervals: how far forecasts of the same bars ahead have missed so far, corrected online.

`scores` says how likely a single change is to fall below something; here it is the value that the changes lead to, such
as a price or a temperature h bars ahead. What is said at the close of bar t rests on bars up to t alone, so that the
last bar of a series, whose outcomes nobody knows, is told as every bar before it was. Formulas: docs/metrics.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.panel import all_ahead
from forecaster.data.series import Series
from forecaster.data.windows import labels
from forecaster.evaluation.conformal import online_quantiles, volatility
from forecaster.hidden_states import HiddenStates

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
INTERVAL = "interval."  # columns of a value that outcomes fall below with a chance, by that chance


@dataclass(frozen=True, eq=False)
class ValueForecasts:
    """Values ahead as they were told at N decisions.

    Attributes:
        decisions: (N,) rows at whose close they were told.
        value: (N, H) in the unit of the series; of a relative return in percent beyond the mean of all.
        quantiles: (Q, N, H) of those, rising.
    """

    decisions: Rows
    value: Array
    quantiles: Array

    def of_last(self, row: int) -> "ValueForecasts":
        """Return what was told at `row`, the last decision.

        Raises:
            ValueError: the last decision was another.
        """
        if self.decisions[-1] != row:
            raise ValueError(f"row {row} is not forecast, the last that is was {self.decisions[-1]}")
        return self.since(row)

    def since(self, row: int) -> "ValueForecasts":
        """Return what was told at `row` and later."""
        first = int(np.searchsorted(self.decisions, row))
        return ValueForecasts(self.decisions[first:], self.value[first:], self.quantiles[:, first:])


def value_forecasts(
    series: Series, states: HiddenStates, *, calibration_rows: range, first: int, levels: Sequence[float]
) -> ValueForecasts:
    """Tell the values ahead at every row from `first` to the last bar, with their intervals.

    Args:
        series: T bars of one instrument.
        states: the network's forecasts of these bars.
        calibration_rows: rows before `first` whose misses give the first intervals; outcomes since correct them.
        first: the first row that is told of.
        levels: (Q,) rising chances to fall below, each in (0, 1).

    Raises:
        ValueError: the calibration rows hold no whole outcome, or no row from `first` on is forecast.
    """
    horizon, changes = states.forecast.shape[1], series.changes()[:, 0]
    before = _rows(series, states, calibration_rows, open_ended=False)
    told = _rows(series, states, range(first, len(series.index)), open_ended=True)
    if min(len(before), len(told)) == 0:
        raise ValueError(
            f"rows {calibration_rows.start} to {calibration_rows.stop} hold {len(before)} outcomes of {horizon} bars "
            f"to calibrate intervals by, and {len(told)} rows from {first} on are forecast; bring more bars"
        )
    ahead = np.append(changes, np.full(horizon, np.nan))  # nobody knows what follows the last bar
    reached, expected = (
        np.cumsum(part, axis=1) for part in (labels(changes, before, horizon), states.forecast[before].astype(float))
    )
    path = np.cumsum(states.forecast[told].astype(np.float64), axis=1)
    scales = volatility(changes)
    (quantiles,) = online_quantiles(
        [path[None]],
        np.cumsum(labels(ahead, told, horizon), axis=1),
        before=[expected[None]],
        known=reached,
        levels=np.asarray(levels, dtype=np.float64),
        scale=scales[told],
        scale_before=scales[before],
    )
    last = series.close[told, :1]
    return ValueForecasts(told, _value(path, last, series), _value(np.sort(quantiles, axis=0), last, series))


def forecast_table(
    series: Series, starts: pd.DatetimeIndex, told: ValueForecasts, levels: Sequence[float]
) -> pd.DataFrame:
    """Return values ahead as they were told at N decisions, one after another, by H bars ahead.

    Args:
        series: T bars of one instrument.
        starts: (T + H,) of its bars, and of those that follow.
        told: of it.
        levels: (Q,) the chances of its quantiles.

    Returns:
        (N * H, 5 + Q): `instrument`; `issued`, when all that they rest on was known; `target`, start of the bar they
        are about, UTC; `ahead`, bars between; `value`; and `interval.<level>`.
    """
    horizon = told.value.shape[1]
    ahead = np.tile(np.arange(1, horizon + 1), len(told.decisions))
    rows = np.repeat(told.decisions, horizon)
    columns = {
        "instrument": series.instruments[0],
        "issued": series.close_time[rows],
        "target": starts[rows + ahead],
        "ahead": ahead,
        "value": told.value.ravel(),
    }
    bands = {f"{INTERVAL}{level:g}": row.ravel() for level, row in zip(levels, told.quantiles, strict=True)}
    return pd.DataFrame(columns | bands)


def _rows(series: Series, states: HiddenStates, rows: range, *, open_ended: bool) -> Rows:
    """Return the rows that are forecast and whose outcomes, as far as they are known, are the instrument's own changes.

    Args:
        series: T bars.
        states: of them.
        rows: within the series.
        open_ended: whether outcomes may lie beyond the last bar; else they lie inside `rows`.
    """
    horizon = states.forecast.shape[1]
    decisions = np.arange(max(rows.start, states.first_row), rows.stop if open_ended else rows.stop - horizon)
    own = series.has_change
    if open_ended:
        own = np.concatenate([own, np.ones((horizon, 1), dtype=bool)])
    there = all_ahead(own, horizon)[: len(series.index), 0] & np.isfinite(states.forecast).all(axis=1)
    return np.asarray(decisions[there[decisions]])


def _value(change: Array, last: Array, series: Series) -> Array:
    """Return values from (..., N, H) changes since the last value, (N, 1)."""
    if series.target == "relative_return":
        return np.asarray(100.0 * np.expm1(change))
    return np.asarray(last * np.exp(change) if series.is_price else last + change)
