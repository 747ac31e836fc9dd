"""A world that needs a memory: what was shown at the first step is asked for at the last."""

import json
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space


class Echo(VectorEnv):
    """N episodes of `length` steps: action 0 or 1 at the last step earns 1 if it is what was shown at the first.

    The observation is -1 or 1 at the first step and 0 later, and whether this is the last step. Of a `Box`
    of actions the sign is read.
    """

    def __init__(self, num_envs: int = 4, length: int = 3, mode: AutoresetMode = AutoresetMode.NEXT_STEP, box=False):
        self.num_envs, self.length, self.metadata, self.box = num_envs, length, {"autoreset_mode": mode}, box
        self.single_observation_space = Box(-1.0, 1.0, (2,), np.float32)
        self.single_action_space = Box(-1.0, 1.0, (1,), np.float32) if box else Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self.age, self.cue = np.zeros(self.num_envs, np.int64), np.zeros(self.num_envs, np.int64)
        self.ended = np.zeros(self.num_envs, bool)
        self._begin(np.ones(self.num_envs, bool))
        return self._seen(), {}

    def step(self, actions):
        waiting, chosen = self.ended.copy(), (actions[:, 0] > 0.0) if self.box else actions
        last = (self.age == self.length - 1) & ~waiting
        reward, infos = (last & (chosen == (self.cue > 0))).astype(np.float64), {}
        self.age += ~waiting
        if self.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP:
            if last.any():
                final = np.full(self.num_envs, None, dtype=object)
                for n in np.flatnonzero(last):
                    final[n] = self._seen()[n]
                infos = {"final_obs": final, "_final_obs": last}
                self._begin(last)
        else:
            self._begin(waiting)
            self.ended = last
        return self._seen(), reward, last, np.zeros_like(last), infos

    def state_dict(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).copy() for name in ("age", "cue", "ended")}
        return {**arrays, "rng": json.dumps(self.np_random.bit_generator.state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("age", "cue", "ended"):
            setattr(self, name, state[name].copy())
        self.np_random.bit_generator.state = json.loads(state["rng"])

    def _begin(self, which) -> None:
        self.age[which] = 0
        self.cue[which] = 2 * self.np_random.integers(0, 2, size=int(which.sum())) - 1

    def _seen(self):
        return np.stack([self.cue * (self.age == 0), self.age == self.length - 1], axis=1).astype(np.float32)
