"""The planner through the command line: saved and loaded, registered, and asked for a signal."""

import json
from pathlib import Path

import pytest

from story import CommandLine, write_bars

WORDS = (
    "series=csv",
    "series.path=bars.csv",
    "model.context_length=16",
    "model.hidden_size=8",
    "trainer.epochs=2",
    "agent=planner",
    "agent.steps=320",
    "agent.validate_every=160",
    "rollout.standard_errors=0.0",
    "backtest.random_draws=9",
    "backtest.bootstrap_draws=100",
)


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.csv")
    return CommandLine(capsys)


def test_a_trader_that_plans_is_judged_as_trained_and_asked_as_registered(typed):
    told = []
    for stage in ("run", "backtest"):  # the second loads what the first saved
        answer = typed(stage, *WORDS, "--json")
        assert answer.status == 0, answer.err
        told.append(json.loads(answer.out.splitlines()[-1])["backtest"]["strategies"])
    assert told[0] == told[1]
    saved = json.loads(next(Path("runs/bars").glob("*/agent/policy.json")).read_text(encoding="utf-8"))
    if saved["kind"] == "planner":  # what validates best may be a constant
        assert saved["settings"]["plan"] == "level"
    assert typed("retrain", *WORDS).status == 0
    assert json.loads(typed("signal", *WORDS).out)["target_exposure"]["bars"] in (-1.0, 0.0, 1.0)


def test_a_planner_has_nothing_to_plan_in_a_classic_environment(typed):
    answer = typed("train-agent", "env=gymnasium", "env.id=CartPole-v1", "agent=planner")
    assert answer.status != 0
    assert "env must say how it is planned (plan and lessons) for agent=planner" in answer.err
