"""A storage unit whose network reads days, through the command line: prices of any sign, quarters, refits, no leak."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from daywise import WORDS, write_power

import forecaster.day_ahead.fitted as fitted_days
import forecaster.day_ahead.inputs as day_inputs
from forecaster.day_ahead.ensemble import DayEnsemble
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.artifact import read
from tradewinds.pipeline.encoding import load_states
from tradewinds.report.tables import read_table
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from

from story import CommandLine


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("days")
    write_power(place / "power.csv")
    return place


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


@pytest.fixture
def run(typed, folder):
    if not (folder / "runs").exists():
        answer = typed("run", *WORDS)
        assert answer.status == 0, answer.err
        assert "leak check" not in answer.err
    return min(Path("runs/power").glob("*/report.json")).parent  # the first of them


def test_prices_below_zero_are_forecast_as_they_are_and_the_clean_run_says_so(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["honesty"]["leakcheck"].startswith("clean")
    paths = read_table(run / "backtest", "paths")
    assert (paths["price"] < 0.0).mean() > 0.1
    below = paths["price"] < -15.0
    assert paths.loc[below, "forecast.day_lstm"].mean() < -5.0
    errors = {name: score["value_mae"] for name, score in report["forecast"].items()}
    assert errors["day_lstm"] < errors["yesterday"]
    earned = {name: one["metrics"]["profit"] for name, one in report["backtest"]["strategies"].items()}
    assert earned["idle"] == 0.0
    assert earned["plan_on_day_lstm_forecast"] <= earned["perfect_foresight"]


def test_each_day_s_network_had_learned_the_day_before_and_nothing_later(run):
    states = load_states(read(run / "hidden_states", "hidden_states").folder, several=False)
    spoken = np.flatnonzero(np.isfinite(states.forecast[:, 0]))
    later = spoken[spoken > states.fit_end[spoken] + 26]
    np.testing.assert_array_equal(states.label_end[later], later)  # a day's gate row is the last that is known
    assert (run / "hidden_states" / "walk.safetensors").exists()


def test_a_backtest_of_the_same_agent_says_what_the_run_said(typed, run):
    before = read_table(run / "backtest", "paths")
    assert typed("backtest", *WORDS, f"inputs.agent={run / 'agent'}", "run.name=again").status == 0
    again = read_table(next(Path("runs/again").glob("*/backtest")), "paths")
    pd.testing.assert_frame_equal(before, again)


def test_a_planner_acts_alike_with_and_without_hidden_states_whose_basis_moves_with_refits(typed, run):
    blind = [*WORDS, "rollout.observe=[forecasts]", "run.name=blind"]
    assert typed("train-agent", *blind, f"inputs.forecaster={run / 'forecaster'}").status == 0
    assert not Path("runs/blind/.walks").exists()
    assert typed("backtest", *blind).status == 0
    paths = [read_table(folder, "paths") for folder in (run / "backtest", next(Path("runs/blind").glob("*/backtest")))]
    pd.testing.assert_frame_equal(*paths)


def test_the_leak_check_walks_over_refits_and_finds_one_that_reads_its_own_day(typed, run, monkeypatch):
    original = DayEnsemble.refit

    def reads_its_own_day(self, inputs, stop, **settings):
        original(self, inputs, min(stop + 1, inputs.label.shape[1]), **settings)

    monkeypatch.setattr(DayEnsemble, "refit", reads_its_own_day)
    answer = typed("run", *WORDS, "run.name=leaky")
    assert answer.status == 3, answer.err
    assert "leak at forecasts" in answer.err or "leak at hidden_states" in answer.err


def test_a_unit_of_prices_that_looks_ahead_is_found(typed, run, monkeypatch):
    original = day_inputs.price_units

    def looks_ahead(price, days):
        middle, spread = original(price, days)
        return np.append(middle[1:], middle[-1:]), np.append(spread[1:], spread[-1:])

    monkeypatch.setattr(day_inputs, "price_units", looks_ahead)
    answer = typed("run", *WORDS, "run.name=ahead")
    assert answer.status == 3, answer.err
    assert "leak at features" in answer.err


def test_a_calendar_that_is_filled_from_prices_is_found(typed, run, monkeypatch):
    original = fitted_days.day_table

    def cheap_days_are_holidays(series, holidays=()):
        table = original(series)
        means = np.nanmean(np.where(np.isfinite(table.price), table.price, np.nan), axis=1)
        days = pd.to_datetime(table.dates[means < np.nanmedian(means)], unit="D").date
        return original(series, set(days))

    monkeypatch.setattr(fitted_days, "day_table", cheap_days_are_holidays)
    answer = typed("run", *WORDS, "run.name=holidays")
    assert answer.status == 3, answer.err


def test_a_forecaster_alone_is_trained_and_scored_by_the_day(typed, folder):
    answer = typed("train-forecaster", *WORDS, "run.name=alone", "--json")
    assert answer.status == 0, answer.err
    scores = json.loads(answer.out.splitlines()[-1])["validation"]
    assert scores["network"]["value_mae"] < scores["day_before"]["value_mae"]
    assert scores["network"]["n"] % 24 == 0
    assert typed("encode", *WORDS, "run.name=alone").status == 0


def test_levels_and_networks_that_read_days_belong_together(typed, folder):
    for words, message in (
        (
            ("model=lstm", "model.horizon=25", "trainer=adamw", "series.target=level", "model.head=quantile"),
            "model.head must be point with series.target=level, was quantile",
        ),
        (("series.target=difference",), "series.target=auto takes what the network forecasts"),
        (
            ("env=trading", "env.actions=levels", "agent=dqn"),
            "model.kind=day_lstm forecasts days that are decided as a whole",
        ),
    ):
        typed_words = [
            word for word in WORDS if not (words[0] == "env=trading" and word.startswith(("env", "agent", "rollout")))
        ]
        typed_words = [
            word for word in typed_words if not (words[0] == "model=lstm" and word.startswith(("model", "trainer=")))
        ]
        answer = typed("run", *typed_words, *words)
        assert (answer.status, message in answer.err) == (2, True), answer.err


def test_auto_takes_levels_where_days_are_read():
    conf = [resource_dir("conf")]
    targets = {}
    for model in ("day_lstm", "lstm"):
        (plain,) = compose_requests(["series=houston", f"model={model}"], conf, multirun=False)
        targets[model] = request_from(plain).series.target
    assert targets == {"day_lstm": "level", "lstm": "log_return"}


def test_too_few_days_are_said_before_anything_is_trained(typed, folder):
    write_power(folder / "short.csv", days=70)
    answer = typed("run", *WORDS, "series.path=short.csv")
    assert (answer.status, "rows are too few: the forecaster part gets" in answer.err) == (2, True), answer.err
