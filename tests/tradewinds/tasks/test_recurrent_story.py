"""An agent that remembers, through the command line: a market and a game; and what it decides is the backtest's."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from forecaster.fitted import load_forecaster
from forecaster.hidden_states import encode
from tradewinds.core.resources import resource_dir
from tradewinds.pipeline.task import Models
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from trading_agent import load_policy
from trading_agent.recurrent.actor_critic import RecurrentActorCritic, RecurrentActorPolicy

from story import CommandLine, write_bars, write_universe

MARKET = (
    "series=csv",
    "series.path=bars.csv",
    "model.context_length=8",
    "model.hidden_size=4",
    "trainer.epochs=1",
    "backtest.random_draws=3",
    "backtest.bootstrap_draws=100",
    "rollout.standard_errors=0.0",
    "agent=recurrent_ppo",
    "agent.steps=1200",
    "agent.num_envs=4",
    "agent.rollout_steps=50",
    "agent.memory_units=6",
    "agent.validate_every=400",
)


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.csv", 300)
    return CommandLine(capsys)


def test_a_market_is_played_and_checked_and_a_signal_is_what_the_backtest_decided(typed):
    answer = typed("run", *MARKET, "--json")
    assert answer.status == 0, answer.err
    report = json.loads(max(Path("runs/bars").glob("*/report.json")).read_text(encoding="utf-8"))
    assert report["honesty"]["leakcheck"] == "clean"

    (plain,) = compose_requests(MARKET, [resource_dir("conf")], multirun=False)
    prepared = job_of(request_from(plain), whole=True)
    run = next(Path("runs/bars").glob("*/hidden_states")).parent
    fitted = load_forecaster(run / "forecaster", prepared.series.instruments[0])
    states = encode(fitted, prepared.series)
    width = states.hidden_state.shape[1] + states.forecast.shape[1] + 3
    network = RecurrentActorCritic(width, 3, (8,), None, "lstm", 6, torch.Generator().manual_seed(0), memory_span=20.0)
    with torch.no_grad():
        network.memory.layer.weight_ih_l0.mul_(10.0)
        network.actor[-1].weight.mul_(100.0)
    policy, rows = RecurrentActorPolicy(network), prepared.split.test
    models = Models(fitted, states, policy)
    decided = prepared.task.decide(prepared, models, rows)["target"]
    assert len(set(decided)) > 1
    for stop in (rows.start + 2, rows.start + 17, rows.stop - 1):
        signal = prepared.task.decision(prepared, models, range(rows.start, stop))["target_exposure"]["bars"]
        assert signal == decided.iloc[stop - 1 - rows.start]

    class Forgetful:
        kind, act = "forgetful", staticmethod(policy.act)

    without = prepared.task.decide(prepared, replace(models, policy=Forgetful()), rows)["target"]
    assert not np.array_equal(without, decided)


def test_a_game_is_played_by_one_that_remembers(typed):
    words = ("agent.steps=800", "agent.num_envs=4", "agent.learning_starts=200", "agent.updates_per_step=0.1")
    words += ("agent.validate_every=400", "agent.memory_units=6", "env.validation_episodes=4", "env.episodes=10")
    answer = typed("run", "env=gymnasium", "env.id=CartPole-v1", "agent=recurrent_dqn", *words)
    assert answer.status == 0, answer.err
    policy = load_policy(next(Path("runs").glob("*/*/agent")))
    assert policy.kind in ("recurrent_q_network", "constant")


def test_several_instruments_are_refused_before_any_work(typed):
    write_universe("universe.csv")
    words = ("series=csv", "series.path=universe.csv", "series.symbols=all", "env.actions=long_weights")
    answer = typed("run", *words, "agent=recurrent_ppo")
    assert answer.status == 2
    assert "agent.kind=recurrent_ppo has one memory, of one instrument, and there are 6" in answer.err
    assert not Path("runs").exists()
