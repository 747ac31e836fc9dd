"""What a policy remembers is carried through the steps of each environment alone, and ends with its episode."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from hypothesis import given
from hypothesis import strategies as st

from trading_agent import Player, RecurrentPolicy, episode_returns
from trading_agent.common.policy import ConstantPolicy

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
LENGTHS = st.lists(st.lists(st.integers(1, 5), min_size=3, max_size=3), min_size=1, max_size=4)


def shown(n, episode, age):
    return np.float32(np.sin(7.0 * n + 3.0 * episode + age + 1.0))


class Scripted(VectorEnv):
    """Environment n plays episodes of `lengths[n]` steps, over and over; a step is worth its action times its age."""

    def __init__(self, lengths, mode):
        self.lengths, self.num_envs, self.metadata = lengths, len(lengths), {"autoreset_mode": mode}
        self.single_observation_space, self.single_action_space = Box(-1.0, 1.0, (1,), np.float32), Discrete(3)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def seen(self):
        return np.array([[shown(n, *at)] for n, at in enumerate(self.at)], np.float32)

    def reset(self, *, seed=None, options=None):
        self.at, self.ended = [(0, 0)] * self.num_envs, [False] * self.num_envs
        return self.seen(), {}

    def step(self, actions):
        rewards, ends, final = np.zeros(self.num_envs), np.zeros(self.num_envs, bool), [None] * self.num_envs
        for n, (episode, age) in enumerate(self.at):
            if self.ended[n]:
                self.at[n], self.ended[n] = (episode + 1, 0), False
                continue
            rewards[n], self.at[n] = float(actions[n]) * (age + 1.0), (episode, age + 1)
            if age + 1 == self.lengths[n][episode % 3]:
                ends[n], final[n] = True, np.array([shown(n, episode, age + 1)], np.float32)
                if self.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP:
                    self.at[n] = (episode + 1, 0)
                else:
                    self.ended[n] = True
        infos = {"final_obs": np.array([*final, None], dtype=object)[:-1], "_final_obs": ends}
        return self.seen(), rewards, ends, np.zeros_like(ends), infos


class Fading:
    """Remembers a fading sum of what was seen and done; the action is told by its sign and size."""

    kind = "fading"
    memory_size = 2

    def step(self, observations, memory):
        total = 0.5 * memory[:, 0] + observations[:, 0] + 0.25 * memory[:, 1]
        actions = np.digitize(total, [-0.3, 0.3])
        return actions, np.stack([total, actions], axis=1).astype(np.float32)

    def act(self, observations):
        return self.step(observations, np.zeros((len(observations), 2), np.float32))[0]


def by_hand(n, lengths, episodes):
    policy, returns = Fading(), []
    for episode in range(episodes):
        memory, total = np.zeros((1, 2), np.float32), 0.0
        for age in range(lengths[episode % 3]):
            (action,), memory = policy.step(np.array([[shown(n, episode, age)]]), memory)
            total += action * (age + 1.0)
        returns.append(total)
    return returns


@pytest.mark.parametrize("mode", MODES)
@given(LENGTHS)
def test_many_environments_are_played_as_each_would_be_alone(mode, lengths):
    assert isinstance(Fading(), RecurrentPolicy)
    found = episode_returns(Fading(), Scripted(lengths, mode), 4 * len(lengths))
    alone = [returned for n, each in enumerate(lengths) for returned in by_hand(n, each, 4)]
    assert sorted(found.tolist()) == sorted(alone)


def test_who_does_not_remember_is_asked_as_ever():
    policy = ConstantPolicy(2)
    player = Player(policy, 3)
    assert not player.remembers
    assert player.act(np.zeros((3, 1)), np.array([True, False, True])).tolist() == [2, 2, 2]


def test_an_episode_that_begins_is_met_without_what_came_before():
    player, seen = Player(Fading(), 2), np.array([[0.2], [0.2]], np.float32)
    assert player.act(seen).tolist() == [1, 1]
    assert player.act(seen, np.array([True, False])).tolist() == [1, 2]
