"""Pixels: what reads them, how they are scaled and kept, and that a pixel's place is learned from."""

import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from trading_agent import DQNConfig, PPOConfig, evaluate, load_policy, save_policy, train_dqn, train_ppo
from trading_agent.common.networks import reading_layers
from trading_agent.common.spaces import PictureBox
from trading_agent.dqn.network import QNetwork
from trading_agent.dqn.replay import memory_for

SHAPE = (1, 8, 8)


class Lights(VectorEnv):
    """One pixel is lit; action 1 is right in the lower half, action 0 in the upper one."""

    def __init__(self, num_envs=16, length=4, dtype=np.bool_):
        self.num_envs, self.length, self.dtype = num_envs, length, dtype
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space, self.single_action_space = PictureBox(SHAPE, dtype), Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.age = 0
        return self._shown(), {}

    def step(self, actions):
        rewards = (actions == (self.lit >= 32)).astype(np.float64)
        self.age += 1
        ended = np.full(self.num_envs, self.age == self.length)
        self.age %= self.length
        seen, nobody = self._shown(), np.zeros(self.num_envs, bool)
        infos = {"final_obs": np.array([*seen, None], dtype=object)[:-1]} if ended.any() else {}
        return seen, rewards, nobody, ended, infos

    def _shown(self):
        self.lit = self.np_random.integers(0, 64, self.num_envs)
        pixels = np.zeros((self.num_envs, 64), self.dtype)
        pixels[np.arange(self.num_envs), self.lit] = 255 if self.dtype == np.uint8 else 1
        return pixels


LEARNERS = [
    (train_ppo, PPOConfig, {"num_envs": 16, "rollout_steps": 16, "batch_size": 64, "steps": 4_000}),
    (train_dqn, DQNConfig, {"num_envs": 16, "learning_starts": 500, "learning_rate": 2e-3, "steps": 4_000}),
]


@pytest.mark.parametrize(("train", "config", "settings"), LEARNERS, ids=["ppo", "dqn"])
@pytest.mark.parametrize("dtype", [np.bool_, np.uint8], ids=["bool", "bytes"])
def test_where_a_pixel_is_lit_is_learned_saved_and_loaded(train, config, settings, dtype, tmp_path):
    config = config(**settings, hidden_sizes=(32,), discount=0.0, validate_every=2_000)
    score = lambda policy: evaluate(policy, Lights(dtype=dtype), 64)  # noqa: E731
    trained = train(Lights(dtype=dtype), config, seed=5, validate=score)
    assert trained.best_score > 3.4, trained.best_score  # 2 is what chance earns, 4 the most there is
    save_policy(trained.policy, tmp_path)
    assert score(load_policy(tmp_path)) == trained.best_score


@pytest.mark.parametrize(("shape", "width"), [((4, 10, 10), 16 * 8 * 8), ((4, 84, 84), 64 * 7 * 7)])
def test_the_size_of_a_picture_chooses_its_convolutions(shape, width):
    """MinAtar's of Young & Tian 2019, and the 3,136 numbers of Mnih et al. 2015."""
    layers, handed = reading_layers(int(np.prod(shape)), {"shape": shape, "peak": 1.0}, lambda layer: layer)
    assert handed == width
    assert torch.nn.Sequential(*layers)(torch.zeros(2, int(np.prod(shape)))).shape == (2, width)


def test_pixels_are_scaled_by_their_peak_and_kept_as_bytes():
    picture = {"shape": list(SHAPE), "peak": 255.0}
    network = QNetwork(64, 2, (4,), torch.Generator().manual_seed(0), picture=picture)
    rows = torch.randint(0, 256, (9, 64), dtype=torch.uint8)
    network.fit_scales(rows, torch.ones(9))
    torch.testing.assert_close(network.standard(rows), rows / 255.0)
    memory = memory_for(Lights(dtype=np.uint8), 100, 64, 2)
    assert memory.ring.columns["observations"].dtype == np.uint8
