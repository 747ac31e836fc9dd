"""A world of pixels: where one of them is lit is all that there is to see."""

import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from trading_agent.common.spaces import PictureBox

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
