"""How forecasts of the bars ahead are scored and tested, for every task whose bars are forecast one by one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from forecaster.config import BaselineConfig
from forecaster.evaluation.class_scores import score_classes
from forecaster.evaluation.scores import Score, Scores, score_forecasts
from forecaster.hidden_states import HiddenStates
from forecaster.networks.heads import LEVELS
from tradewinds.evaluation.inference import (
    CERTAIN,
    VALUE,
    ahead_words,
    compare_forecasts,
    forecast_verdict,
    rival_verdicts,
)
from tradewinds.pipeline.records import Forecasts, Scored, TraceTables
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.all_forecasts import ALL_FORECASTS, every_forecast
from tradewinds.tasks.attributions import resting_on
from tradewinds.tasks.predictions import VALUES_AHEAD, values_ahead
from tradewinds.tasks.return_classes import classes_block

BANDS = (0.05, 0.25, 0.75, 0.95)  # quantiles drawn around the next bar's forecast
CALIBRATION = 20  # bars whose residuals give the forecasts their first intervals, in a trace


def score_bars(prepared: Prepared, models: Models) -> Forecasts:
    """Score the network and its baselines on the test rows, and test each baseline against it."""
    (fitted, states), config = models.forecasting_bars(), prepared.config
    scores = score_forecasts(
        fitted,
        prepared.series,
        states,
        calibration_rows=prepared.split.validation,
        rows=prepared.split.test,
        baselines=config.baselines,
    )
    model = config.model.kind
    comparison = compare_forecasts(scores.errors, model)
    verdicts = rival_verdicts(comparison)
    table = {
        name: {**row, "verdict": verdicts[name]} if name in verdicts else row for name, row in scores.table.items()
    }
    honesty = {
        "forecast_headline": headline(scores.table, model, config.model.horizon, prepared.series.value_unit),
        "diebold_mariano_by_rival": comparison,
        "forecast_verdict": forecast_verdict(comparison, model, config.model.horizon),
        **classes_block(prepared, score_classes(fitted, prepared.series, states, scores.decisions)),
    }
    rests = resting_on(prepared, fitted, states)
    return Forecasts(
        scores=table,
        errors={"model": scores.errors[model][:, 0], "naive": scores.errors["naive"][:, 0]},
        errors_ahead=scores.errors,
        honesty=honesty if rests is None else {**honesty, "forecast_rests_on": rests},
        tables={
            "forecasts": forecasts_table(prepared, states, prepared.split.test, scores),
            ALL_FORECASTS: every_forecast(prepared.series, states, scores),
            VALUES_AHEAD: values_ahead(prepared, states),
        },
        remarks=_remarks(model, comparison),
    )


def headline(table: Mapping[str, Score], model: str, horizon: int, unit: str) -> str:
    """Say by how much the value ahead is missed, by the network, by naive, and by the best of the other rules."""
    best = min((name for name in table if name != model), key=lambda name: _missed(table[name])[0])
    ours, naive = _missed(table[model]), _missed(table["naive"])
    over = "" if horizon == 1 else f", and by {ours[1]:.3g} over all {horizon} bars"
    words = f"the {model} misses the value {ahead_words(horizon)} by {ours[0]:.3g} {unit} on average{over}"
    rivals = [("naive", naive)] + (
        [] if best == "naive" else [(f"the best other, {_plain(best)},", _missed(table[best]))]
    )
    beside = (f"{name} by {last:.3g}" + ("" if horizon == 1 else f" and {mean:.3g}") for name, (last, mean) in rivals)
    return f"{words}; {', '.join(beside)}"


def _missed(score: Score) -> tuple[float, float]:
    return float(str(score["value_mae_last"])), float(str(score["value_mae"]))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def verdict_of(forecasts: Forecasts) -> str:
    """Return headline and verdict of the forecasts as sentences."""
    words = (str(forecasts.honesty[name]) for name in ("forecast_headline", "forecast_verdict"))
    return " ".join(f"{text[:1].upper()}{text[1:]}." for text in words)


def forecasts_table(prepared: Prepared, states: HiddenStates, rows: range, scores: Scores) -> pd.DataFrame:
    """Return, for each bar of `rows`, the change forecast for it one bar before, its quantiles, and what it was."""
    part = slice(rows.start, rows.stop)
    changes = prepared.series.changes()[part, 0]
    forecast = states.forecast[rows.start - 1 : rows.stop - 1, 0].astype(np.float64)
    table = pd.DataFrame({"forecast": forecast, "truth": changes}, index=prepared.series.index[part])
    for level in BANDS:
        quantile = pd.Series(
            scores.next_bar_quantiles[LEVELS.index(level)], prepared.series.index[scores.decisions + 1]
        )
        table[f"quantile_{level:.2f}"] = quantile.reindex(table.index)
    return table


def scored(prepared: Prepared, models: Models, rows: range) -> tuple[Scored, ...]:
    """Return the network's forecasts of the bars after `rows` as `score_forecasts` scores them, and as the table tells.

    Nothing where there are too few bars, as in `score_tables`.
    """
    scores = _scores(prepared, models, rows)
    if scores is None:
        return ()
    (_, states), horizon = models.forecasting_bars(), prepared.config.model.horizon
    truth, error = scores.errors["naive"], scores.errors[prepared.config.model.kind]  # naive forecasts no change
    issued = np.repeat(scores.decisions, horizon)
    outcome = (scores.decisions[:, None] + 1 + np.arange(horizon)).ravel()
    table = forecasts_table(prepared, states, rows, scores)
    bars = np.arange(rows.start, rows.stop)
    return (
        Scored(prepared.config.model.kind, issued, outcome, (truth - error).ravel(), truth.ravel()),
        Scored("forecasts table", bars - 1, bars, table["forecast"].to_numpy(), table["truth"].to_numpy()),
    )


def score_tables(prepared: Prepared, models: Models, rows: range) -> TraceTables:
    """Return what every model forecast and its errors, at the bar of decision and that of outcome, and the quantiles.

    Calibrated on some bars before `rows`; nothing where there are too few of either.
    """
    scores = _scores(prepared, models, rows)
    if scores is None:
        return {}
    first = int(scores.decisions[0])
    errors = [(first + prepared.config.model.horizon, error) for error in scores.errors.values()]
    made = [(first, forecast) for forecast in scores.forecasts.values()]
    return {"scores": [*made, *errors, (first, scores.next_bar_quantiles.T)]}


def _scores(prepared: Prepared, models: Models, rows: range) -> Scores | None:
    horizon, (fitted, states) = prepared.config.model.horizon, models.forecasting_bars()
    before = range(max(states.first_row, rows.start - CALIBRATION - horizon), rows.start)
    if min(len(before), len(rows)) <= horizon:
        return None
    custom = BaselineConfig(custom=prepared.config.baselines.custom)  # to fit the classical ones would take too long
    return score_forecasts(fitted, prepared.series, states, calibration_rows=before, rows=rows, baselines=custom)


def _remarks(model: str, comparison: dict[str, Any]) -> list[str]:
    """Say so at the head of the report if the network does not beat naive in the value ahead, beyond luck."""
    test = comparison["naive"][VALUE]
    if test is None:
        return [f"the {model} forecasts no better than the naive forecast of no change, as far as can be told"]
    if test["statistic"] < 0.0 and test["p_value"] < CERTAIN:
        return []
    return [
        f"the {model} forecasts the value ahead no better than naive's no change, beyond luck: its squared error is "
        f"{'lower' if test['statistic'] < 0.0 else 'higher'}, Diebold-Mariano p = {test['p_value']:.2g}"
    ]
