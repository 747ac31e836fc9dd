"""The planner through the command line: saved and loaded, registered, and asked for a signal."""

import json
from pathlib import Path

import pytest

from story import CommandLine, write_bars

WORDS = (
    "signal.max_age=null",
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
    assert "agent.kind=planner needs an environment that says how it is planned; it is a game" in answer.err


def test_a_dqn_sees_the_plan_and_is_taught_by_it_and_no_leak_is_found(typed):
    words = [word for word in WORDS if not word.startswith("agent")]
    words += ["agent.teacher=planner", "rollout.observe=[hidden_state,forecast,plan]", "agent.steps=1000"]
    words += ["agent.learning_starts=200", "agent.validate_every=500"]
    answer = typed("run", *words)
    assert answer.status == 0, answer.err
    checked = typed("leakcheck", *words, "leakcheck.cuts=10", "leakcheck.agent_steps=200", "leakcheck.placebos=2")
    assert checked.status == 0, checked.err + checked.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("env.actions=long_weights", "agent=ppo"),
            "rollout.observe may hold plan with env.actions=levels or exposure",
        ),
        (("agent.teacher=plan",), "agent.teacher must be one of none, planner, was 'plan'"),
    ],
)
def test_what_cannot_be_planned_or_taught_is_answered_before_any_work(typed, words, said):
    answer = typed("run", "series=csv", "series.path=bars.csv", "rollout.observe=[hidden_state,plan]", *words)
    assert (answer.status, said in answer.err) == (2, True), answer.err
    assert not Path("runs").exists()
