"""`env=gymnasium`: the agents of the markets on any environment, trained, judged and kept from the command line."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from trading_agent import episode_returns, evaluate, load_policy
from trading_agent.common.loop import Selection
from trading_agent.common.policy import ConstantPolicy

from corridor import Corridor
from story import CommandLine

FEW = ("env.validation_episodes=2", "env.episodes=4", "agent.validate_every=500", "seed=3")


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


def run_of(name):
    (run,) = Path("runs", name).glob("2*")
    return run


def artifact(name):
    return run_of(name) / "agent"


LEARNERS = [
    ("CartPole-v1", ["agent=ppo", "agent.steps=2000", "agent.num_envs=8"]),
    ("CartPole-v1", ["agent=dqn", "agent.steps=2000", "agent.num_envs=4", "agent.learning_starts=200"]),
    ("Pendulum-v1", ["agent=reinforce", "agent.steps=2000", "agent.num_envs=8"]),  # its actions are a Box
    ("FrozenLake-v1", ["agent=ppo", "agent.steps=2000", "agent.num_envs=8"]),  # it shows a number, not a Box
]
SB3 = ("CartPole-v1", ["agent=sb3", "agent.steps=2000", "agent.num_envs=4"])
LEARNERS += [SB3] if find_spec("stable_baselines3") else []


@pytest.mark.parametrize(("name", "words"), LEARNERS)
def test_an_agent_learns_any_environment_and_is_judged_on_fresh_episodes(name, words, typed):
    answer = typed("run", "env=gymnasium", f"env.id={name}", *words, *FEW)
    assert answer.status == 0, answer.err
    run = run_of(name)
    report = json.loads((run / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    agent = report["backtest"]["strategies"]["agent"]["metrics"]
    mean, deviation = agent["return_mean"], agent["return_sd"]
    assert f"{name}: return {mean:.1f} +- {deviation:.1f} over 4 fresh episodes" in answer.out
    assert list(report["backtest"]["strategies"]) == ["agent", "random"]
    assert report["honesty"]["return_ci95"] is None
    assert "episodes are too few" in report["honesty"]["return_ci95_reason"]
    assert load_policy(run / "agent").kind in ("actor", "q_network", "constant", "sb3")
    rows = list(csv.DictReader((run / "agent" / "history.csv").open(encoding="utf-8")))
    assert int(rows[-1]["step"]) >= 2000
    assert max(float(row["score"]) for row in rows) == report["backtest"]["agent"]["validation_score"]
    page = (run / "report.html").read_text(encoding="utf-8")
    if "agent=sb3" not in words:
        assert any(row["episode_length"] for row in rows)
        assert "episode length over env steps" in page
    assert "of 2 seeds" not in page
    assert not (run / "agent.checkpoint").exists()
    assert typed("report", f"inputs.run={run}").status == 0
    assert (run / "report.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_holds_the_curves_of_other_seeds(typed):
    words = ("run", "env=gymnasium", "agent=ppo", "agent.steps=1500", "agent.num_envs=8", *FEW[:-1])
    assert [typed(*words, f"seed={seed}").status for seed in (1, 2)] == [0, 0]
    page = max(Path("runs/CartPole-v1").glob("2*")) / "report.html"
    assert "median of 2 seeds, least to most behind" in page.read_text(encoding="utf-8")


def test_a_backtest_of_an_agent_says_what_the_run_said(typed):
    words = ("env=gymnasium", "agent=ppo", "agent.steps=1500", "agent.num_envs=8", *FEW)
    assert typed("run", *words).status == 0
    first = run_of("CartPole-v1")
    assert typed("backtest", *words).status == 0
    second = max(Path("runs/CartPole-v1").glob("2*/report.json"))
    ours, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in (first / "report.json", second))
    assert ours["backtest"] == theirs["backtest"]
    answer = typed("backtest", *words, "env.validation_episodes=3")
    assert answer.status == 2
    assert "was trained with other values of env.validation_episodes" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ["CartPole-v1", "agent=ppo"],
        ["CartPole-v1", "agent=dqn", "agent.learning_starts=100"],
        ["FrozenLake-v1", "agent=ppo"],
    ],
    ids=lambda one: " ".join(one[:2]),
)
def test_an_interrupted_training_goes_on_by_what_it_said(words, typed, monkeypatch):
    game, *words = words
    words = ("train-agent", "env=gymnasium", f"env.id={game}", *words, "agent.num_envs=4", "agent.steps=3000", *FEW)
    assert typed(*words).status == 0
    whole, consider = artifact(game), Selection.consider

    def power_cut(self, step, policy, metrics):
        if step > 2_000:
            raise KeyboardInterrupt
        consider(self, step, policy, metrics)

    monkeypatch.setattr(Selection, "consider", power_cut)
    cut = typed(*words)
    assert cut.status == 1
    (option,) = [word for word in cut.err.split() if word.startswith("inputs.resume=")]
    monkeypatch.setattr(Selection, "consider", consider)
    run = Path(option.removeprefix("inputs.resume=")).parent
    answer = typed(*words, f"inputs.resume={run}")
    assert answer.status == 2
    assert f"was '{run}', which holds {run}/agent.checkpoint" in answer.err
    assert typed(*words, option).status == 0
    resumed = max(Path("runs", game).glob("2*/agent"))
    assert resumed != whole
    ours, theirs = ((folder / "history.csv").read_text() for folder in (resumed, whole))
    assert ours == theirs  # and so are the weights: the game goes on in the middle of its episodes
    ours, theirs = ((folder / "policy.safetensors").read_bytes() for folder in (resumed, whole))
    assert ours == theirs
    other = typed(*words, option, "agent.discount=0.5")
    assert other.status == 2
    assert "inputs.resume" in other.err


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
        (["env.id="], "env.id must be the name of an environment of Gymnasium, such as CartPole-v1, was ''"),
        (["env.episodes=1"], "env.episodes must be at least 2 episodes, was 1"),
        (
            ["env.id=Pendulum-v1", "agent=dqn"],
            "agent.kind=dqn needs an environment with discrete actions",
        ),
        (["agent=counterfactual_dqn"], "agent.counterfactual=true needs an environment that can say what every action"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(words, message, typed):
    answer = typed("train-agent", "env=gymnasium", *words)
    assert answer.status == 2
    assert message in answer.err
    assert answer.err.count("\n") <= 2  # the bar's line, and the reason
    assert not Path("runs").exists()


def test_every_episode_is_counted_once_and_their_mean_is_the_evaluation():
    def cartpole():
        return gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")

    earned = episode_returns(ConstantPolicy(1), cartpole(), 7, seed=5)
    assert earned.shape == (7,)
    assert earned.mean() == pytest.approx(evaluate(ConstantPolicy(1), cartpole(), 7, seed=5))
    np.testing.assert_array_equal(episode_returns(ConstantPolicy(1), Corridor(2, length=3), 3), 1.0)
    with pytest.raises(ValueError, match="episodes must be at least 1, was 0"):
        episode_returns(ConstantPolicy(1), Corridor(), 0)
