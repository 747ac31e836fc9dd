"""`tradewinds benchmark-day-ahead`: a table by the conventions of the field, an artifact, or one line that says why."""

import json

import numpy as np
import pandas as pd
import pytest

from forecaster.day_ahead import mixture
from forecaster.evaluation.day_ahead_scores import day_ahead_score, diebold_mariano, giacomini_white

FAST = (
    "day_ahead.test_days=28",
    "trainer.members=2",
    "trainer.epochs=40",
    "model.hidden_size=4",
    "recalibration.steps=1",
    "recalibration.windows_days=[60]",
    "recalibration.scales_days=[28]",
    "recalibration.perceptrons=0",
)


def write_market(path, days=120):
    """Prices of any sign that a load makes, which is known the day before; and a published forecast of the end."""
    rng, hours = np.random.default_rng(0), 24 * days
    load = rng.normal(0.0, 1.0, hours)
    price = 5.0 + 20.0 * np.sin(np.arange(hours) * np.pi / 12.0) + 6.0 * load + rng.normal(0.0, 1.0, hours)
    index = pd.date_range("2021-01-01", periods=hours, freq="h", name="time")
    pd.DataFrame({" Price": price, " Load": load}, index=index).to_csv(path)
    told = price[-24 * 28 :]
    table = {"real_price": told, "theirs": told + rng.normal(0.0, 4.0, len(told))}
    pd.DataFrame(table, index=index[-24 * 28 :]).to_csv(path.with_name("published.csv"))


def test_a_market_is_scored_beside_naive_lear_and_published_forecasts_in_errors_and_money(tradewinds, tmp_path):
    write_market(tmp_path / "market.csv")
    answer = tradewinds("benchmark-day-ahead", "day_ahead.path=market.csv", "day_ahead.published=published.csv", *FAST)
    assert answer.status == 0, answer.err
    assert "market.csv: 120 days, price  Price, known ahead  Load; judged are the last 28" in answer.err
    (folder,) = tmp_path.glob("runs/market/*/benchmark")
    told = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    mixes = ["mean of day_lstm and lear", "learned mix of day_lstm and lear"]
    names = ["day before", "week before", "lear", "day_lstm", *mixes, "theirs"]
    assert list(told["scores"]) == names
    table = pd.read_parquet(folder / "forecasts.parquet")
    assert list(table) == ["price", *names]
    for name in names:
        error = (table["price"] - table[name]).abs()
        assert told["scores"][name]["mae"] == pytest.approx(error.mean())
        assert len(told["scores"][name]["by_slot"]) == 24
        assert told["money"][name] <= told["money"]["perfect forecasts of each day"]
    assert told["scores"]["week before"]["rmae"] == pytest.approx(1.0)
    assert told["scores"]["lear"]["mae"] < 2.0  # of a noise of 0.8, and 5.4 that the day before misses
    assert told["scores"]["day_lstm"]["mae"] < told["scores"]["week before"]["mae"]
    assert told["scores"][mixes[1]]["mae"] < told["scores"][mixes[0]]["mae"]  # of which one part is poor here
    assert told["weights"]["lear"] > 0.6
    assert sum(told["weights"].values()) == pytest.approx(1.0)
    assert set(told["tests"]) == {*names} - {"day_lstm"}
    assert "perfect foresight of all hours" in answer.out


def test_the_same_seed_gives_the_same_forecasts_and_what_comes_reaches_none(tradewinds, tmp_path):
    write_market(tmp_path / "market.csv")
    table = pd.read_csv(tmp_path / "market.csv", index_col=0)
    table.iloc[-24 * 5 :, 0] = -50.0
    table.to_csv(tmp_path / "other.csv")
    for name in ("market", "other"):
        assert tradewinds("benchmark-day-ahead", f"day_ahead.path={name}.csv", *FAST).status == 0
    one, two = (
        pd.read_parquet(next(tmp_path.glob(f"runs/{name}/*/benchmark/forecasts.parquet")))
        for name in ("market", "other")
    )
    known = slice(0, 24 * 24)  # the day after the last that is alike is forecast from what is alike
    pd.testing.assert_frame_equal(one.iloc[known].drop(columns="price"), two.iloc[known].drop(columns="price"))
    assert not one.iloc[-24:].equals(two.iloc[-24:])


