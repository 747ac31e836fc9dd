"""A storage unit on a history that begins in hours and goes on in quarters, through the command line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tradewinds.report.tables import read_table

from story import CommandLine

CHANGE = "2021-04-01 22:00"  # UTC: midnight in Amsterdam
WORDS = (
    "series=csv",
    "series.path=mixed.csv",
    "series.bar_length=15min",
    "series.known_ahead={load: 36}",
    "env=battery",
    "env.actions=power",
    "env.time_zone=Europe/Amsterdam",
    "env.gate_closure_hour=12",
    "env.required_charge=0.5",
    "env.required_hour=7",
    "model=day_lstm",
    "model.hidden_size=4",
    "model.context_length=48",
    "trainer=days",
    "trainer.members=1",
    "trainer.epochs=5",
    "recalibration.every_days=7",
    "recalibration.windows_days=[30]",
    "recalibration.scales_days=[28]",
    "recalibration.perceptrons=0",
    "recalibration.steps=1",
    "agent=planner",
    "agent.steps=20",
    "agent.validate_every=10",
    "rollout.observe=[hidden_state,forecast]",
    "rollout.standard_errors=0.0",
    "split.forecaster=0.55",
    "split.agent=0.14",
    "split.validation=0.08",
    "split.test=0.23",
    "split.embargo_bars=96",
    "backtest.bootstrap_draws=100",
)


def write_mixed(path, *, days=100, seed=0):
    """Hours up to `CHANGE`, then quarters that saw up and down within the hour; a load is announced the day before."""
    index = pd.date_range("2021-01-31 23:00", periods=days * 96 - 4, freq="15min", tz="UTC")
    rng, hour = np.random.default_rng(seed), np.asarray(index.tz_convert("Europe/Amsterdam").hour)
    load = np.repeat(rng.normal(1000.0, 50.0, len(index) // 4 + 1), 4)[: len(index)]
    price = 32.0 - 45.0 * np.exp(-(((hour - 14) / 3.0) ** 2)) + 25.0 * np.exp(-(((hour - 19) / 2.0) ** 2))
    price = price + 0.2 * (load - 1000.0) + np.tile([9.0, 3.0, -3.0, -9.0], len(index) // 4 + 1)[: len(index)]
    table = pd.DataFrame({"close": price.round(2), "load": load.round(1)}, index=index.rename("time"))
    before = table.index < pd.Timestamp(CHANGE, tz="UTC")
    hours = table[before].groupby(table.index[before].floor("1h")).mean().round(2)
    pd.concat([hours.rename_axis("time"), table[~before]]).to_csv(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("quarters")
    write_mixed(place / "mixed.csv")
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
        (folder / "told").write_text(answer.err, encoding="utf-8")
    return next(Path("runs").glob("*/*/report.json")).parent


def test_the_run_is_clean_and_says_what_hours_and_lengths_it_took(run, folder):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert report["honesty"]["leakcheck"] == "clean"
    told = (folder / "told").read_text(encoding="utf-8")
    assert "bars of an hour before 2021-04-01 22:00 are read as 4 of 15 minutes each, all at the same price" in told
    assert "a day has 96 slots of 15 minutes: day_lstm reads 192 of them and forecasts up to 100" in told
    assert report["run"]["config"]["model"]["horizon"] == 100


def test_quarters_are_traded_in_mw_and_counted_in_mwh(run):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    paths, unit = read_table(run / "backtest", "paths"), report["run"]["config"]["env"]
    assert len(paths) == 96 * report["data"]["test_days"]
    for name, one in report["backtest"]["strategies"].items():
        power = paths[f"power.{name}"]
        assert power.abs().max() <= unit["power_mw"] + 1e-9
        assert one["metrics"]["bought_mwh"] == pytest.approx(0.25 * power.clip(lower=0.0).sum())
        assert paths[f"profit.{name}"].iloc[-1] == pytest.approx(one["metrics"]["profit"])
        assert one["metrics"]["full_cycles_per_day"] < 6.0
    assert paths["power.perfect_foresight"].abs().max() == pytest.approx(unit["power_mw"])
    within = paths["power.perfect_foresight"].to_numpy().reshape(-1, 4)
    assert (np.ptp(within, axis=1) > 0.5).mean() > 0.05  # what quarters are traded for
    scores = report["forecast"]["day_lstm"]
    assert scores["n"] == len(paths)


def test_every_strategy_has_the_required_charge_at_seven_o_clock(run):
    """By ledger and second account, the leak check and the sweeps included, which the clean run has passed."""
    paths = read_table(run / "backtest", "paths")
    starts = pd.DatetimeIndex(paths.index)
    local = (starts if starts.tz is not None else starts.tz_localize("UTC")).tz_convert("Europe/Amsterdam")
    before_seven = np.flatnonzero((local.hour == 6) & (local.minute == 45))
    charges = paths[[name for name in paths if name.startswith("charge.")]].to_numpy()[before_seven]
    assert len(before_seven) > 10
    assert charges.min() >= 0.5 * 4.0 - 1e-9
    assert charges[:, list(paths.filter(like="charge.")).index("charge.idle")].max() <= 0.5 * 4.0 + 1e-9
