"""Algorithms of Stable-Baselines3 as agents of ours: trained, judged, saved without pickle, read back."""

import dataclasses
import json
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from trading_agent.common.player import Player
from trading_agent.common.policy import ConstantPolicy, load_policy, save_policy
from trading_agent.sb3.config import StableBaselinesConfig

from corridor import Corridor

pytest.importorskip("stable_baselines3")

from trading_agent.sb3.policy import algorithm_of
from trading_agent.sb3.train import train_sb3


def env_of(name, num_envs=2, mode=AutoresetMode.SAME_STEP):
    return SyncVectorEnv([lambda: gymnasium.make(name)] * num_envs, autoreset_mode=mode)


def small(algorithm, **arguments):
    return StableBaselinesConfig(
        algorithm=algorithm, steps=300, num_envs=2, hidden_sizes=(8,), validate_every=150, arguments=arguments
    )


CASES = [
    ("PPO", "CartPole-v1", {"n_steps": 32, "batch_size": 16, "n_epochs": 1}),
    ("A2C", "CartPole-v1", {}),
    ("DQN", "CartPole-v1", {"learning_starts": 50}),
    ("SAC", "Pendulum-v1", {"learning_starts": 50, "train_freq": 20}),
    ("TD3", "Pendulum-v1", {"learning_starts": 50, "train_freq": 20}),
]


def learned_first(policy):
    """A score by which the last policy that is no constant one wins."""
    return -1.0 if isinstance(policy, ConstantPolicy) else 1.0


@pytest.mark.parametrize(("algorithm", "name", "arguments"), CASES)
def test_what_was_trained_is_read_back_and_acts_the_same(algorithm, name, arguments, tmp_path):
    env = env_of(name)
    trained = train_sb3(env, small(algorithm, **arguments), seed=3, validate=learned_first)
    assert trained.policy.kind == "sb3"
    assert trained.best_step == 300
    assert [row["step"] for row in trained.history][-2:] == [150, 300]
    save_policy(trained.policy, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]
    assert json.loads((tmp_path / "policy.json").read_text())["settings"]["algorithm"] == algorithm
    seen = np.random.default_rng(0).normal(size=(5, env.single_observation_space.shape[0]))
    ours, theirs = trained.policy.act(seen), load_policy(tmp_path).act(seen)
    assert ours.tobytes() == theirs.tobytes()
    assert all(env.single_action_space.contains(action) for action in theirs)


def test_a_policy_that_remembers_carries_its_states_and_is_read_back(tmp_path):
    env = env_of("CartPole-v1")
    trained = train_sb3(
        env, small("RecurrentPPO", n_steps=32, batch_size=16, n_epochs=1), seed=3, validate=learned_first
    )
    assert trained.policy.kind == "sb3_recurrent"
    save_policy(trained.policy, tmp_path)
    ours, again = Player(trained.policy, 3), Player(load_policy(tmp_path), 3)
    rng, policy, state = np.random.default_rng(0), trained.policy, None
    for number in range(5):
        seen, begins = rng.normal(size=(3, 4)), rng.random(3) < 0.4 * (number > 0)
        actions, state = policy.policy.predict(policy.standard(seen), state, begins, deterministic=True)  # as they do
        np.testing.assert_array_equal(ours.act(seen, begins), actions)
        np.testing.assert_array_equal(again.act(seen, begins), actions)
        np.testing.assert_array_equal(ours.memory[:, :256], state[0][0])


class Hill(Corridor):
    """A corridor that a number of a Box walks: on where it is positive."""

    def __init__(self):
        super().__init__(2, mode=AutoresetMode.SAME_STEP)
        self.single_action_space = Box(-1.0, 1.0, (1,), np.float32)

    def step(self, actions):
        return super().step((actions[:, 0] > 0.0).astype(np.int64))