def test_weights_of_a_mix_that_are_learned_on_the_days_they_are_for_end_the_command(tradewinds, tmp_path, monkeypatch):
    def of_the_test_days(truth, forecasts):
        loss = np.abs(forecasts - truth).mean(axis=(1, 2))
        weights = np.tile(1.0 / loss / (1.0 / loss).sum(), (len(truth), 1))
        return np.einsum("dk,kds->ds", weights, forecasts), weights

    monkeypatch.setattr(mixture, "learned_mixture", of_the_test_days)
    write_market(tmp_path / "market.csv")
    answer = tradewinds("benchmark-day-ahead", "day_ahead.path=market.csv", *FAST)
    assert (answer.status, "LEAK: the weights of the mix of day_lstm and lear change" in answer.err) == (3, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "day_ahead.path is required; give day_ahead.path=FILE"),
        (
            ("day_ahead.path=market.csv", "model=lstm"),
            "model.kind must be of a network that reads days, such as model=day_lstm",
        ),
        (("day_ahead.path=market.csv", "day_ahead.test_days=90"), "lower day_ahead.test_days"),
        (("day_ahead.path=short.csv",), "must hold whole days of 24 hours, 60 at least, held 100 rows"),
        (
            ("day_ahead.path=market.csv", "day_ahead.published=market.csv", *FAST),
            "day_ahead.published must hold the 672 hours that are judged",
        ),
    ],
)
def test_a_wrong_request_is_answered_in_a_line(tradewinds, tmp_path, words, message):
    write_market(tmp_path / "market.csv")
    pd.read_csv(tmp_path / "market.csv", index_col=0).iloc[:100].to_csv(tmp_path / "short.csv")
    answer = tradewinds("benchmark-day-ahead", *words)
    assert (answer.status, message in answer.err) == (2, True), answer.err


def test_scores_are_their_formulas():
    truth, forecast = np.array([[1.0, -2.0], [3.0, 0.0]]), np.array([[2.0, -2.0], [1.0, 0.0]])
    score = day_ahead_score(truth, forecast, truth - 3.0, past_days=5)
    assert (score.mae, score.rmae, score.rmse) == (0.75, 0.25, pytest.approx(np.sqrt(5.0 / 4.0)))
    assert score.smape == pytest.approx(100.0 * (1.0 / 1.5 + 2.0 / 2.0) / 4.0)
    assert score.by_slot == (1.5, 0.0)
    assert (score.crps, score.coverage) == (None, None)


def test_intervals_of_past_errors_hold_as_often_as_they_say_and_score_what_a_normal_law_does():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2000, 4))
    score = day_ahead_score(truth, np.zeros_like(truth), truth - 1.0, past_days=400)
    assert score.coverage == pytest.approx(0.9, abs=0.01)
    assert score.crps == pytest.approx(1.0 / np.sqrt(np.pi), abs=0.015)


def test_the_better_of_two_is_told_and_of_two_alike_none_is():
    rng = np.random.default_rng(0)
    ours, theirs = np.abs(rng.normal(0.0, 1.0, 700)), np.abs(rng.normal(0.0, 1.2, 700))
    for test in (diebold_mariano, giacomini_white):
        assert test(ours, theirs)[1] < 0.01
        assert test(theirs, ours)[1] > 0.5
    assert diebold_mariano(ours, ours) == (0.0, 0.5)
    alike = [diebold_mariano(*np.abs(rng.normal(size=(2, 200))))[1] < 0.05 for _ in range(400)]
    assert 0.02 < np.mean(alike) < 0.09
