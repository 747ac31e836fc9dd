"""A second scorer of price forecasts at gate closure: it agrees with the first, and finds who saw tomorrow's prices."""

import dataclasses

import numpy as np
import pytest
from batteries import BY_BARS

import tradewinds.tasks.storage.backtest as storage_backtest
import tradewinds.tasks.storage.market as power_market
import tradewinds.tasks.storage.price_forecasts as price_forecasts
from tradewinds.core.console import Silent
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline import steps
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.all_forecasts import ALL_FORECASTS
from trading_agent.common.policy import ConstantPolicy

WORDS = (
    "experiment=houston",
    *BY_BARS,
    "series.last=2021-06-30",
    "model.hidden_size=4",
    "model.context_length=48",
    "model.linear_skip=false",
    "trainer.epochs=1",
)


@pytest.fixture(scope="module", params=["log_return", "difference"])
def fitted(request, tmp_path_factory):
    """A storage unit's request and forecaster, and an agent that rests."""
    (plain,) = compose_requests([*WORDS, f"series.target={request.param}"], [resource_dir("conf")], multirun=False)
    prepared = job_of(request_from(plain), whole=True)
    panel, artifact = steps.train_forecaster(prepared, tmp_path_factory.mktemp("days"), Silent())
    states = tmp_path_factory.mktemp("states") / "hidden_states"
    models = steps.encoded(prepared, next(iter(panel.values())), artifact, states, Silent())
    return prepared, dataclasses.replace(models, policy=ConstantPolicy((0.0,)))


def half_of_tomorrow(monkeypatch):
    """The network's prices, half of them the true ones of the day to come."""
    original = power_market.price_paths

    def paths(one, states, rows):
        made = original(one, states, rows)
        ahead = np.minimum(rows[:, None] + 1 + np.arange(made.shape[1]), len(one.close) - 1)
        return 0.5 * made + 0.5 * one.close[ahead, 0]

    monkeypatch.setattr(power_market, "price_paths", paths)


def ridge_of_all_days(monkeypatch):
    """Regressions that are fitted once, on all days, those to come included."""

    def ridge(table, target, place, **options):
        weights = price_forecasts.ridge_weights(table, target, 1.0)
        return price_forecasts.ridge_forecast(weights, table[place])

    monkeypatch.setattr(price_forecasts, "weekly_ridge", ridge)


def scored_in_cents(monkeypatch):
    score(monkeypatch, lambda row: row | {"value_mae": 100.0 * row["value_mae"]})


def hours_forgotten(monkeypatch):
    score(monkeypatch, lambda row: row | {"n": row["n"] - 24})


def score(monkeypatch, change):
    original = storage_backtest.forecast_scores
    monkeypatch.setattr(storage_backtest, "forecast_scores", lambda *given: change(original(*given)))


def scored(fitted):
    prepared, models = fitted
    decisions = prepared.task.decide(prepared, models, prepared.split.test)
    return prepared.task.score(prepared, models, decisions)


FAULTS = {
    half_of_tomorrow: ("forecasts", "segment_lstm is scored with another forecast than it makes of what is known"),
    ridge_of_all_days: ("forecasts", "is scored with another forecast"),
    scored_in_cents: ("scores", "yesterday: value_mae is"),
    hours_forgotten: ("scores", "yesterday: n is"),
}


def test_both_scorers_agree_on_every_price_forecast(fitted):
    prepared, models = fitted
    forecasts = scored(fitted)
    assert prepared.task.rescore(prepared, models, forecasts) is None
    table = forecasts.tables[ALL_FORECASTS]
    assert (table["decision"] < table["target"]).all()
    assert (table["last_price"] < table["target"]).all()
    assert set(forecasts.scores) == {"yesterday", "ridge", "segment_lstm", "mean"}


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_who_saw_the_prices_of_the_day_or_scored_them_otherwise_is_found(plant, fitted, monkeypatch):
    plant(monkeypatch)
    prepared, models = fitted
    stage, _, what = prepared.task.rescore(prepared, models, scored(fitted))
    assert (stage, FAULTS[plant][1] in what) == (FAULTS[plant][0], True), what


def test_a_gate_that_closes_later_than_it_does_and_a_day_left_out_are_found(fitted):
    prepared, models = fitted
    forecasts = scored(fitted)
    table = forecasts.tables[ALL_FORECASTS]
    late = table.assign(decision=table["decision"] + (table["target"] - table["decision"]) / 2)
    for other, words in ((late, "after its gate had closed"), (table.iloc[24:], "slots of whole days")):
        changed = dataclasses.replace(forecasts, tables={ALL_FORECASTS: other})
        stage, _, what = prepared.task.rescore(prepared, models, changed)
        assert (stage, words in what) == ("scores", True), what
