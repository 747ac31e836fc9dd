"""A series that is no price, through the command line: forecast, encoded and reported, and never traded."""

import json
from html import escape
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from story import CommandLine

WORDS = (
    "series=csv",
    "series.path=t.csv",
    "series.target=difference",
    "series.price_unit=degC",
    "model.context_length=16",
    "model.hidden_size=8",
    "model.linear_base=true",
    "model.horizon=6",
    "trainer.epochs=2",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("forecast")
    rng, hours = np.random.default_rng(0), pd.date_range("2021-01-01", periods=900, freq="h", tz="UTC", name="time")
    weather = np.convolve(rng.normal(0.0, 0.5, 923), np.ones(24), "valid")
    pd.DataFrame({"close": 6.0 * np.sin(np.arange(900) * np.pi / 12.0) + weather}, index=hours).to_csv(where / "t.csv")
    return where


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


def test_run_forecasts_what_cannot_be_traded_and_says_whom_it_beats(typed):
    answer = typed("run", *WORDS)
    assert answer.status == 0, answer.err
    assert "errors of the value 1 to 6 bars ahead, test rows (degC; lower is better):" in answer.out
    assert "scores of the changes bar by bar, test rows (degC a bar):" in answer.out
    assert "verdict: in the value 6 bars ahead the lstm beats naive" in answer.out
    (run,) = Path("runs/t").glob("2*")
    assert sorted(path.name for path in run.iterdir()) == [
        "forecast",
        "forecaster",
        "hidden_states",
        "report.html",
        "report.json",
    ]
    report = json.loads((run / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert report["backtest"] is None
    assert "not traded" in report["backtest_reason"]
    assert (report["data"]["value_unit"], report["data"]["change_unit"]) == ("degC", "degC")
    assert set(report["honesty"]["diebold_mariano_by_rival"]) == {
        "naive",
        "seasonal_naive",
        "drift",
        "climatology",
        "ridge",
        "dlinear",
    }
    assert len(Path("runs/t/test_openings.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "t: lstm forecaster</h1>" in page
    assert "The lstm misses the value 6 bars ahead by " in page
    degrees = pd.read_csv("t.csv")["close"].to_numpy()
    first, stop = report["data"]["splits"]["test"]["rows"]
    moved = np.abs(degrees[first + 6 : stop] - degrees[first : stop - 6]).mean()
    assert report["forecast"]["naive"]["value_mae_last"] == pytest.approx(moved)
    assert f"; naive by {moved:.3g} and " in report["honesty"]["forecast_headline"]
    assert report["forecast"]["naive"]["verdict"].startswith("beats naive (p = ")
    assert f"<td>{escape(report['forecast']['ridge']['verdict'])}</td>" in page
    assert typed("report", "run.name=t").status == 0
    (run / "report.json").write_text("{}", encoding="utf-8")
    assert "it was changed: run again" in typed("report", "run.name=t").err


def test_classical_baselines_without_their_library_are_answered_before_any_work(typed, monkeypatch):
    monkeypatch.setattr("forecaster.baselines.statistical.find_spec", lambda name: None)
    answer = typed("run", *WORDS, "baselines=classical", "run.name=absent")
    assert answer.status == 2
    assert "baselines.classical: auto_ets and auto_arima need statsforecast, which is not installed; pip" in answer.err
    assert "install 'tradewinds[classical]'" in answer.err
    assert not Path("runs/absent").exists()


@pytest.mark.skipif(find_spec("statsforecast") is None, reason="extra [classical]")
def test_classical_baselines_are_judged_like_the_others(typed):
    assert "fit_bars must be less than" in typed("run", *WORDS, "baselines=classical", "baselines.fit_bars=800").err
    answer = typed("run", *WORDS, "baselines=classical", "baselines.fit_bars=200", "run.name=classical")
    assert answer.status == 0, answer.err
    (run,) = Path("runs/classical").glob("2*")
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert {"auto_ets", "auto_arima"} <= set(report["forecast"]) & set(report["honesty"]["diebold_mariano_by_rival"])


@pytest.mark.parametrize("stage", ["train-agent", "retrain", "signal", "schedule", "walk-forward"])
def test_no_agent_is_trained_on_what_is_no_price(typed, stage):
    answer = typed(stage, *WORDS)
    assert answer.status == 2
    words = "series.target=difference is forecast and nobody acts on it with env=trading"
    assert f"{words}, so that {stage} has nothing to do" in answer.err


def test_the_hidden_states_of_a_temperature_can_be_had(typed):
    assert typed("train-forecaster", *WORDS).status == 0
    assert typed("encode", *WORDS).status == 0


def test_a_temperature_read_as_a_price_is_told_how_to_be_forecast(typed):
    answer = typed("run", *WORDS, "series.target=log_return")
    assert answer.status == 2
    assert "forecast differences with series.target=difference, or values with series.target=level" in answer.err
