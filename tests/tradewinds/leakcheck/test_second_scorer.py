"""A second scorer of forecasts: it agrees with the first, and finds what is scored wrongly, too late or too fresh."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecaster.evaluation.scores as scoring
from tradewinds.core.console import Silent
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.probes import check_pipeline
from tradewinds.pipeline import steps
from tradewinds.tasks.all_forecasts import ALL_FORECASTS

from markets import noise_series
from planting import prepared_of, request, series
from story import write_bars

NUMBERS = ("value_", "change_", "n")


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A request and its forecaster, without an agent."""
    return fitted_to(tmp_path_factory.mktemp("fitted"), series(), "model.horizon=3")


def labels_already_known(monkeypatch):
    """The label of the next bar is the bar that has just closed."""
    original = scoring.labels
    monkeypatch.setattr(scoring, "labels", lambda changes, rows, horizon: original(changes, rows - 1, horizon))


def issued_a_bar_later(monkeypatch):
    """From the second bar ahead on, the forecast is the one that was made a bar later."""
    original = scoring._forecasts

    def forecasts(fitted, one, states, classical, rows):
        made, name = original(fitted, one, states, classical, rows), fitted.config.model.kind
        fresher = states.forecast[np.minimum(rows + 1, len(states.forecast) - 1)].astype(np.float64)
        made[name] = np.column_stack([made[name][:, :1], fresher[:, :-1]])
        return made

    monkeypatch.setattr(scoring, "_forecasts", forecasts)


def rule_of_all_bars(monkeypatch):
    """A baseline that knows the drift of the whole sample."""
    monkeypatch.setattr(
        scoring, "drift", lambda changes, rows, horizon: np.full((len(rows), horizon), changes.mean() + 0.01)
    )


def scored_late(monkeypatch):
    """The first five decisions are left out."""
    original = scoring._decisions

    def decisions(series, states, rows, horizon):
        return original(series, states, range(rows.start + 5 * (len(rows) > 10), rows.stop), horizon)

    monkeypatch.setattr(scoring, "_decisions", decisions)


def counted_twice(monkeypatch):
    change_score(monkeypatch, lambda score: score | {"n": 2 * score["n"]})


def best_half_counted(monkeypatch):
    change_score(monkeypatch, lambda score: score | {"change_mae": 0.5 * score["change_mae"]})


def a_fraction_for_percent(monkeypatch):
    original = scoring.value_error
    monkeypatch.setattr(scoring, "value_error", lambda *given: original(*given) / 100.0)


def errors_of_changes_for_values(monkeypatch):
    """What the temperature's headline was: the error of changes under the name of the value's."""
    monkeypatch.setattr(scoring, "value_error", lambda truth, forecast, target: truth - forecast)


def intervals_too_wide(monkeypatch):
    original = scoring.online_quantiles
    monkeypatch.setattr(scoring, "online_quantiles", lambda *given, **named: 1.5 * original(*given, **named))


def change_score(monkeypatch, change):
    original = scoring._change_score
    monkeypatch.setattr(scoring, "_change_score", lambda *given, **named: change(original(*given, **named)))


FAULTS = {
    labels_already_known: ("scores", "value_mae is"),
    issued_a_bar_later: ("forecasts", "lstm is scored with another forecast than it makes of the bars up to this one"),
    rule_of_all_bars: ("forecasts", "drift is scored with another forecast"),
    scored_late: ("scores", "decisions from row"),
    counted_twice: ("scores", "lstm: n is"),
    best_half_counted: ("scores", "lstm: change_mae is"),
    a_fraction_for_percent: ("scores", "lstm: value_mae is"),
    errors_of_changes_for_values: ("scores", "lstm: value_mae is"),
    intervals_too_wide: ("scores", "lstm: change_pinball is"),
}


def test_both_scorers_agree_on_every_number_that_a_report_holds(fitted):
    prepared, models = fitted
    forecasts = prepared.task.score(prepared, models, None)
    assert prepared.task.rescore(prepared, models, forecasts) is None
    for name, row in forecasts.scores.items():
        for key in (key for key, value in row.items() if isinstance(value, float | int | list)):
            assert key.startswith(NUMBERS)
            spoilt = {name: row | {key: np.add(row[key], 0.01).tolist()}}
            other = dataclasses.replace(forecasts, scores=dict(forecasts.scores) | spoilt)
            stage, _, what = prepared.task.rescore(prepared, models, other)
            assert (stage, what.startswith(f"{name}: {key} is ")) == ("scores", True), key


