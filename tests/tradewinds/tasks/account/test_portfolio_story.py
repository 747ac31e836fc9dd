"""Several assets and one cash through every command: from files to report, orders, retraining and the leak check."""

import json

import numpy as np
import pandas as pd
import pytest

from tradewinds.__main__ import main

from story import in_this_process, universe_closes, write_universe

SMALL = (
    "model.context_length=8",
    "model.hidden_size=6",
    "model.horizon=1",
    "model.head=bins",
    "model.bins=4",
    "trainer.epochs=2",
    "features.volatility_bars=[3,10]",
    "env.actions=long_short_weights",
    "agent=direct",
    "agent.steps=1000",
    "agent.num_envs=16",
    "agent.window_bars=16",
    "agent.validate_every=500",
    "backtest.random_draws=5",
    "backtest.bootstrap_draws=100",
    "signal.max_age=null",
)
LEAKCHECK = (
    "leakcheck.placebos=2",
    "leakcheck.cuts=10",
    "leakcheck.bars=300",
    "leakcheck.epochs=1",
    "leakcheck.agent_steps=200",
)
LONG = ("series=csv", "series.path=universe.csv", "series.symbols=all", *SMALL)


@pytest.fixture
def universe(tmp_path):
    write_universe(tmp_path / "universe.csv")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of that universe, once for all who only read it."""
    folder = tmp_path_factory.mktemp("universe")
    write_universe(folder / "universe.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", *LONG]) == 0
    (report,) = folder.glob("runs/*/*/report.json")
    return report.parent


def report_of(run):
    return json.loads((run / "report.json").read_text())


def test_a_universe_is_run_from_a_file_to_a_page(run):
    report = report_of(run)
    assert report["honesty"]["leakcheck"] == "clean"
    assert list(report["backtest"]["strategies"]) == [
        "agent", "buy_and_hold", "flat", "random_same_turnover", "equal_weight_monthly", "inverse_volatility",
        "minimum_variance", "momentum", "forecast_tenths", "ridge_tenths", "perfect_foresight",
    ]  # fmt: skip
    held = report["backtest"]["portfolio"]
    assert held["instruments"] == 6
    assert held["ended"]["count"] == 1
    assert {"rank_ic", "rank_ic_t", "spread_per_bar"} <= set(report["forecast"]["lstm"])
    classes, test = report["honesty"]["classes_of_next_bar"], report["data"]["splits"]["test"]["rows"]
    assert classes["instruments"] == 6
    assert test[1] - test[0] < classes["cases"] == np.sum(classes["confusion"]) <= 6 * (test[1] - 1 - test[0])
    assert classes["gain"] == pytest.approx(classes["climatology"]["log_loss"] - classes["network"]["log_loss"])
    assert classes["gain_ci95"][0] < classes["gain"] < classes["gain_ci95"][1]
    equity = pd.read_parquet(run / "backtest" / "equity.parquet")
    metrics = report["backtest"]["strategies"]["agent"]["metrics"]
    assert metrics["total_return"] == pytest.approx(equity["agent"].iloc[-1] - 1.0)
    page = (run / "report.html").read_text()
    assert "Rank IC of the next bar" in page
    assert "in deviations of each instrument" in page
    assert "instruments that ended in the test span" in page


def test_long_wide_and_folder_give_the_same_report(run, tradewinds, tmp_path):
    closes, reports = universe_closes(), {"long": report_of(run)}
    closes.to_csv(tmp_path / "wide.csv")
    (tmp_path / "folder").mkdir()
    for name, column in closes.items():
        column.dropna().rename("close").to_csv(tmp_path / "folder" / f"{name}.csv")
    for form, words in {
        "wide": ("series.path=wide.csv", "series.symbols=all"),
        "folder": ("series.path=folder",),
    }.items():
        answer = tradewinds("run", "series=csv", *words, *SMALL, "run.name=same", f"run.dir=of_{form}")
        assert answer.status == 0, answer.err
        reports[form] = json.loads(next(tmp_path.glob(f"of_{form}/same/*/report.json")).read_text())
    for part in ("forecast", "backtest", "honesty"):
        assert reports["wide"][part] == reports["long"][part]
        assert reports["folder"][part] == reports["long"][part]


def test_levels_are_refused_where_each_asset_wants_a_weight(universe, tradewinds, tmp_path):
    answer = tradewinds("run", *LONG, "env.actions=levels")
    assert answer.status == 2
    assert "env.actions must be long_weights or long_short_weights, a weight for each, was levels" in answer.err
    assert "or choose one with rollout.instrument=AAA" in answer.err
    assert not (tmp_path / "runs").exists()
    answer = tradewinds("run", *LONG, "agent.context_length=4")
    assert answer.status == 2
    assert "agent.context_length must be 1, was 4: the series has 6 instruments" in answer.err


def test_a_champion_is_promoted_and_says_what_to_order(universe, tradewinds, tmp_path):
    assert tradewinds("retrain", *LONG).status == 0
    (tmp_path / "held.csv").write_text("symbol,units\nAAA,100\nGONE,5\nOTHER,7\ncash,10000\n")
    answer = tradewinds("signal", *LONG, "signal.holdings=held.csv", "--json")
    assert answer.status == 0, answer.err
    told = json.loads(answer.out.splitlines()[-1])
    assert list(told["target_exposure"]) == ["AAA", "BBB", "CCC", "GONE", "LATE", "STOP"]
    assert sum(map(abs, told["target_exposure"].values())) <= 1.0 + 1e-6
    orders = {order["instrument"]: order for order in told["orders"]}
    assert orders["GONE"]["not_traded"] == "it is delisted"
    assert orders["OTHER"]["not_traded"].startswith("it is not among the instruments")
    close = universe_closes()["AAA"].iloc[-1]
    assert orders["AAA"]["units_wanted"] == pytest.approx(told["target_exposure"]["AAA"] * told["equity"] / close)


def test_folds_of_a_universe_are_joined(universe, tradewinds, tmp_path, monkeypatch):
    monkeypatch.setattr("tradewinds.core.executor.results_of", in_this_process)
    answer = tradewinds("walk-forward", *LONG, "walk_forward.folds=2", "walk_forward.seeds=1", "walk_forward.workers=1")
    assert answer.status == 0, answer.err
    report = json.loads(next(tmp_path.glob("runs/*/*/report.json")).read_text())
    assert report["honesty"]["leakcheck"] == "clean"
    assert len(report["walk_forward"]["folds"]) == 2


def test_the_leak_check_of_a_universe_is_clean(universe, tradewinds, tmp_path):
    answer = tradewinds("leakcheck", *LONG, *LEAKCHECK)
    assert answer.status == 0, answer.err
    assert "leakcheck: clean" in answer.out


def test_seeds_repeat_a_universe_to_the_last_digit(run, universe, tradewinds, tmp_path):
    assert tradewinds("run", *LONG).status == 0
    (report,) = tmp_path.glob("runs/*/*/report.json")
    one, two = (pd.read_parquet(folder / "backtest" / "positions.parquet") for folder in (run, report.parent))
    assert np.array_equal(one.to_numpy(), two.to_numpy())
    one, two = ((folder / "forecaster" / "weights.safetensors").read_bytes() for folder in (run, report.parent))
    assert one == two  # what is held may be a constant that beat all that was learned
