"""Small worlds with known answers for the agents' tests: Gymnasium vector environments that know no markets."""

import json
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space


class Corridor(VectorEnv):
    """Walk N corridors of `length` cells from cell 0; action 1 steps forward, action 0 stays.

    The last cell terminates with reward 1; `patience` steps truncate. The observation is the cell, and a jitter drawn
    per episode. Rows and accounts for index replay: t is the steps taken, the account is (cell, jitter).
    """

    def __init__(
        self, num_envs: int = 4, length: int = 3, patience: int = 6, mode: AutoresetMode = AutoresetMode.NEXT_STEP
    ) -> None:
        self.num_envs, self.length, self.patience = num_envs, length, patience
        self.metadata = {"autoreset_mode": mode}
        self.single_observation_space = Box(-10.0, 100.0, (2,), np.float32)
        self.single_action_space = Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.cell, self.age = np.zeros(num_envs, np.int64), np.zeros(num_envs, np.int64)
        self.jitter, self.ended = np.zeros(num_envs, np.float32), np.zeros(num_envs, bool)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        super().reset(seed=seed)
        self._begin(np.ones(self.num_envs, bool))
        self.ended[:] = False
        return self._seen(), {}

    def step(self, actions):
        waiting = self.ended.copy()
        self.cell += np.where(waiting, 0, actions)
        self.age += ~waiting
        terminated = (self.cell >= self.length) & ~waiting
        truncated = (self.age >= self.patience) & ~terminated & ~waiting
        reward, infos = terminated.astype(np.float64), {}
        if self.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP:
            ended = terminated | truncated
            if ended.any():
                final = np.full(self.num_envs, None, dtype=object)
                for i in np.flatnonzero(ended):
                    final[i] = self._seen()[i]
                infos = {"final_obs": final, "_final_obs": ended}
                self._begin(ended)
        else:
            self._begin(waiting)
            self.ended = terminated | truncated
        return self._seen(), reward, terminated, truncated, infos

    def state_dict(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name).copy() for name in ("cell", "age", "jitter", "ended")}
        return {**arrays, "rng": json.dumps(self.np_random.bit_generator.state)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name in ("cell", "age", "jitter", "ended"):
            setattr(self, name, state[name].copy())
        self.np_random.bit_generator.state = json.loads(state["rng"])

    def _begin(self, which) -> None:
        self.cell[which] = self.age[which] = 0
        self.jitter[which] = self.np_random.uniform(-0.1, 0.1, size=int(which.sum()))

    def _seen(self):
        return np.stack([self.cell.astype(np.float32), self.jitter], axis=1)


class IndexedCorridor(Corridor):
    """The same corridor, whose transitions can be made again from (t, account)."""

    num_account_features = 2

    def cursor(self):
        return self.age.astype(np.int32), self._seen()

    def observe(self, t, account):
        return account.copy()

    def transition(self, t, account, action):
        following = account.copy()
        following[:, 0] += action
        terminated = following[:, 0] >= self.length
        truncated = (t + 1 >= self.patience) & ~terminated
        return terminated.astype(np.float64), following, terminated, truncated