RESUMED = [
    ("PPO", {"n_steps": 32, "batch_size": 16, "n_epochs": 1}),
    ("RecurrentPPO", {"n_steps": 32, "batch_size": 16, "n_epochs": 1}),
    ("DQN", {"learning_starts": 50, "buffer_size": 120}),
    ("SAC", {"learning_starts": 50, "train_freq": 20}),
]


@pytest.mark.parametrize(("algorithm", "arguments"), RESUMED)
def test_an_interrupted_training_ends_where_it_would_have_ended(algorithm, arguments, tmp_path):
    """Cut between two validations; the environment can be put down, so all that follows is the same to the bit."""

    def train(folder, validate=learned_first, **options):
        env = Hill() if algorithm == "SAC" else Corridor(2, mode=AutoresetMode.SAME_STEP)
        config = dataclasses.replace(small(algorithm, **arguments), validate_every=100)
        return train_sb3(env, config, seed=3, validate=validate, checkpoint=tmp_path / folder, **options)

    def cut(policy):
        calls.append(policy)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return learned_first(policy)

    whole, calls = train("whole"), []
    with pytest.raises(KeyboardInterrupt):
        train("half", cut)
    resumed = train("half", resume=tmp_path / "half")
    assert resumed.history == whole.history
    for name, array in whole.policy.tensors().items():
        np.testing.assert_array_equal(resumed.policy.tensors()[name], array, name)
    ours, theirs = ((tmp_path / name / "training.safetensors").read_bytes() for name in ("half", "whole"))
    assert ours == theirs


def test_the_same_seed_learns_the_same():
    def train(seed):
        config = small("PPO", n_steps=32, batch_size=16)
        return train_sb3(env_of("CartPole-v1"), config, seed=seed, validate=learned_first).policy.tensors()

    one, again, other = train(3), train(3), train(4)
    assert all(one[name].tobytes() == again[name].tobytes() for name in one)
    assert any(one[name].tobytes() != other[name].tobytes() for name in one)


def test_a_policy_is_judged_by_what_it_does_now():
    """Each candidate is scored, and the best is kept though learning goes on."""
    scores = iter((0.0, 0.0, 5.0, 1.0))
    trained = train_sb3(
        env_of("CartPole-v1"), small("PPO", n_steps=32, batch_size=16), seed=0, validate=lambda _: next(scores)
    )
    assert (trained.best_step, trained.best_score) == (150, 5.0)


def test_what_cannot_be_is_said(monkeypatch):
    with pytest.raises(ValueError, match=r"algorithm must be one of A2C, .*PPO.*, was 'PPOO'"):
        small("PPOO")
    for missing in ("stable_baselines3", "sb3_contrib"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ValueError, match=r"algorithm=TQC needs sb3-contrib: pip install 'tradewinds\[sb3\]'"):
        algorithm_of("TQC")
    with pytest.raises(ValueError, match=r"algorithm=PPO needs Stable-Baselines3"):
        algorithm_of("PPO")
    monkeypatch.undo()
    env = env_of("CartPole-v1")
    with pytest.raises(ValueError, match=r"PPO takes no argument n_stps; it takes batch_size, .*n_steps"):
        train_sb3(env, small("PPO", n_stps=3), seed=0, validate=learned_first)
    with pytest.raises(ValueError, match=r"SAC cannot learn here: The algorithm only supports"):
        train_sb3(env, small("SAC"), seed=0, validate=learned_first)
    with pytest.raises(ValueError, match=r"must be SAME_STEP"):
        train_sb3(env_of("CartPole-v1", mode=AutoresetMode.NEXT_STEP), small("PPO"), seed=0, validate=learned_first)
    with pytest.raises(ValueError, match=r"resume must name a folder with the checkpoint of a training"):
        train_sb3(env, small("PPO"), seed=0, validate=learned_first, resume=Path("nowhere"))
    with pytest.raises(ValueError, match="arguments must leave device, seed to us"):
        small("PPO", seed=1, device="cuda")