def fitted_to(folder, made, *words):
    """A request on a series, and its forecaster."""
    prepared = prepared_of(request(*words), Parts(LoadedSeries(made)))
    panel, artifact = steps.train_forecaster(prepared, folder / "run", Silent())
    (instrument,) = prepared.series.instruments
    return prepared, steps.encoded(prepared, panel[instrument], artifact, folder / "states", Silent())


@pytest.mark.parametrize("target", ["difference", "log_return"])
@pytest.mark.parametrize("places", [0, 1])
def test_prices_that_move_by_whole_ticks_and_often_stand_still_are_no_fault(places, target, tmp_path):
    made = noise_series(300, seed=5)
    prices = dict.fromkeys(("open", "high", "low", "close"), np.round(made.close, places))
    prepared, models = fitted_to(tmp_path, dataclasses.replace(made, **prices, single_price=True, target=target))
    assert prepared.task.rescore(prepared, models, prepared.task.score(prepared, models, None)) is None


@pytest.mark.parametrize("words", [("model.head=quantile",), ("model.head=student_t",), ("model.horizon=1",)])
def test_every_head_and_a_single_bar_ahead_are_scored_alike(words, tmp_path):
    prepared, models = fitted_to(tmp_path, series(), *words)
    assert prepared.task.rescore(prepared, models, prepared.task.score(prepared, models, None)) is None


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_what_is_scored_wrongly_late_or_with_a_fresher_forecast_is_found(plant, fitted, monkeypatch):
    prepared, models = fitted
    plant(monkeypatch)
    stage, row, what = prepared.task.rescore(prepared, models, prepared.task.score(prepared, models, None))
    assert (stage, FAULTS[plant][1] in what) == (FAULTS[plant][0], True), what
    assert row in prepared.split.test


@pytest.mark.parametrize("column", ["target", "issued"])
def test_a_forecast_that_is_said_to_be_of_another_time_is_found(column, fitted):
    prepared, models = fitted
    forecasts = prepared.task.score(prepared, models, None)
    table = forecasts.tables[ALL_FORECASTS].copy()
    table[column] = table[column] - prepared.series.bar_length
    other = dataclasses.replace(forecasts, tables=dict(forecasts.tables) | {ALL_FORECASTS: table})
    assert prepared.task.rescore(prepared, models, other)[0] == "scores"


@pytest.mark.parametrize(
    ("plant", "found"),
    [(issued_a_bar_later, ("frozen", "scores")), (a_fraction_for_percent, ("rescore", "scores"))],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_the_command_finds_it_too_a_fresher_forecast_at_the_bar_it_was_made_at(plant, found, monkeypatch):
    plant(monkeypatch)
    verdict = check_pipeline(prepared_of(request(), Parts(LoadedSeries(series()))))
    assert (verdict.leak.probe, verdict.leak.stage) == found


def test_the_artifact_holds_every_forecast_with_its_times_and_its_value(tradewinds, tmp_path):
    write_bars(tmp_path / "mine.csv", 500)
    words = ("series=csv", "series.path=mine.csv", "model.context_length=16", "model.hidden_size=8", "trainer.epochs=1")
    words += ("agent.steps=600", "agent.learning_starts=100", "backtest.random_draws=1", "backtest.bootstrap_draws=100")
    assert tradewinds("run", *words).status == 0
    (run,) = (path.parent for path in Path("runs/mine").glob("*/report.json"))
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    table = pd.read_parquet(run / "backtest" / f"{ALL_FORECASTS}.parquet")
    assert not (run / "backtest" / f"{ALL_FORECASTS}.csv").exists()
    close = pd.read_csv("mine.csv", index_col=0, parse_dates=True)["close"].tz_localize("UTC")
    scored = table[table["scored"]]
    assert (scored["target"] > scored["issued"]).all()
    for name, row in report["forecast"].items():
        missed = close[scored["target"]].to_numpy() - scored[f"value.{name}"].to_numpy()
        error = 100.0 * np.abs(missed) / close[scored["issued"]].to_numpy()
        assert row["value_mae"] == pytest.approx(error.mean(), rel=1e-9)
        assert row["n"] == len(scored)
