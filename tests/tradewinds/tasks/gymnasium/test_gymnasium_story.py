"""`train-agent env=gymnasium`: the agents of the markets on any environment, from the command line."""

import csv
import json
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from trading_agent import episode_returns, evaluate, load_policy
from trading_agent.common.policy import ConstantPolicy

from corridor import Corridor
from story import CommandLine

FEW = ("env.validation_episodes=2", "env.episodes=4", "agent.validate_every=500", "seed=3")


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def artifact(name):
    (folder,) = Path("runs", name).iterdir()
    return folder / "agent"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CartPole-v1", ["agent=ppo", "agent.steps=2000", "agent.num_envs=8"]),
        ("CartPole-v1", ["agent=dqn", "agent.steps=2000", "agent.num_envs=4", "agent.learning_starts=200"]),
        ("Pendulum-v1", ["agent=reinforce", "agent.steps=2000", "agent.num_envs=8"]),  # its actions are a Box
        ("FrozenLake-v1", ["agent=ppo", "agent.steps=2000", "agent.num_envs=8"]),  # it shows a number, not a Box
    ],
)
def test_an_agent_learns_any_environment_and_is_judged_on_fresh_episodes(name, words, typed):
    answer = typed("train-agent", "env=gymnasium", f"env.id={name}", *words, *FEW)
    assert answer.status == 0, answer.err
    folder = artifact(name)
    facts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["facts"]
    assert f"{name}: return {facts['return_mean']:.1f} +- {facts['return_sd']:.1f} over 4 fresh episodes" in answer.out
    assert load_policy(folder).kind in ("actor", "q_network", "constant")
    rows = list(csv.DictReader((folder / "history.csv").open(encoding="utf-8")))
    assert [row["step"] for row in rows][-1] >= "2000"
    assert max(float(row["score"]) for row in rows) == facts["validation_score"]
    assert not (folder.parent / "agent.checkpoint").exists()


def test_the_same_words_make_the_same_agent(typed):
    words = ("train-agent", "env=gymnasium", "agent=ppo", "agent.steps=1500", "agent.num_envs=8", *FEW)
    answers = [typed(*words, f"run.name={name}") for name in ("one", "two")]
    assert [answer.status for answer in answers] == [0, 0]
    one, two = (load_policy(artifact(name)).tensors() for name in ("one", "two"))
    assert all(one[name].tobytes() == two[name].tobytes() for name in one)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["env.id=CartPol-v1"], "env.id must name an environment that Gymnasium can make, was 'CartPol-v1': "),
        (["env.id="], "env.id must name an environment of Gymnasium, such as CartPole-v1, was empty"),
        (["env.episodes=1"], "env.episodes must be at least 2, was 1"),
        (["env.id=Pendulum-v1", "agent=dqn"], "env must offer Discrete actions counted from 0, was Box"),
        (["agent=counterfactual_dqn"], "counterfactual must be false for an env that cannot say what every action"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(words, message, typed):
    answer = typed("train-agent", "env=gymnasium", *words)
    assert answer.status == 2
    assert message in answer.err
    assert answer.err.count("\n") <= 2  # the bar's line, and the reason
    assert not Path("runs").exists()


def test_a_run_needs_a_series(typed):
    answer = typed("run", "env=gymnasium")
    assert answer.status == 2
    assert "env=gymnasium has no series to forecast: only train-agent knows it; env=trading trades" in answer.err


def test_every_episode_is_counted_once_and_their_mean_is_the_evaluation():
    def cartpole():
        return gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")

    earned = episode_returns(ConstantPolicy(1), cartpole(), 7, seed=5)
    assert earned.shape == (7,)
    assert earned.mean() == pytest.approx(evaluate(ConstantPolicy(1), cartpole(), 7, seed=5))
    np.testing.assert_array_equal(episode_returns(ConstantPolicy(1), Corridor(2, length=3), 3), 1.0)
    with pytest.raises(ValueError, match="episodes must be at least 1, was 0"):
        episode_returns(ConstantPolicy(1), Corridor(), 0)
