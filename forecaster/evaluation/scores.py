"""How good a forecast is, from the network and from rules that need none. Formulas: docs/metrics.md, section 1.

Two things are scored, and never in one breath: the value ahead, such as a price or a temperature h bars after the
decision (`value_...`), and the changes bar by bar that lead there (`change_...`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecaster.baselines.climatology import climatology
from forecaster.baselines.custom import custom_rules
from forecaster.baselines.dlinear import dlinear
from forecaster.baselines.naive_and_ridge import drift, last_season, naive, ridge_forecast, seasonal_naive
from forecaster.baselines.statistical import Rule, fit_classical
from forecaster.config import BaselineConfig
from forecaster.data.panel import all_ahead, build_panel_features
from forecaster.data.series import Series, Target
from forecaster.data.windows import labels
from forecaster.evaluation.conformal import online_quantiles, volatility
from forecaster.fitted import FittedForecaster
from forecaster.hidden_states import HiddenStates
from forecaster.networks.heads import LEVELS

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
Score = dict[str, float | int | str | list[float] | None]
BAND = (LEVELS.index(0.05), LEVELS.index(0.95))  # of the 90 % interval whose coverage is counted


@dataclass(frozen=True, eq=False)
class Scores:
    """Forecast scores on one span.

    Attributes:
        table: per model its scores; the network under its kind, then `naive`, `seasonal_naive`, `drift`,
            `climatology` of what is no price, `ridge`, `dlinear`, and the classical and custom ones that were asked
            for.
        errors: per model (N, H) truth - forecast of the changes, for tests of equal accuracy.
        forecasts: per model (N, H) the changes that were forecast and scored.
        decisions: (N,) rows at whose close the scored forecasts were made.
        calibration: per model (M, H) the changes that were forecast on the calibration rows.
        calibration_decisions: (M,) rows at whose close those were made.
        next_bar_quantiles: (Q, N) the network's calibrated quantiles one bar ahead, at `LEVELS`.
    """

    table: dict[str, Score]
    errors: dict[str, Array]
    forecasts: dict[str, Array]
    decisions: NDArray[np.int64]
    calibration: dict[str, Array]
    calibration_decisions: NDArray[np.int64]
    next_bar_quantiles: Array


def score_forecasts(
    fitted: FittedForecaster,
    series: Series,
    states: HiddenStates,
    *,
    calibration_rows: range,
    rows: range,
    baselines: BaselineConfig | None = None,
) -> Scores:
    """Score the network and its baselines on `rows`, with intervals calibrated on `calibration_rows`.

    Args:
        fitted: the network and its ridge baseline.
        series: T bars.
        states: the network's forecasts of these bars.
        calibration_rows: earlier rows, whose residuals give every model its first intervals; outcomes within `rows`
            correct those of later rows (`conformal`).
        rows: scored rows; only those whose H labels lie inside `rows` count, and were changes of the instrument.
        baselines: classical forecasts to stand beside them, fitted on bars up to the network's, and custom ones; None
            for none.

    Returns:
        The scores.

    Raises:
        ValueError: a span holds no whole label, calibration rows do not come first, states are of another series, or
            what `fit_classical` raises.
    """
    horizon = fitted.config.model.horizon
    if not series.index.equals(states.index):
        raise ValueError("series and states must share one time index; encode the series again")
    if not states.first_row <= calibration_rows.start < calibration_rows.stop <= rows.start:
        raise ValueError(
            f"calibration rows must come before the scored ones and after row {states.first_row}, "
            f"were {calibration_rows} and {rows}"
        )
    changes = series.changes()[:, 0]
    calibration, scored = (_decisions(series, states, part, horizon) for part in (calibration_rows, rows))
    past, truth = labels(changes, calibration, horizon), labels(changes, scored, horizon)
    asked = baselines or BaselineConfig()
    classical = fit_classical(
        changes,
        asked,
        fit_stop=int(states.fit_end[0]) + horizon + 1,
        horizon=horizon,
        season_bars=series.season_bars,
    )
    rules = {**plain_rules(fitted, series, asked.custom), **classical}
    before, after = (_forecasts(fitted, series, states, rules, part) for part in (calibration, scored))
    spread, ahead = ({name: point[None] for name, point in part.items()} for part in (before, after))
    if states.quantiles is not None:
        kind = fitted.config.model.kind
        spread[kind], ahead[kind] = (_network_quantiles(states.quantiles, part) for part in (calibration, scored))
    scales = volatility(changes)
    quantiles = _calibrated(
        ahead, spread, truth=truth, known=past, scale=scales[scored], scale_before=scales[calibration]
    )
    table = {
        name: {
            **_value_score(value_error(truth, after[name], series.target)),
            **_change_score(truth, after[name], quantiles[name], naive_mae=fitted.naive_mae),
        }
        for name in after
    }
    errors = {name: truth - after[name] for name in after}
    next_bar = quantiles[fitted.config.model.kind][:, :, 0].copy()  # the rest, of all models, is the largest table
    return Scores(table, errors, after, scored, before, calibration, next_bar)


def value_error(truth: Array, forecast: Array, target: Target) -> Array:
    """Return (N, H) value less forecast of each bar ahead, from (N, H) changes and their forecasts.

    Of differences the sums of both, in their unit, since the last value is known; of log returns the prices that these
    lead to, in percent of the last price; of relative returns those prices as they are in units of what all instruments
    have become on average, in percent of the last one.
    """
    reached, expected = np.cumsum(truth, axis=1), np.cumsum(forecast, axis=1)
    if target in ("difference", "level"):
        return np.asarray(reached - expected)
    return np.asarray(100.0 * (np.exp(reached) - np.exp(expected)))


def _decisions(series: Series, states: HiddenStates, rows: range, horizon: int) -> NDArray[np.int64]:
    """Return the rows whose labels lie inside `rows`; of an instrument with gaps, where it was forecast and changed."""
    decisions = np.arange(rows.start, rows.stop - horizon)
    if series.traded is not None:
        there = all_ahead(series.has_change, horizon)[:, 0] & np.isfinite(states.forecast).all(axis=1)
        decisions = decisions[there[decisions]]
    if len(decisions) == 0:
        raise ValueError(f"rows [{rows.start}, {rows.stop}) hold no label of {horizon} bars; bring more rows")
    return decisions


def _forecasts(
    fitted: FittedForecaster,
    series: Series,
    states: HiddenStates,
    rules: Mapping[str, Rule],
    rows: NDArray[np.int64],
) -> dict[str, Array]:
    return {
        fitted.config.model.kind: states.forecast[rows].astype(np.float64),
        **{name: rule(rows) for name, rule in rules.items()},
    }


def plain_rules(fitted: FittedForecaster, series: Series, custom: Sequence[str] = ()) -> dict[str, Rule]:
    """Return the rules that need no fit beside the network's: of (N,) rows, the (N, H) changes forecast at their close.

    Those that always stand there, then the custom ones that are named.

    The features are computed once, however often a rule is asked.
    """
    horizon, changes = fitted.config.model.horizon, series.changes()[:, 0]
    usual: dict[str, Rule] = {}

    def season(rows: NDArray[np.int64]) -> Array:
        if series.is_price:
            return seasonal_naive(changes, rows, horizon, series.season_bars)
        return last_season(series.close[:, 0], rows, horizon, series.season_bars)

    if not series.is_price:
        usual["climatology"] = lambda rows: climatology(series, rows, horizon, until=fitted.fit_end_time)
    features = build_panel_features(series, fitted.config.features)[0].values
    return {
        "naive": lambda rows: naive(len(rows), horizon),
        "seasonal_naive": season,
        "drift": lambda rows: drift(changes, rows, horizon),
        **usual,
        "ridge": lambda rows: ridge_forecast(fitted.ridge, fitted.scaled(features[rows]), fitted.ridge_limits),
        "dlinear": lambda rows: dlinear(fitted.dlinear, changes, rows),
        **custom_rules(custom, series, horizon),
    }


def _network_quantiles(quantiles: Float32, rows: NDArray[np.int64]) -> Array:
    """(T, H, Q) of all bars -> (Q, N, H) of some."""
    return np.moveaxis(quantiles[rows].astype(np.float64), -1, 0)


def _calibrated(
    ahead: dict[str, Array], before: dict[str, Array], *, truth: Array, known: Array, scale: Array, scale_before: Array
) -> dict[str, Array]:
    """Correct the quantiles of every model, (Q, N, H) or (1, N, H), in one pass, and put them in order: (Q, N, H).

    Source:
        Sorting: Chernozhukov, Fernandez-Val and Galichon (2010), Econometrica 78(3).
    """
    corrected = online_quantiles(
        list(ahead.values()),
        truth,
        before=list(before.values()),
        known=known,
        levels=np.asarray(LEVELS),
        scale=scale,
        scale_before=scale_before,
    )
    corrected.sort(axis=1)
    return dict(zip(ahead, corrected, strict=True))


def _value_score(error: Array) -> Score:
    """Score (N, H) errors of the values ahead."""
    by_horizon = np.abs(error).mean(axis=0).tolist()
    return {
        "value_mae": float(np.abs(error).mean()),
        "value_rmse": float(np.sqrt((error**2).mean())),
        "value_mae_last": by_horizon[-1],
        "value_mae_by_horizon": by_horizon,
    }


def _change_score(truth: Array, forecast: Array, quantiles: Array, *, naive_mae: float) -> Score:
    """Score (N, H) forecasts of changes and their (Q, N, H) quantiles."""
    error, quantiles = truth - forecast, np.ascontiguousarray(quantiles)
    pinball = float(np.mean([_pinball(truth, q, level) for q, level in zip(quantiles, LEVELS, strict=True)]))
    score: Score = {
        "change_mae": float(np.abs(error).mean()),
        "change_rmse": float(np.sqrt((error**2).mean())),
        "change_mase": float(np.abs(error).mean() / naive_mae) if naive_mae > 0.0 else None,
        "change_pinball": pinball,
        "change_crps": 2.0 * pinball,
        "change_coverage": float(((truth >= quantiles[BAND[0]]) & (truth <= quantiles[BAND[1]])).mean()),
        "change_direction_accuracy": None,
        "n": int(truth.size),
        "change_mae_by_horizon": np.abs(error).mean(axis=0).tolist(),
        "change_share_below_quantile": (truth < quantiles).mean(axis=(1, 2)).tolist(),
    }
    if score["change_mase"] is None:
        score["change_mase_reason"] = "the price never moved on the fit rows"
    directed = (truth != 0.0) & (forecast != 0.0)
    if directed.any():
        score["change_direction_accuracy"] = float((np.sign(truth) == np.sign(forecast))[directed].mean())
    else:
        score["change_direction_accuracy_reason"] = "the forecast is no change, which has no direction"
    return score


def _pinball(truth: Array, quantile: Array, level: float) -> float:
    error = truth - quantile
    return float(np.maximum(level * error, (level - 1.0) * error).mean())
