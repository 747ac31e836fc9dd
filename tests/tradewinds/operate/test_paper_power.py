"""A storage unit on paper: tomorrow's schedule every day, and to the last bit the charge and profit of a backtest."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tradewinds.pipeline.steps as steps_of_the_path
from tradewinds.__main__ import main
from tradewinds.report.tables import read_table

JOURNAL = Path("runs/power/paper/journal.jsonl")
DAY = 24
WORDS = (
    "env=battery",
    "series=csv",
    "series.path=power.csv",
    "agent=planner",
    "env.actions=power",
    "agent.steps=200",
    "agent.validate_every=100",
    "agent.num_envs=4",
    "rollout.observe=[hidden_state,forecasts]",
    "rollout.standard_errors=0.0",
    "model=lstm",
    "trainer=adamw",
    "model.horizon=25",
    "model.context_length=5",
    "model.hidden_size=3",
    "trainer.epochs=2",
    "features.volatility_bars=[3]",
    "split.embargo_bars=24",
    "backtest.bootstrap_draws=100",
    "signal.max_age=null",
)


class Lively:
    """A policy that turns around at every digit of what it sees, of the market and of its charge."""

    kind = "lively"

    def act(self, observations):
        return np.sin(1e3 * (observations[:, :1] + observations[:, 8:9] + observations[:, -1:])).astype(np.float32)


class Power:
    """A file of hourly prices in Texas; a call with more days lets time pass."""

    def __init__(self, file):
        rng, days = np.random.default_rng(2), 78
        hours = pd.date_range("2021-04-05T05:00", periods=DAY * days, freq="h", tz="UTC", name="time")
        level = 40.0 + np.repeat(rng.normal(0.0, 4.0, days), DAY)
        price = level + 15.0 * np.sin(np.arange(DAY * days) * np.pi / 12.0) + rng.normal(0.0, 2.0, DAY * days)
        self.file, self.table = file, pd.DataFrame({"close": np.maximum(price, 1.0)}, index=hours)

    def __call__(self, days):
        self.table.iloc[: DAY * days].to_csv(self.file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Train a unit's agent on 64 days."""
    folder = tmp_path_factory.mktemp("power")
    Power(folder / "power.csv")(64)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["retrain", *WORDS]) == 0
    return folder


def test_a_day_is_committed_once_and_its_charge_and_profit_are_a_backtest_s_to_the_last_bit(
    folder, tradewinds, monkeypatch
):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(steps_of_the_path, "load_policy", lambda folder, plans: Lively())
    power = Power(folder / "power.csv")
    for days in (64, 65, 65, 71):
        power(days)
        answer = tradewinds("paper", "--json", *WORDS)
        assert answer.status == 0, answer.err
    steps = [json.loads(line)["step"] for line in JOURNAL.read_text(encoding="utf-8").splitlines()[1:]]
    told = json.loads(answer.out.splitlines()[-1])
    assert told["decision"]["delivery_day"] == "2021-06-15"
    assert told["decision"] == steps[-1]["decision"]
    assert [step["decision"]["delivery_day"][-2:] for step in steps] == ["08", "09", "10", "11", "12", "13", "14", "15"]
    assert all(step["late"] for step in steps)  # the gates of 2021 have closed
    since = steps[0]["at"][:10]
    answer = tradewinds("backtest", "model=champion", "run.name=power", f"backtest.since={since}", *WORDS)
    assert answer.status == 0, answer.err
    newest = max(Path("runs/power").glob("2*/backtest"), key=lambda path: path.stat().st_mtime_ns)
    paths = read_table(newest, "paths")
    charge = [slot["charge_after_mwh"] for step in steps[:-1] for slot in step["decision"]["schedule"]]
    assert charge == paths["charge.agent"].to_list()
    assert len(set(charge)) > 50
    assert [step["worth"] for step in steps[1:]] == paths["profit.agent"].to_list()[DAY - 1 :: DAY]
