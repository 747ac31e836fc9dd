"""How well forecasts order the instruments of a bar, from the network and from rules.

Every model is scored on the instruments that the network speaks of, at bars whose labels are their own changes; a rule
that needs a longer past, on those of them that have it. Formulas: docs/metrics.md, section 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.baselines.boosting import boosting_is_installed, fit_boosting
from forecaster.baselines.momentum import momentum_12_1, reversal_1m
from forecaster.baselines.naive_and_ridge import ridge_forecast
from forecaster.data.cross_section import changes_of
from forecaster.data.datamodule import window_rows
from forecaster.data.features import FeatureTable
from forecaster.data.panel import all_ahead, build_panel_features, whole_contexts
from forecaster.data.series import Series
from forecaster.evaluation.by_day import (
    correlations,
    group_means,
    hits,
    newey_west,
    number_of_groups,
    rank_correlations,
)
from forecaster.evaluation.scores import BAND, Score
from forecaster.fitted import FittedForecaster
from forecaster.panel_states import PanelStates
from forecaster.training.linear_base import MOST_WINDOWS

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
CHANGE = ("change_mae", "change_rmse", "change_mase")
SIGNALS = ("momentum_12_1", "reversal_1m")  # they order instruments, and forecast no change


@dataclass(frozen=True, eq=False)
class CrossSectionScores:
    """Scores of N bars.

    Attributes:
        table: per model its scores; the network under its kind, then `naive`, `ridge`, `momentum_12_1`, `reversal_1m`,
            and `boosting` where it is installed. What cannot be computed is None, with a reason beside it.
        by_day: (N, models) rank correlation of each bar, by the start of the bar that decides; NaN where it has none.
            `naive` is not among these three: it says the same of every instrument.
        spreads: (N, models) mean change a bar of the highest group less that of the lowest.
        deciles: (G, models) mean change a bar of the groups by forecast, the lowest first: tenths, or fewer groups
            where the median bar has fewer than 50 instruments.
        squared_errors: (N, models) mean over the instruments of a bar, of the models that forecast a change: the losses
            that tests of equal accuracy compare, since instruments of one bar are not independent.
        absolute_errors: as those.
        notes: what was not scored, and why.
    """

    table: dict[str, Score]
    by_day: pd.DataFrame
    spreads: pd.DataFrame
    deciles: pd.DataFrame
    squared_errors: pd.DataFrame
    absolute_errors: pd.DataFrame
    notes: tuple[str, ...]


def score_cross_section(
    fitted: Mapping[str, FittedForecaster],
    series: Series,
    states: PanelStates,
    rows: range,
    *,
    horizon: int = 1,
    boosting: bool = True,
    seed: int = 0,
) -> CrossSectionScores:
    """Score the order in which the network and its rivals put the instruments of each bar.

    Args:
        fitted: by instrument, the network and its ridge baseline.
        series: T bars of A instruments.
        states: the network's forecasts of these bars.
        rows: scored rows; only those whose labels lie inside `rows` count.
        horizon: bars ahead whose change, their sum, is forecast and scored; at most the network's.
        boosting: whether LightGBM is fitted, on the forecaster's rows, and scored beside the others.
        seed: of the boosting.

    Raises:
        ValueError: states are of another series, the horizon is longer than the network's, or no label lies in `rows`.
    """
    own = [fitted[name] for name in series.instruments]
    kind = own[0].config.model.kind
    _refuse(own[0], series, states, rows, horizon)
    decisions = np.arange(rows.start, rows.stop - horizon)
    labelled = states.available & all_ahead(series.has_change, horizon)
    changes, there = series.changes(), labelled[decisions]
    truth = np.where(there, _ahead(changes, decisions, horizon), np.nan)
    tables = build_panel_features(series, own[0].config.features)
    forecasts: dict[str, Array] = {
        kind: states.forecast[decisions, :, :horizon].sum(axis=2, dtype=np.float64),
        "naive": np.zeros_like(truth),
        "ridge": _ridge(own, tables, decisions, horizon),
        **_signals(series, decisions),
    }
    trees, notes = _boosting(own, series, states, tables, horizon, seed) if boosting else (None, ())
    if trees is not None:
        forecasts["boosting"] = trees(decisions)
    forecasts = {name: np.where(there, forecast, np.nan) for name, forecast in forecasts.items()}
    groups, index = number_of_groups(there), series.index[decisions]
    orders = {name: _order_of(forecast, truth, groups, horizon) for name, forecast in forecasts.items()}
    errors = {name: truth - forecast for name, forecast in forecasts.items() if name not in SIGNALS}
    table = {name: {**order.score, **_change_score(errors.get(name), own)} for name, order in orders.items()}
    table[kind] |= _coverage(states, decisions, truth, horizon)
    del orders["naive"]
    return CrossSectionScores(
        table,
        pd.DataFrame({name: order.ranked for name, order in orders.items()}, index=index),
        pd.DataFrame({name: order.groups[:, -1] - order.groups[:, 0] for name, order in orders.items()}, index=index),
        pd.DataFrame({name: _mean(order.groups) for name, order in orders.items()}, index=range(1, groups + 1)),
        pd.DataFrame({name: _mean(error.T**2) for name, error in errors.items()}, index=index),
        pd.DataFrame({name: _mean(np.abs(error.T)) for name, error in errors.items()}, index=index),
        notes,
    )


def _refuse(first: FittedForecaster, series: Series, states: PanelStates, rows: range, horizon: int) -> None:
    if not series.index.equals(states.index) or series.instruments != states.instruments:
        raise ValueError("series and states must share one time index and instruments; encode the series again")
    if not 1 <= horizon <= first.config.model.horizon:
        raise ValueError(f"horizon must lie in [1, model.horizon = {first.config.model.horizon}] bars, was {horizon}")
    if not 0 <= rows.start < rows.stop - horizon <= len(series.index) - horizon:
        raise ValueError(
            f"rows [{rows.start}, {rows.stop}) of {len(series.index)} hold no label of {horizon} bars; bring more rows"
        )


def _ahead(changes: Array, rows: Rows, horizon: int) -> Array:
    """Return (N, A) sums of the H changes (T, A) after each of `rows` (N,)."""
    return np.asarray(sum(changes[rows + ahead] for ahead in range(1, horizon + 1)))


def _ridge(own: Sequence[FittedForecaster], tables: Sequence[FeatureTable], rows: Rows, horizon: int) -> Array:
    columns = [
        ridge_forecast(one.ridge, one.scaled(table.values[rows]), one.ridge_limits)[:, :horizon].sum(axis=1)
        for one, table in zip(own, tables, strict=True)
    ]
    return np.stack(columns, axis=1)


def _signals(series: Series, rows: Rows) -> dict[str, Array]:
    changes = changes_of(series)
    traded = np.ones(changes.shape, dtype=bool) if series.traded is None else series.traded
    first_bars = np.where(traded.any(axis=0), traded.argmax(axis=0), len(traded))
    rules = {"momentum_12_1": momentum_12_1, "reversal_1m": reversal_1m}
    return {name: rule(changes, first_bars, rows, series.bars_per_year) for name, rule in rules.items()}


def _boosting(
    own: Sequence[FittedForecaster],
    series: Series,
    states: PanelStates,
    tables: Sequence[FeatureTable],
    horizon: int,
    seed: int,
) -> tuple[Callable[[Rows], Array] | None, tuple[str, ...]]:
    """Fit trees to the last bar of the windows that the network was fitted on, each instrument in its own unit.

    Returns:
        From rows (N,) to forecasts (N, A), or None; and why there is none.
    """
    if not boosting_is_installed():
        return None, ("LightGBM is not installed, and was not scored: pip install 'tradewinds[boosting]'",)
    config = own[0].config
    model, first_rows = config.model, [table.first_row for table in tables]
    last = range(0, int(states.fit_end[0]) + 1 + model.horizon)
    try:
        decisions = window_rows(
            last,
            first_row=min(first_rows),
            context_length=model.context_length,
            horizon=model.horizon,
            stop_fraction=config.trainer.early_stopping_fraction,
        )
    except ValueError:
        return None, ("the series lacks the rows that the network was fitted on: LightGBM was not fitted",)
    usable = whole_contexts(series, first_rows, model.context_length) & all_ahead(series.has_change, model.horizon)
    scaled = np.stack([one.scaled(table.values) for one, table in zip(own, tables, strict=True)], axis=1)  # (T, A, F)
    units = np.array([one.target_scale for one in own])
    changes = series.changes() / units

    def windows(rows: Rows) -> tuple[Array, Array]:
        row, asset = np.nonzero(usable[rows])
        step = max(-(-len(row) // MOST_WINDOWS), 1)
        row, asset = rows[row[::step]], asset[::step]
        return scaled[row, asset], _ahead(changes, row, horizon)[np.arange(len(row)), asset]

    fit, stop = windows(decisions.fit), windows(decisions.stop)
    if min(len(fit[1]), len(stop[1])) < 2:
        return None, ("no instrument has rows that LightGBM could be fitted on",)
    forecast = fit_boosting(*fit, *stop, seed=seed)
    return lambda rows: forecast(scaled[rows].reshape(-1, scaled.shape[2])).reshape(len(rows), -1) * units, ()


@dataclass(frozen=True, eq=False)
class _Order:
    """How a model orders instruments: rank correlations (N,), mean changes a bar of its groups (N, G), and scores."""

    ranked: Array
    groups: Array
    score: Score


def _order_of(forecast: Array, truth: Array, groups: int, horizon: int) -> _Order:
    ranked, means = rank_correlations(forecast, truth), group_means(forecast, truth, groups) / horizon
    by_bar = {"ic": correlations(forecast, truth), "rank_ic": ranked, "spread_per_bar": means[:, -1] - means[:, 0]}
    score: Score = {}
    for name, values in by_bar.items():
        mean, statistic = newey_west(values, horizon)
        count = int(np.isfinite(values).sum())
        score |= _number(name, mean, "its forecasts put the instruments of no bar in an order")
        score |= _number(f"{name}_t", statistic, f"{count} bars are too few, or all the same")
    known, (right, sided) = ranked[np.isfinite(ranked)], hits(forecast, truth)
    positive, hit_rate = (float((known > 0.0).mean()) if len(known) else None), right / sided if sided else None
    score |= _number("rank_ic_positive", positive, "its forecasts put the instruments of no bar in an order")
    score |= _number("hit_rate", hit_rate, "it forecasts no instrument beside the median of its bar")
    there = np.isfinite(forecast) & np.isfinite(truth)
    return _Order(ranked, means, score | {"n_bars": int(there.any(axis=1).sum()), "n": int(there.sum())})


def _change_score(error: Array | None, own: Sequence[FittedForecaster]) -> Score:
    """Score (N, A) errors of changes, of all instruments and bars together; None of a signal, which has no unit."""
    if error is None:
        reason = "it orders instruments, and forecasts no change"
        return {key: text for name in CHANGE for key, text in _number(name, None, reason).items()}
    naive, reason = np.array([one.naive_mae for one in own]), "no instrument was scored"
    moved, squared = naive > 0.0, _pooled(error**2)
    values = {
        "change_mae": _pooled(np.abs(error)),
        "change_rmse": None if squared is None else float(np.sqrt(squared)),
        "change_mase": _pooled(np.abs(error[:, moved]) / naive[moved]),
    }
    return {key: number for name, value in values.items() for key, number in _number(name, value, reason).items()}


def _coverage(states: PanelStates, rows: Rows, truth: Array, horizon: int) -> Score:
    """Return the share of changes within the 90 % interval that the network's head says, or why there is none."""
    if states.quantiles is None or horizon > 1:
        words = "its head says no intervals" if states.quantiles is None else "its intervals are those of single bars"
        return _number("change_coverage", None, words)
    low, high = (states.quantiles[rows, :, 0, level] for level in BAND)
    inside = ((truth >= low) & (truth <= high)).astype(np.float64)
    return _number("change_coverage", _pooled(inside[np.isfinite(truth)]), "no instrument was scored")


def _number(name: str, value: float | None, reason: str) -> Score:
    return {name: value} if value is not None else {name: None, f"{name}_reason": reason}


def _pooled(values: Array) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _mean(values: Array) -> Array:
    """Return the (K,) means over the rows of (N, K), NaN left out; NaN where nothing is left."""
    there = np.isfinite(values)
    count = there.sum(axis=0)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
