"""What a run asks of itself: leaks that only the whole test shows, and what it could not ask, by name."""

import contextlib
import dataclasses
import json

import numpy as np
import pytest
from batteries import BY_BARS

import tradewinds.tasks.account.backtest
import tradewinds.tasks.storage.market as storage_market
from forecaster.hidden_states import encode
from tradewinds.core.console import Silent
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.own_check import check_run
from tradewinds.pipeline.encoding import encode_again
from tradewinds.pipeline.steps import encoded_anew, fit

from markets import noise_series
from planting import prepared_of, request


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run of 600 bars of noise, up to its judge."""
    folder = tmp_path_factory.mktemp("own")
    prepared = prepared_of(request(f"run.dir={folder}"), Parts(LoadedSeries(noise_series(600, seed=4))))
    return prepared, encoded_anew(prepared, fit(prepared.seal(), folder / "run", Silent()))


def verdict_of(prepared, models):
    decisions = prepared.task.decide(prepared, models, prepared.split.test)
    return check_run(prepared, models, prepared.task.outcome(prepared, decisions), decisions=decisions)


def test_a_clean_run_is_clean_and_its_decisions_were_taken_again(played):
    verdict = verdict_of(*played)
    assert verdict.word == "clean"
    assert verdict.asked == {"account": 1, "audit": 1, "frozen": 7, "stream": 2, "placebo": 5}


def test_states_of_opened_rows_are_those_of_a_whole_encoding(played):
    prepared, models = played
    whole = encode(models.forecaster, prepared.series)
    for name in ("hidden_state", "forecast", "fit_end"):
        np.testing.assert_array_equal(getattr(models.states, name), getattr(whole, name))


def test_states_of_other_data_are_all_made_anew(played, monkeypatch):
    prepared, models = played
    asked = []
    monkeypatch.setattr("forecaster.hidden_states.encode", lambda fitted, series, rows: asked.append(rows))
    short = dataclasses.replace(models, states=models.states.until(400))
    for inputs, rows in ((prepared.inputs, range(400, 600)), (prepared.inputs | {"sha256": "other"}, None)):
        with contextlib.suppress(AttributeError):
            encoded_anew(dataclasses.replace(prepared, inputs=inputs), short)
        assert asked.pop() == rows


def test_states_that_were_not_asked_for_are_those_of_the_true_world(played):
    """A storage unit's forecasts are corrected by errors from the first row of the agent's part on."""
    prepared, models = played
    again = encode_again(models.forecaster, prepared.series, models.states, row=500, asked=range(480, 520))
    np.testing.assert_array_equal(again.forecast[:520], models.states.forecast[:520])


def test_a_threshold_chosen_on_the_test_rows_is_found(played, monkeypatch):
    prepared, models = played

    def play(policy, market, config):
        moves = np.diff(np.log(market.close[:, 0]), append=np.log(market.close[-1, 0]))
        rules = [
            (market.features[:, :1] > level).astype(float)
            for level in np.quantile(market.features[:, 0], [0, 0.3, 0.6, 1])
        ]
        return max(rules, key=lambda rule: float(rule[:, 0] @ moves))

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "play", play)
    verdict = verdict_of(prepared, models)
    assert (verdict.leak.probe, verdict.leak.stage) == ("frozen", "actions")


def test_what_could_not_be_probed_is_said_and_never_called_clean(played):
    prepared, models = played
    verdict = verdict_of(dataclasses.replace(prepared, parts=None), models)
    assert verdict.word == (
        "no leak where it was probed; not probed: other worlds: nothing is known of how the series was joined"
    )


STORAGE = (
    "experiment=houston", *BY_BARS, "series.last=2021-09-30", "trainer.epochs=1", "model.hidden_size=4",
    "agent.steps=400", "backtest.bootstrap_draws=100",
)  # fmt: skip


def test_a_unit_that_sees_half_of_tomorrow_is_found_by_its_own_run(tradewinds, tmp_path, monkeypatch):
    original = storage_market.build_power_market

    def sees(prepared, states, rows):
        market = original(prepared, states, rows)
        start = market.first_slots
        hours = np.minimum(np.arange(market.forecast.shape[1])[None, :], 22)
        truth = market.price[np.minimum(start[:, None] + hours, len(market.price) - 1)]
        return dataclasses.replace(market, forecast=0.5 * market.forecast + 0.5 * truth)

    monkeypatch.setattr(storage_market, "build_power_market", sees)
    answer = tradewinds("run", *STORAGE)
    assert answer.status == 3, answer.out
    (file,) = tmp_path.glob("runs/*/*/report.json")
    leaky = json.loads(file.read_text(encoding="utf-8"))
    assert leaky["honesty"]["leakcheck"].startswith("leak at observations, bar ")
    assert leaky["warnings"][0].startswith("leak at observations")
