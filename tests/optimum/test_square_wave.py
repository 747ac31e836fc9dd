"""Q-values with a known answer: being long through the rises of a square wave, when every switch costs c.

The price rises by 1 and falls by 1 in turn. The agent is flat (0) or long (1); action a is the position for the next
move, reward = a * move - c * |a - position|. With c (1 + gamma) < 1 it is best to be long in every rise and flat in
every fall, so that flat before a rise, going long,

    Q* = 1 - c + gamma (-c + gamma Q*)   =>   Q* = (1 - c - gamma c) / (1 - gamma^2)

and the other seven values follow from one step of Bellman's equation. Rewards are in their own unit, observations are
(move to come, position). The wave never ends; an episode is cut after 16 moves, and an agent that took the cut for an
end would find values below these.
"""

import itertools

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from trading_agent import DQNConfig, ExplorationConfig, QLearningConfig, train_dqn, train_q_learning

COST, DISCOUNT = 0.1, 0.9
BEST = (1 - COST - DISCOUNT * COST) / (1 - DISCOUNT**2)
STATES = np.array([[1, 0], [1, 1], [-1, 0], [-1, 1]], dtype=np.float32)  # (move to come, position)
OPTIMAL = np.array(
    [
        [DISCOUNT**2 * BEST, BEST],  # before a rise, flat: stay flat; go long
        [DISCOUNT**2 * BEST - COST, BEST + COST],  # before a rise, long: sell; stay long
        [DISCOUNT * BEST, -1 - COST + DISCOUNT * (BEST + COST)],  # before a fall, flat: stay flat; go long
        [DISCOUNT * BEST - COST, -1 + DISCOUNT * (BEST + COST)],  # before a fall, long: sell; stay long
    ]
)


class SquareWave(VectorEnv):
    """N traders on the wave; each starts flat before a rise or a fall."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = Box(-1, 1, (2,), np.float32), Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.state, self.age = np.zeros((num_envs, 2), np.float32), np.zeros(num_envs, int)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._begin(np.ones(self.num_envs, bool))
        return self.state.copy(), {}

    def step(self, actions):
        fresh = self.age == 16
        reward = np.where(fresh, 0.0, actions * self.state[:, 0] - COST * np.abs(actions - self.state[:, 1]))
        self.state = np.stack([-self.state[:, 0], actions], axis=1).astype(np.float32)
        self.age += 1
        self._begin(fresh)
        return self.state.copy(), reward, np.zeros(self.num_envs, bool), self.age == 16, {}

    def _begin(self, which):
        self.state[which, 0] = self.np_random.choice([-1.0, 1.0], size=int(which.sum()))
        self.state[which, 1] = self.age[which] = 0


def the_last():
    """Return a `validate` that likes every policy better than the one before, so that the last one is returned."""
    counter = itertools.count()
    return lambda policy: float(next(counter))


def test_the_closed_form_solves_bellmans_equation():
    for (move, position), values in zip(STATES, OPTIMAL, strict=True):
        for action in (0, 1):
            following = np.flatnonzero((STATES == [-move, action]).all(axis=1))[0]
            reward = action * move - COST * abs(action - position)
            assert values[action] == pytest.approx(reward + DISCOUNT * OPTIMAL[following].max())


@pytest.mark.parametrize(
    ("double", "target_update", "exploration"),
    [
        (True, "hard", ExplorationConfig(start=1.0, end=0.3)),
        pytest.param(False, "soft", ExplorationConfig(kind="boltzmann", start=5.0, end=1.0), marks=pytest.mark.slow),
    ],
)
def test_dqn_finds_the_value_of_following_the_wave(double, target_update, exploration):
    config = DQNConfig(
        steps=32_000,
        num_envs=8,
        hidden_sizes=(32,),
        learning_rate=3e-3,
        discount=DISCOUNT,
        batch_size=64,
        double=double,
        target_update=target_update,
        learning_starts=1_000,
        target_interval=50,
        tau=0.02,
        exploration=exploration,
        validate_every=32_000,
    )
    trained = train_dqn(SquareWave(8), config, seed=0, validate=the_last())
    np.testing.assert_allclose(trained.policy.values(STATES), OPTIMAL, atol=0.02 * BEST)


def test_q_learning_finds_the_value_of_following_the_wave():
    config = QLearningConfig(
        steps=64_000,
        num_envs=8,
        columns=(0, 1),
        bins=2,
        learning_rate=0.05,
        discount=DISCOUNT,
        learning_starts=1_000,
        exploration=ExplorationConfig(start=1.0, end=0.3),
        validate_every=64_000,
    )
    trained = train_q_learning(SquareWave(8), config, seed=0, validate=the_last())
    np.testing.assert_allclose(trained.policy.values(STATES), OPTIMAL, atol=0.02 * BEST)
