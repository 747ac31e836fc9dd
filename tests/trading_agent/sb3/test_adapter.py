"""Stable-Baselines3 trains on the environments: on one alone directly, on many through the adapter."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from trading_env import TradingConfig, TradingEnv, TradingVectorEnv

from full_games import full_market

stable_baselines3 = pytest.importorskip("stable_baselines3")

from trading_agent.sb3.adapter import as_vec_env  # noqa: E402 - needs the extra


def batched(num_envs=4, **settings):
    return TradingVectorEnv(
        full_market(0, 40), TradingConfig(), num_envs=num_envs, autoreset_mode=AutoresetMode.SAME_STEP, **settings
    )


def test_the_adapter_tells_what_its_own_vec_env_would_tell():
    market = full_market(0, 40)
    theirs = stable_baselines3.common.vec_env.DummyVecEnv([lambda: TradingEnv(market, episode_bars=9)] * 4)
    ours = as_vec_env(batched(episode_bars=9))
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    for row in np.random.default_rng(0).integers(0, 3, (30, 4)):
        one, two = ours.step(row), theirs.step(row)
        for mine, other in zip(one[:3], two[:3], strict=True):
            np.testing.assert_array_equal(mine, other)
        for mine, other in zip(one[3], two[3], strict=True):
            for name in mine:
                np.testing.assert_array_equal(mine[name], other[name])
            assert set(mine) >= {"terminal_observation"} & set(other)


def test_any_gymnasium_vector_env_that_restarts_in_the_same_step_is_told_the_same_way():
    market = full_market(0, 40)
    sync = SyncVectorEnv([lambda: TradingEnv(market, episode_bars=9)] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    ours, theirs = as_vec_env(batched(episode_bars=9)), as_vec_env(sync)
    ours.reset(), theirs.reset()
    for row in np.random.default_rng(0).integers(0, 3, (30, 4)):
        one, two = ours.step(row), theirs.step(row)
        for mine, other in zip(one[:3], two[:3], strict=True):
            np.testing.assert_array_equal(mine, other)


def test_an_env_that_restarts_in_the_next_step_is_refused():
    with pytest.raises(ValueError, match=r"must be SAME_STEP, was AutoresetMode\.NEXT_STEP; make it with that mode"):
        as_vec_env(TradingVectorEnv(full_market(0, 40)))


@pytest.mark.parametrize("vectorised", [False, True])
@pytest.mark.parametrize(("algorithm", "actions"), [("PPO", "levels"), ("DQN", "levels"), ("PPO", "long_weights")])
def test_stable_baselines3_trains_directly_and_through_the_adapter(vectorised, algorithm, actions):
    if algorithm == "DQN" and vectorised:
        settings = {"learning_starts": 32, "train_freq": 4}
    else:
        settings = {"learning_starts": 32} if algorithm == "DQN" else {"n_steps": 32, "batch_size": 32, "n_epochs": 1}
    rules = TradingConfig(actions=actions)
    env = TradingEnv(full_market(1, 60, 2), rules)
    if vectorised:
        many = TradingVectorEnv(env.market, rules, num_envs=4, autoreset_mode=AutoresetMode.SAME_STEP)
        env = as_vec_env(many)
    model = getattr(stable_baselines3, algorithm)("MlpPolicy", env, seed=0, device="cpu", **settings)
    model.learn(200)
    observation = TradingEnv(full_market(1, 60, 2), rules).reset()[0]
    assert model.predict(observation)[0] is not None
