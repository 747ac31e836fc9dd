"""How the forecasts of several instruments are scored and tested: as rankings of a bar, and as numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.baselines.naive_and_ridge import ridge_forecast
from forecaster.data.panel import build_panel_features
from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster
from forecaster.panel_states import PanelStates
from tradewinds.evaluation.inference import compare_forecasts, forecast_verdict, rival_verdicts
from tradewinds.pipeline.records import Forecasts, Scored, TraceTables
from tradewinds.pipeline.task import Models, Prepared

Array = NDArray[np.float64]


def ridge_forecasts(fitted: Mapping[str, FittedForecaster], series: Series, states: PanelStates, rows: range) -> Array:
    """Return (R, A, H) what ridge forecasts at `rows` of each instrument; NaN where the network says nothing."""
    part, config = slice(rows.start, rows.stop), next(iter(fitted.values())).config.features
    told = np.full(states.forecast[part].shape, np.nan)
    for number, (name, table) in enumerate(zip(series.instruments, build_panel_features(series, config), strict=True)):
        there, own = states.available[part, number], fitted[name]
        features = own.scaled(table.values[part][there])
        told[there, number] = ridge_forecast(own.ridge, features, own.ridge_limits)
    return told


def score_rows(prepared: Prepared, models: Models, rows: range) -> Forecasts:
    """Score network and baselines on `rows`: decisions whose next bars lie inside them."""
    fitted, states = models.forecasting_panel()
    config, series = prepared.config, prepared.series
    horizon, kind = config.model.horizon, config.model.kind
    decisions = np.arange(rows.start, rows.stop - horizon)
    changes, known = series.changes(), series.has_change
    truth = np.stack([changes[decisions + 1 + ahead] for ahead in range(horizon)], axis=2)  # (N, A, H)
    came = np.stack([known[decisions + 1 + ahead] for ahead in range(horizon)], axis=2)
    there = states.available[decisions][:, :, None] & came
    told = {
        kind: states.forecast[decisions].astype(np.float64),
        "naive": np.zeros_like(truth),
        "ridge": ridge_forecasts(fitted, series, states, range(rows.start, rows.stop - horizon)),
    }
    unit = float(np.mean([one.naive_mae for one in fitted.values()]))
    table: dict[str, dict[str, Any]] = {}
    errors, gains, ic = {}, {}, {}
    for name, forecast in told.items():
        error = np.where(there, truth - forecast, np.nan)
        errors[name] = np.sqrt(np.nan_to_num(_mean(error**2)))
        gains[name] = np.where(there, forecast * truth, 0.0).sum(axis=1)
        ranks = rank_ic(
            np.where(there[:, :, 0], forecast[:, :, 0], np.nan), np.where(there[:, :, 0], truth[:, :, 0], np.nan)
        )
        ic[name] = pd.Series(ranks, index=series.index[decisions])
        mean = float(np.nanmean(ranks)) if np.isfinite(ranks).any() else None
        mae = float(np.nanmean(np.abs(error)))
        table[name] = {
            "rank_ic_mean": mean, "rank_ic_t": None, "rank_ic_t_reason": "interim", "ic_mean": None, "ic_mean_reason": "i",
            "ic_t": None, "ic_t_reason": "i", "spread_mean": None, "spread_mean_reason": "i", "spread_t": None,
            "spread_t_reason": "i", "hit_rate": None, "hit_rate_reason": "i", "change_mae": mae,
            "change_mase": mae / unit, "days": len(decisions), "n": int(there.sum()), "by_rank": [],
            "rank_ic_mean_reason": "no ranks",
        }  # fmt: skip
    comparison = compare_forecasts(errors, kind)
    verdicts = rival_verdicts(comparison)
    return Forecasts(
        scores={name: {**row, "verdict": verdicts[name]} if name in verdicts else row for name, row in table.items()},
        errors={"model": errors[kind][:, 0], "naive": errors["naive"][:, 0]},
        errors_ahead=errors,
        gains={name: gain for name, gain in gains.items() if name != "naive"},
        honesty={
            "forecast_headline": f"the {kind} ranks the next bar with a rank IC of {table[kind]['rank_ic_mean']:.3f}",
            "diebold_mariano_by_rival": comparison,
            "forecast_verdict": forecast_verdict(comparison, kind, horizon),
        },
        tables={"rank_ic": pd.DataFrame(ic)},
    )


def score_panel(prepared: Prepared, models: Models) -> Forecasts:
    """Score network and baselines on the test rows."""
    return score_rows(prepared, models, prepared.split.test)


def score_decisions(prepared: Prepared, decisions: pd.DataFrame, start: int) -> Forecasts:
    """Score the forecasts that decisions of many models hold: of the first bar an order earns."""
    series, late = (
        prepared.series,
        int(prepared.config.env.execution == "next_close" and prepared.config.model.horizon > 1),
    )
    names: list[Any] = [f"forecast.{name}" for name in series.instruments]
    forecast = decisions[names].to_numpy(np.float64)[: -1 - late]
    rows = np.arange(start + 1 + late, start + 1 + late + len(forecast))
    truth = np.where(series.has_change[rows] & np.isfinite(forecast), series.changes()[rows], np.nan)
    errors = {"model": _size(truth - forecast), "naive": _size(truth)}
    return Forecasts(scores={}, errors=errors)


def panel_tables(prepared: Prepared, models: Models, rows: range) -> TraceTables:
    """Return what the network and ridge forecast at `rows`, for worlds to be compared."""
    fitted, states = models.forecasting_panel()
    ridge = ridge_forecasts(fitted, prepared.series, states, rows)
    return {"scores": [(rows.start, states.forecast[rows.start : rows.stop]), (rows.start, ridge)]}


def rank_ic(forecast: Array, truth: Array) -> Array:
    """Return (N,) Spearman's correlation of each bar over the instruments; NaN for fewer than three."""
    told = pd.DataFrame(np.where(np.isfinite(truth), forecast, np.nan)).rank(axis=1)
    came = pd.DataFrame(np.where(np.isfinite(forecast), truth, np.nan)).rank(axis=1)
    return np.asarray(told.corrwith(came, axis=1).to_numpy(np.float64))


def score_lines_of(forecasts: Forecasts, where: str) -> Iterator[str]:
    """Yield the scores of a panel, a line a model."""
    yield f"rankings of the next bar, {where}:"
    for name, row in forecasts.scores.items():
        yield f"  {name:<16}{row['rank_ic_mean']}"


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


def _mean(values: Array) -> Array:
    """(N, H) mean of (N, A, H) over the instruments that are there."""
    count = np.isfinite(values).sum(axis=1)
    return np.asarray(np.nansum(values, axis=1) / np.maximum(count, 1))


def _size(values: Array) -> Array:
    return np.asarray(np.sqrt(_mean(values[:, :, None] ** 2))[:, 0])
