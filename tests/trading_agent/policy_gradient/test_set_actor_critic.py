"""One actor-critic for any number of items: laws of order and presence, and what it learns among alike ones."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_agent import EnvironmentFacts, refuse
from trading_agent.common.evaluation import evaluate
from trading_agent.common.policy import load_policy, save_policy
from trading_agent.dqn.config import DQNConfig
from trading_agent.policy_gradient.config import PPOConfig, ReinforceConfig
from trading_agent.policy_gradient.ppo import train_ppo
from trading_agent.policy_gradient.reinforce import train_reinforce
from trading_agent.policy_gradient.set_actor_critic import SetActorCritic, SetActorPolicy
from trading_agent.q_learning.config import QLearningConfig

BLOCK, COMMON = 3, 1


class Signs(VectorEnv):
    """Each of three items shows a number; who asks for its sign is paid, and for an item that is gone nothing."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    item_columns = (BLOCK, COMMON)

    def __init__(self, num_envs, items=3):
        self.num_envs, self.items = num_envs, items
        columns = items * (BLOCK + 2) + COMMON + 1
        self.single_observation_space = Box(-np.inf, np.inf, (columns,), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (items,), np.float32)

    def _shown(self):
        blocks = self.rng.normal(size=(self.num_envs, self.items, BLOCK)).astype(np.float32)
        blocks[:, :, -1] = self.rng.random(blocks.shape[:2]) < 0.8
        self.blocks = blocks * blocks[:, :, -1:]
        rest = np.zeros((self.num_envs, COMMON + 2 * self.items + 1), np.float32)
        return np.concatenate([self.blocks.reshape(self.num_envs, -1), rest], axis=1)

    def reset(self, *, seed=None, options=None):
        self.rng, self.bar = np.random.default_rng(seed), 0
        return self._shown(), {}

    def step(self, actions):
        reward, self.bar = (actions * np.sign(self.blocks[:, :, 0])).mean(axis=1), self.bar + 1
        ended, seen = np.full(self.num_envs, self.bar % 20 == 0), self._shown()
        last = {"final_obs": np.array([*seen, None], dtype=object)[:-1]} if ended.any() else {}
        return seen, reward, np.zeros_like(ended), ended, last


def policy_of(seed, cross_section):
    generator = torch.Generator().manual_seed(seed)
    network = SetActorCritic((BLOCK, COMMON), (8, 8), (-1.0, 1.0), cross_section, generator)
    with torch.no_grad():
        network.head.weight.normal_(generator=generator)
        network.worth.weight.normal_(generator=generator)
    return SetActorPolicy(network)


def observations_of(seed, items, count=5):
    rng = np.random.default_rng(seed)
    blocks = rng.normal(size=(count, items, BLOCK))
    blocks[:, :, -1] = rng.random((count, items)) < 0.7
    blocks *= blocks[:, :, -1:]
    own = rng.uniform(-0.5, 0.5, (count, 2, items))
    parts = (blocks.reshape(count, -1), rng.normal(size=(count, COMMON)), own.reshape(count, -1), np.zeros((count, 1)))
    return np.concatenate(parts, axis=1).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 6), st.sampled_from(["none", "mean", "attention"]))
def test_another_order_of_the_items_is_another_order_of_actions_and_the_same_value(seed, items, cross_section):
    policy, observations = policy_of(seed, cross_section), observations_of(seed, items)
    order, first = np.random.default_rng(seed).permutation(items), items * BLOCK + COMMON
    shuffled = observations.copy()
    shuffled[:, : items * BLOCK] = observations[:, : items * BLOCK].reshape(5, items, BLOCK)[:, order].reshape(5, -1)
    own = observations[:, first : first + 2 * items].reshape(5, 2, items)
    shuffled[:, first : first + 2 * items] = own[:, :, order].reshape(5, -1)
    np.testing.assert_allclose(policy.act(shuffled), policy.act(observations)[:, order], atol=1e-5)
    with torch.no_grad():
        values = [policy.network.value(torch.from_numpy(rows)).numpy() for rows in (observations, shuffled)]
    np.testing.assert_allclose(values[1], values[0], rtol=1e-4, atol=1e-5)
    away = observations[:, : items * BLOCK].reshape(5, items, BLOCK)[:, :, -1] == 0.0
    np.testing.assert_array_equal(policy.act(observations)[away], own[:, 1][away])


def test_an_item_that_is_gone_has_no_part_in_the_density_or_its_gradient():
    network = policy_of(0, "mean").network
    rows, actions = torch.from_numpy(observations_of(1, 4)), torch.zeros(5, 4)
    moved = torch.where(network.actor(rows).isnan(), 3.0, 0.0)
    found, other = network.log_prob(rows, actions)[0], network.log_prob(rows, moved)[0]
    torch.testing.assert_close(found, other)
    other.sum().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize(
    ("train", "config"),
    [
        (train_ppo, PPOConfig(steps=25_000, num_envs=32, rollout_steps=32, batch_size=256, hidden_sizes=(16,))),
        (train_reinforce, ReinforceConfig(steps=90_000, num_envs=32, rollout_steps=20, hidden_sizes=(16,))),
    ],
)
def test_the_sign_of_each_item_is_asked_for(train, config, tmp_path):
    trained = train(Signs(32), config, seed=0, validate=lambda policy: evaluate(policy, Signs(8), 16, seed=1))
    assert trained.policy.kind == "set_actor"
    assert trained.best_score > 0.6 * 0.8 * 20
    save_policy(trained.policy, tmp_path)
    observations = observations_of(3, 7)
    np.testing.assert_array_equal(load_policy(tmp_path).act(observations), trained.policy.act(observations))


def test_who_chooses_one_of_a_few_actions_is_told_whom_to_take_for_several_instruments():
    several, alone = EnvironmentFacts(num_instruments=20), EnvironmentFacts(num_instruments=1)
    for config in (DQNConfig(steps=10_000), QLearningConfig(steps=10_000, columns=(0,))):
        (sentence,) = refuse(config, several)
        assert sentence == (
            f"kind={config.kind} chooses one of a few actions and acts on one instrument, not on 20: "
            "take agent=direct, planner, ppo or reinforce, with a weight for each"
        )
        assert refuse(config, alone) == []
