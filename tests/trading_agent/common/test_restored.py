"""Environments that are put down in the middle of their episodes, and taken up again by others."""

from importlib.util import find_spec

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from trading_agent.common.restored import ArraysVectorEnv, NotRestoredError, RestoredVectorEnv
from trading_agent.common.spaces import PlainEnv
from trading_agent.common.transitions import Walk

NAMES = ["Acrobot-v1", "Pendulum-v1", "Blackjack-v1", "FrozenLake-v1"]
NAMES += ["Hopper-v5"] if find_spec("mujoco") else []


class Willful(gymnasium.Env):
    """Draws from a generator that nobody else knows of."""

    observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)
    chance = np.random.default_rng(5)
    steps = 99  # after which it takes no more

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = self.steps
        return self.chance.random(1), {}

    def step(self, action):
        self.left -= 1
        if self.left == -1:
            raise RuntimeError("it is over")
        return self.chance.random(1), 0.0, False, False, {}


def made(name, mode):
    if name == "CartPole-v1":
        return ArraysVectorEnv(gymnasium.make_vec(name, 3, "vector_entry_point"))
    return RestoredVectorEnv([lambda: PlainEnv(gymnasium.make(name, max_episode_steps=17))] * 3, mode)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("name", ["CartPole-v1", *NAMES])
def test_what_follows_is_what_would_have_followed(name, mode):
    env = made(name, mode)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(80)]
    walk, other = Walk(env, seed=3), Walk(made(name, mode), seed=4)
    for action in actions[:40]:
        walk.advance(action)
    other.load_state_dict(walk.state_dict())
    for action in actions[40:]:
        ours, theirs = other.advance(action), walk.advance(action)
        for mine, yours in zip(ours[:-1], theirs[:-1], strict=True):
            np.testing.assert_array_equal(mine, yours)
        np.testing.assert_array_equal(other.begins, walk.begins)


@pytest.mark.parametrize(
    ("steps", "message"),
    [(99, "must come back to what it showed"), (1, "take the actions of its episode again")],
)
def test_an_environment_that_does_not_come_back_begins_anew(steps, message, monkeypatch):
    walk = Walk(RestoredVectorEnv([Willful] * 2), seed=1)
    for _ in range(2):
        walk.advance(np.zeros(2, np.int64))
    monkeypatch.setattr(Willful, "steps", steps)  # the next episodes are over before
    other = Walk(RestoredVectorEnv([Willful] * 2), seed=2)
    with pytest.raises(NotRestoredError, match=message):
        other.env.load_state_dict(walk.env.state_dict())
    other.load_state_dict(walk.state_dict())
    assert other.begins.all()
    assert len(other.advance(np.zeros(2, np.int64)).rewards) == 2
