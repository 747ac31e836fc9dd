"""Stable-Baselines3 on any Gymnasium vector environment: `PPO("MlpPolicy", as_vec_env(env))`.

Their own `DummyVecEnv` steps single environments one after the other; an environment that is batched already needs this
adapter only. It knows Stable-Baselines3 (extra `sb3`) and Gymnasium, and nothing of what the environment is about.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv


class GymnasiumVecEnv(VecEnv):
    """A `gymnasium.vector.VectorEnv` that restarts in the same step, told as a Stable-Baselines3 `VecEnv`.

    Args:
        env: N environments with `AutoresetMode.SAME_STEP`.

    Raises:
        ValueError: `env` restarts otherwise: a step that is no transition would be learned from.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        mode = env.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(f"env.metadata['autoreset_mode'] must be SAME_STEP, was {mode}; make it with that mode")
        self.env = env
        self._actions: Any = None
        self._seed: int | None = None
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed all N environments together at the next reset."""
        self._seed = seed
        return [seed] * self.num_envs

    def reset(self) -> Any:
        """Return (N, O) first observations."""
        observations, _ = self.env.reset(seed=self._seed)
        self._seed = None
        return observations

    def step_async(self, actions: Any) -> None:
        """Keep (N,) or (N, A) actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, Any, Any, list[dict[str, Any]]]:
        """Return observations, float32 rewards, ends, and N infos: what was seen last, and whether it was a cut."""
        observations, rewards, terminated, truncated, info = self.env.step(self._actions)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for place in np.flatnonzero(ended):
            cut = bool(truncated[place] and not terminated[place])
            infos[place] = {"terminal_observation": info["final_obs"][place], "TimeLimit.truncated": cut}
        return observations, rewards.astype(np.float32), ended, infos

    def close(self) -> None:
        """Close the environments."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the vector environment, once for each of the environments asked for."""
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the vector environment once, and return its answer for each of those asked for."""
        answer = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [answer] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Return whether the vector environment is such a wrapper."""
        return [isinstance(self.env, wrapper_class)] * len(list(self._get_indices(indices)))


as_vec_env = GymnasiumVecEnv
