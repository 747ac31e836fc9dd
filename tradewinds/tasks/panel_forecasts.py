"""How forecasts of several instruments are scored and tested: as an order of the instruments of a bar, and as numbers.

The scores are `forecaster.evaluation.cross_section`'s; here they become a report's, a trace's and a placebo's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.baselines.naive_and_ridge import ridge_forecast_by_row
from forecaster.data.panel import build_panel_features
from forecaster.data.series import Series
from forecaster.evaluation.cross_section import CrossSectionScores, score_cross_section
from forecaster.fitted import FittedForecaster
from forecaster.panel_states import PanelStates
from tradewinds.evaluation.inference import compare_forecasts, forecast_verdict, rival_verdicts
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Forecasts, Scored, TraceTables
from tradewinds.pipeline.task import Models, Prepared
from trading_env.account.plan import first_bar_earned

Array = NDArray[np.float64]
RANK_IC = "rank_ic"  # the table of rank correlations, bar by bar
CERTAIN_T = 2.0  # of a mean rank correlation, below which luck suffices


def score_panel(prepared: Prepared, models: Models) -> Forecasts:
    """Score network and rivals on the test rows."""
    return score_rows(prepared, models, prepared.split.test)


def score_rows(prepared: Prepared, models: Models, rows: range) -> Forecasts:
    """Score network and rivals on `rows`: decisions whose next bar lies inside them."""
    (fitted, states), config, kind = models.forecasting_panel(), prepared.config, prepared.config.model.kind
    scores = score_cross_section(
        fitted,
        prepared.series,
        states,
        rows,
        boosting=config.baselines.boosting,
        seed=seed_for(config.seed, "boosting"),
    )
    errors = {name: np.sqrt(column.to_numpy(np.float64))[:, None] for name, column in scores.squared_errors.items()}
    known = np.isfinite(np.concatenate(list(errors.values()), axis=1)).all(axis=1)
    losses = {str(name): error[known] for name, error in errors.items()}
    comparison = compare_forecasts(losses, kind)
    verdicts = rival_verdicts(comparison)
    table = {
        name: {**row, "by_group": _groups(scores.deciles[name]) if name in scores.deciles else []}
        | ({"verdict": verdicts[name]} if name in verdicts else {})
        for name, row in scores.table.items()
    }
    return Forecasts(
        scores=table,
        errors={"model": losses[kind][:, 0], "naive": losses["naive"][:, 0]},
        errors_ahead=losses,
        gains=gains_of(prepared, models, rows),
        honesty={
            "forecast_headline": headline(scores, kind),
            "diebold_mariano_by_rival": comparison,
            "forecast_verdict": forecast_verdict(comparison, kind, 1),
        },
        tables={RANK_IC: scores.by_day},
        remarks=[*scores.notes, *_remarks(scores, kind)],
    )


def _groups(means: pd.Series) -> list[float]:
    """Return the mean change of each group by rank of its forecast, the lowest first; nothing where one has none."""
    values = means.to_numpy(np.float64)
    return values.tolist() if np.isfinite(values).all() else []


def headline(scores: CrossSectionScores, kind: str) -> str:
    """Say how well the network puts the instruments of a bar in order, and how well the best other rule does."""
    told = {name: row["rank_ic"] for name, row in scores.table.items() if row["rank_ic"] is not None}
    if kind not in told:
        return f"the {kind} puts the instruments of no bar in an order"
    words = f"the {kind} orders the instruments of the next bar with a rank IC of {_ic(scores, kind)}"
    rivals = [name for name in told if name != kind]
    if not rivals:
        return words
    best = max(rivals, key=lambda name: float(str(told[name])))
    return f"{words}; the best other, {best.replace('_', ' ')}, with {_ic(scores, best)}"


def _ic(scores: CrossSectionScores, name: str) -> str:
    row = scores.table[name]
    statistic = row["rank_ic_t"]
    if row["rank_ic"] is None:
        return "none"
    return f"{float(str(row['rank_ic'])):+.3f}" + ("" if statistic is None else f" (t {float(str(statistic)):.1f})")


def _remarks(scores: CrossSectionScores, kind: str) -> list[str]:
    statistic = scores.table[kind]["rank_ic_t"]
    if statistic is not None and float(str(statistic)) >= CERTAIN_T:
        return []
    return [f"the {kind} does not order the instruments of the next bar beyond luck: rank IC {_ic(scores, kind)}"]


def gains_of(prepared: Prepared, models: Models, rows: range) -> dict[str, Array]:
    """Return by model (N, H) forecast times what came, summed over the instruments, for the decisions of `rows`."""
    fitted, states = models.forecasting_panel()
    horizon = prepared.config.model.horizon
    decisions = range(rows.start, rows.stop - horizon)
    ahead = np.arange(decisions.start, decisions.stop)[:, None] + 1 + np.arange(horizon)  # (N, H)
    came = np.where(prepared.series.has_change, prepared.series.changes(), 0.0)[ahead]  # (N, H, A)
    told = {
        prepared.config.model.kind: states.forecast[decisions.start : decisions.stop].astype(np.float64),
        "ridge": ridge_forecasts(fitted, prepared.series, states, decisions),
    }
    return {name: np.einsum("nah,nha->nh", np.nan_to_num(forecast), came) for name, forecast in told.items()}


def score_decisions(prepared: Prepared, decisions: pd.DataFrame, start: int) -> Forecasts:
    """Score the forecasts that decisions of many models hold: of the first bar that an order earns."""
    series, late = prepared.series, first_bar_earned(prepared.config.env, prepared.config.model.horizon)
    names: list[Any] = [f"forecast.{name}" for name in series.instruments]
    forecast = decisions[names].to_numpy(np.float64)[: -1 - late]
    rows = np.arange(start + 1 + late, start + 1 + late + len(forecast))
    there = series.has_change[rows] & np.isfinite(forecast)
    truth = np.where(there, series.changes()[rows], np.nan)
    errors = {"model": truth - forecast, "naive": truth}
    scored = there.any(axis=1)
    return Forecasts(
        scores={}, errors={name: np.sqrt(np.nanmean(e[scored] ** 2, axis=1)) for name, e in errors.items()}
    )


def ridge_forecasts(fitted: Mapping[str, FittedForecaster], series: Series, states: PanelStates, rows: range) -> Array:
    """Return (R, A, H) what ridge forecasts at `rows` of each instrument; NaN where the network says nothing."""
    part, config = slice(rows.start, rows.stop), next(iter(fitted.values())).config.features
    told = np.full(states.forecast[part].shape, np.nan)
    tables = zip(series.instruments, build_panel_features(series, config), strict=True)
    for number, (name, table) in enumerate(tables):
        there, own = states.available[part, number], fitted[name]
        features = own.scaled(table.values[part][there])
        told[there, number] = ridge_forecast_by_row(own.ridge, features, own.ridge_limits)
    return told


def panel_tables(models: Models, rows: range) -> TraceTables:
    """Return what the network forecasts at `rows`, for worlds to be compared; what ridge does stands in decisions."""
    _, states = models.forecasting_panel()
    return {"scores": [(rows.start, states.forecast[rows.start : rows.stop])]}


def scored_panel(prepared: Prepared, models: Models, rows: range) -> Sequence[Scored]:
    """Return the network's forecasts of the next bar as they are scored, of each instrument."""
    _, states = models.forecasting_panel()
    changes, known = prepared.series.changes(), prepared.series.has_change
    issued = np.arange(rows.start, rows.stop - 1)
    scored = []
    for number, name in enumerate(prepared.series.instruments):
        there = issued[states.available[issued, number] & known[issued + 1, number]]
        told = states.forecast[there, number, 0].astype(np.float64)
        scored.append(Scored(name, there, there + 1, told, changes[there + 1, number], instrument=name))
    return scored
