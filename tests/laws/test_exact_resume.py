"""A training of the agent that is put down and taken up again ends on the very bits of one that never stopped."""

import dataclasses

import numpy as np
import pytest

from trading_agent import (
    DQNConfig,
    PPOConfig,
    QLearningConfig,
    RecurrentDQNConfig,
    RecurrentPPOConfig,
    evaluate,
    train_dqn,
    train_ppo,
    train_q_learning,
    train_recurrent_dqn,
    train_recurrent_ppo,
)
from trading_env import Market, TradingVectorEnv


def market_of(seed):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 300)))[:, None]
    return Market(open=close, close=close, features=rng.normal(size=(300, 3)), bars_per_year=252.0)


def score(policy):
    return evaluate(policy, TradingVectorEnv(market_of(1)), episodes=1)


def stop_after(calls):
    """A validation that is interrupted, as by Ctrl-C, at its n-th call."""
    left = [calls]

    def validate(policy):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return score(policy)

    return validate


@pytest.mark.parametrize(
    ("train", "config"),
    [
        (train_dqn, DQNConfig(steps=2000, num_envs=4, hidden_sizes=(8,), learning_starts=200, validate_every=250)),
        (train_ppo, PPOConfig(steps=4000, num_envs=4, hidden_sizes=(8,), rollout_steps=20, validate_every=500)),
        (
            train_recurrent_ppo,
            RecurrentPPOConfig(
                steps=2000,
                num_envs=4,
                memory_units=6,
                hidden_sizes=(8,),
                rollout_steps=20,
                validate_every=320,
                scales="running",
            ),
        ),
        (
            train_recurrent_dqn,
            RecurrentDQNConfig(
                steps=2000, num_envs=4, memory_units=6, learning_starts=400, validate_every=320, updates_per_step=0.1
            ),
        ),
        (
            train_q_learning,
            QLearningConfig(steps=4000, num_envs=4, columns=(0, -2), learning_starts=400, validate_every=500),
        ),
    ],
)
def test_an_interrupted_training_ends_where_it_would_have_ended(train, config, tmp_path):
    def env():
        return TradingVectorEnv(market_of(0), num_envs=config.num_envs, episode_bars=50, starts="random")

    whole = train(env(), config, seed=5, validate=score, checkpoint=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(env(), config, seed=5, validate=stop_after(6), checkpoint=tmp_path / "half")
    resumed = train(env(), config, seed=5, validate=score, checkpoint=tmp_path / "half", resume=tmp_path / "half")
    assert resumed.history == whole.history
    assert (resumed.best_step, resumed.best_score) == (whole.best_step, whole.best_score)
    for name, tensor in whole.policy.tensors().items():
        np.testing.assert_array_equal(resumed.policy.tensors()[name], tensor)
    ours, theirs = ((tmp_path / name / "training.safetensors").read_bytes() for name in ("half", "whole"))
    assert ours == theirs


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    config = DQNConfig(steps=1000, num_envs=4, hidden_sizes=(8,), learning_starts=400, validate_every=500)
    env = TradingVectorEnv(market_of(0), num_envs=4, episode_bars=50, starts="random")
    train_dqn(env, config, seed=5, validate=score, checkpoint=tmp_path)
    other = dataclasses.replace(config, discount=0.5)
    with pytest.raises(ValueError, match=r"discount must stay 0\.95 to resume"):
        train_dqn(env, other, seed=5, validate=score, resume=tmp_path)
