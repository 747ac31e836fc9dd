"""A storage unit through the command line: its report adds up, and nothing of a day is known when its gate closes."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from batteries import BY_BARS

import tradewinds.tasks.storage.market as power_market
from forecaster.hidden_states import HiddenStates
from tradewinds.core.errors import RequestError
from tradewinds.core.resources import resource_dir
from tradewinds.report.tables import read_table
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.tasks.storage.delivery import delivery_days
from tradewinds.tasks.storage.inference import NO_RIVALS
from tradewinds.tasks.storage.market import build_power_market, other_forecasts
from tradewinds.tasks.storage.price_forecasts import corrected_forecast, day_ahead_forecasts
from trading_env import BatteryEnv

from story import CommandLine

WORDS = (
    "experiment=houston",
    *BY_BARS,
    "series.last=2021-06-30",
    "model.hidden_size=8",
    "model.context_length=48",
    "trainer.epochs=2",
    "agent.steps=2000",
    "agent.validate_every=1000",
    "backtest.bootstrap_draws=100",
)
LEAKCHECK = (
    *WORDS,
    "split.forecaster=0.4",  # no part much smaller than the others: fewer bars have room for all
    "split.agent=0.2",
    "split.validation=0.1",
    "split.test=0.3",
    "leakcheck.bars=1200",
    "leakcheck.cuts=10",
    "leakcheck.agent_steps=200",
    "leakcheck.placebos=1",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("storage")


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


@pytest.fixture
def run(typed, folder):
    if not (folder / "runs").exists():
        answer = typed("run", *WORDS)
        assert answer.status == 0, answer.err
        assert "storage unit, test days (money in USD):" in answer.out
    return next(Path("runs/houston").glob("*/report.json")).parent


def test_every_schedule_stands_beside_perfect_foresight_in_money_and_as_its_share(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    strategies = {name: one["metrics"] for name, one in report["backtest"]["strategies"].items()}
    assert list(strategies) == [
        "agent", "yesterdays_schedule", "plan_on_ridge_forecast", "plan_on_segment_lstm_forecast",
        "plan_on_mean_forecast", "idle", "foresight_of_each_day", "perfect_foresight",
    ]  # fmt: skip
    best = strategies["perfect_foresight"]["profit"]
    assert best > 0.0
    assert strategies["idle"]["profit"] == 0.0
    planned = [name for name in strategies if name.startswith("plan_on") or name == "yesterdays_schedule"]
    assert strategies["foresight_of_each_day"]["profit"] > max(strategies[name]["profit"] for name in planned)
    for one in strategies.values():
        assert one["profit"] <= best
        assert one["share_of_perfect_foresight"] == pytest.approx(one["profit"] / best)
    assert strategies["yesterdays_schedule"]["share_of_perfect_foresight"] > 0.3
    assert report["honesty"]["verdict"].startswith("The agent earned ")


def test_the_paths_add_up_to_the_profits_and_no_unit_holds_more_than_it_can(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    paths, unit = read_table(run / "backtest", "paths"), report["run"]["config"]["env"]
    for name, one in report["backtest"]["strategies"].items():
        assert paths[f"profit.{name}"].iloc[-1] == pytest.approx(one["metrics"]["profit"])
        assert paths[f"charge.{name}"].between(-1e-9, unit["capacity_mwh"] + 1e-9).all()
        assert (paths[f"power.{name}"].abs() <= unit["power_mw"] + 1e-9).all()
    assert len(pd.read_csv(run / "backtest" / "paths.csv")) == len(paths) == 24 * report["data"]["test_days"]


def test_the_page_and_the_picture_are_drawn_and_the_run_is_listed(run, typed):
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "a storage unit of 1.00 MW and 4.00 MWh" in page
    assert "Money in USD, after wear." in page
    assert "Foresight of each day plans a day at a time on its true prices" in page
    assert "Perfect foresight knows all hours at once" in page
    assert typed("report", str(run)).status == 0
    assert (run / "report.png").read_bytes().startswith(b"\x89PNG")
    assert run.name in Path("runs/index.html").read_text(encoding="utf-8")


def test_prices_below_zero_are_stored_and_sold(typed):
    words = ("series.instruments=[LZ_WEST]", "series.target=difference", "weather=none", "run.name=west")
    answer = typed("run", *WORDS, *words)
    assert answer.status == 0, answer.err
    run = next(Path("runs/west").glob("*/report.json")).parent
    paths = read_table(run / "backtest", "paths")
    below = paths["price"] < 0.0
    assert below.any()
    assert paths.loc[below, "power.perfect_foresight"].mean() > 0.0  # paid for taking energy


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("run", *WORDS[:5], "agent=dqn"),
            "agent.kind=dqn needs an environment with discrete actions; env.actions must be levels, was 'power'",
        ),
        (("run", *WORDS[:5], "agent=direct"), "a storage unit's has none: with env=battery take agent=planner, ppo or"),
        (
            ("run", *WORDS, "rollout.observe=[hidden_state]"),
            "rollout.observe must hold either forecast or forecasts with env=battery, held neither",
        ),
        (
            ("run", "series=sp500", "rollout.observe=[forecasts]"),
            "rollout.observe may hold forecasts with env=battery only; forecast is the network's",
        ),
        (
            ("run", *WORDS, "backtest.ablation=true"),
            "backtest.ablation is told of forecasts scored bar by bar, and env=ba",
        ),
        (("run", *WORDS, "model.horizon=24"), "model.horizon must be at least 25 bars with env=battery, was 24"),
        (
            ("run", "env=battery", "series=sp500", "model.horizon=25", "rollout.observe=[forecasts]", "agent=ppo"),
            "env=battery needs prices of 15, 30 or 60 minutes, and the bars of sp500 last 1 day",
        ),
    ],
)
def test_what_a_storage_unit_cannot_do_is_refused(typed, words, message):
    answer = typed(*words)
    assert answer.status == 2
    assert message in answer.err


@pytest.fixture(scope="module")
def prepared():
    (plain,) = compose_requests(WORDS, [resource_dir("conf")], multirun=False)
    return job_of(request_from(plain), whole=True)


@pytest.mark.parametrize("day", [0, 6, 7, 20])
def test_prices_of_a_day_cannot_reach_the_forecasts_of_its_gate_closure(prepared, day):
    """Everything from the first hour of a day on is changed: forecasts of that day and of those before stay."""
    test, series = prepared.split.test, prepared.series
    cut = int(delivery_days(series, prepared.config.env, test).first[day])
    changed = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close")}
    for column in changed.values():
        column[cut:] *= 3.0
    other = dataclasses.replace(prepared, panel=dataclasses.replace(series, **changed))
    before, after = (day_ahead_forecasts(one, test, scale=30.0) for one in (prepared, other))
    for name in before:
        np.testing.assert_array_equal(before[name][: day + 1], after[name][: day + 1])
        assert (before[name][day + 1] != after[name][day + 1]).any()


def test_the_ridge_learns_from_all_days_known_at_a_weekly_refit(prepared):
    """A change in the first test week moves the forecasts of days that read it, and of all days after the refit."""
    test, series = prepared.split.test, prepared.series
    days = delivery_days(series, prepared.config.env, test)
    price = series.close.copy()
    price[days.first[3], 0] *= 5.0
    names = ("open", "high", "low", "close")
    other = dataclasses.replace(prepared, panel=dataclasses.replace(series, **dict.fromkeys(names, price)))
    before, after = (day_ahead_forecasts(one, test, scale=30.0)["ridge"] for one in (prepared, other))
    same = (before == after).all(axis=1)
    assert same[[0, 1, 2, 3, 6]].all()
    assert not same[[7, 8, 9, 11, 12]].any()


def test_the_network_is_corrected_by_errors_it_has_made_and_by_none_it_will_make(prepared):
    """A network that is 5 % too high at every hour: after two weeks most of it is gone; later prices change nothing."""
    test, series = prepared.split.test, prepared.series
    rows, changes = len(series.index), np.diff(np.log(series.close[:, 0]), append=0.0)
    hours = np.minimum(np.arange(rows)[:, None] + np.arange(25)[None, :], rows - 1)
    forecast = changes[hours] + np.where(np.arange(25) == 0, np.log(1.05), 0.0)
    states = HiddenStates(
        series.index, np.zeros((rows, 2), np.float32), forecast.astype(np.float32), np.zeros(rows, np.int64), 0
    )
    days = delivery_days(series, prepared.config.env, test)
    corrected = corrected_forecast(prepared, states, test, scale=30.0)
    truth = np.stack([series.close[first : first + 24, 0] for first in days.first])
    error = np.abs(corrected[:, :24] - truth)[days.length == 24]
    assert np.median(error) < 0.3 * np.median(0.05 * truth)
    for day in (0, 9):
        price = series.close.copy()
        price[days.first[day] :] *= 3.0
        names = ("open", "high", "low", "close")
        other = dataclasses.replace(prepared, panel=dataclasses.replace(series, **dict.fromkeys(names, price)))
        again = corrected_forecast(other, states, test, scale=30.0)
        np.testing.assert_array_equal(again[: day + 1], corrected[: day + 1])
        assert (again[day + 1] != corrected[day + 1]).any()


def test_a_part_before_which_too_few_days_lie_is_refused(prepared):
    with pytest.raises(RequestError, match=r"10 days lie before 2021-01-12, and forecasts of its prices need 14"):
        day_ahead_forecasts(prepared, range(240, 1000), scale=30.0)


def test_an_agent_sees_the_forecasts_it_asks_for_and_the_report_has_all(prepared):
    series, rows = prepared.series, len(prepared.series.index)
    states = HiddenStates(
        series.index, np.ones((rows, 2), np.float32), np.zeros((rows, 25), np.float32), np.zeros(rows, np.int64), 0
    )
    shapes = {}
    for observe in (("hidden_state", "forecast"), ("forecasts",), ("forecasts", "features")):
        rollout = dataclasses.replace(prepared.config.rollout, observe=observe)
        asked = dataclasses.replace(prepared, config=dataclasses.replace(prepared.config, rollout=rollout))
        market = build_power_market(asked, states, prepared.split.test)
        shapes[observe] = (market.features.shape[1], len(market.others))
        assert BatteryEnv(market).observation_space.shape == (shapes[observe][0] + 25 * (1 + len(market.others)) + 4,)
    assert shapes["hidden_state", "forecast"] == (2, 0)
    assert shapes[("forecasts",)] == (0, 8)
    assert shapes["forecasts", "features"][0] > 0
    names = set(other_forecasts(prepared, states, prepared.split.test))
    assert names == {
        "yesterday",
        "week",
        "ridge",
        "ridge_8_weeks",
        "ridge_12_weeks",
        "change",
        "change_week",
        "network_corrected",
    }


def test_a_storage_unit_is_counted_among_the_trials(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["honesty"]["trials"] == 1
    (line,) = Path("runs/trials.jsonl").read_text(encoding="utf-8").splitlines()[:1]
    trial = json.loads(line)
    assert trial["way"] == "storage"
    assert trial["bars"] == report["data"]["test_days"]
    lead = pd.read_parquet(Path("runs/trials") / f"{trial['key']}.parquet")["return"]
    profits = {name: one["metrics"]["profit"] for name, one in report["backtest"]["strategies"].items()}
    assert lead.sum() == pytest.approx(profits["agent"] - profits["plan_on_ridge_forecast"])
    honesty = report["honesty"]
    rules = {name: profit for name, profit in profits.items() if name not in NO_RIVALS}
    assert honesty["strongest_rival"] == max(rules, key=rules.get)
    assert honesty["lead_over_strongest"] == pytest.approx((profits["agent"] - max(rules.values())) / trial["bars"])
    assert f"The strongest of {len(rules)} rules that knew no more, " in honesty["verdict"]
    low, high = report["honesty"]["share_of_perfect_foresight_ci95"]
    assert low < report["backtest"]["strategies"]["agent"]["metrics"]["share_of_perfect_foresight"] < high


def prices_of_the_day_itself(market):
    """Forecasts that are the prices to come, as if the auction had been held before the gate closed."""
    forecast = np.array(market.forecast)
    hour = np.arange(len(market)) - market.first_slots[market.day]
    forecast[market.day, hour] = market.price
    return dataclasses.replace(market, forecast=forecast)


def standardised_by_all_days(market):
    return dataclasses.replace(market, features=market.features / (market.features.std(axis=0) + 1e-9))


@pytest.mark.parametrize("plant", [prices_of_the_day_itself, standardised_by_all_days], ids=lambda one: one.__name__)
def test_a_unit_that_knows_its_day_is_found_by_the_leak_check(typed, folder, monkeypatch, plant):
    monkeypatch.setattr(power_market, "build_power_market", lambda *given: plant(build_power_market(*given)))
    answer = typed("leakcheck", *LEAKCHECK)
    assert answer.status == 3, answer.err
    assert "leak at observations, bar 2021-" in answer.err
    assert "(probe frozen)" in answer.err


def test_the_unit_as_it_is_passes_the_leak_check(typed, folder):
    answer = typed("leakcheck", *LEAKCHECK)
    assert answer.status == 0, answer.err
    assert re.search(r"account +clean +1 comparisons", answer.out)
    assert re.search(r"stream +clean +10 comparisons", answer.out)
