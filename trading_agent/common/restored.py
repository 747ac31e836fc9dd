"""Environments of Gymnasium that can be put down in the middle of an episode, though they have no such call.

An episode is what its start and the actions since then make of it: both are kept, and played again. Where it starts
hangs on a seed, or on the environment's own generator as it stood then. Knows Gymnasium, and nothing that is played.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorWrapper

AnyEnv = gymnasium.Env[Any, Any]


class NotRestoredError(ValueError):
    """An environment did not come back to where it was."""


class Recorded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment that knows how its episode came about.

    Attributes:
        start: the `seed` that the episode began with; or where the environment's `generator` stood before it began.
        actions: taken since.
    """

    def __init__(self, env: AnyEnv) -> None:
        super().__init__(env)
        self.start: dict[str, Any] = {}
        self.actions: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        self.start, self.actions = {"seed": seed} if seed is not None else {}, []
        generator = self.unwrapped.np_random
        if seed is None and isinstance(generator, np.random.Generator):
            self.start = {"generator": generator.bit_generator.state}
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Go on."""
        self.actions.append(np.array(action))
        return super().step(action)

    def play_again(self, start: dict[str, Any], actions: Sequence[Any]) -> Any:
        """Come to where an episode that began so is after these actions, and return what is seen there."""
        if "generator" in start:
            self.reset(seed=0)  # some make what they need only then
            self.unwrapped.np_random.bit_generator.state = start["generator"]
        seen, _ = self.reset(seed=start.get("seed"))
        for action in actions:
            seen = self.step(action)[0]
        return seen


class RestoredVectorEnv(SyncVectorEnv):
    """N environments, one after the other, that can be put down and taken up again.

    An environment that draws from a generator of its own making, or keeps something beyond an episode, does not come
    back to what it showed, and is not taken up.

    Args:
        makers: of the environments.
        autoreset_mode: how they restart.
    """

    def __init__(
        self, makers: Sequence[Callable[[], AnyEnv]], autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP
    ) -> None:
        recorded = [Recorded(make()) for make in makers]
        super().__init__([partial(_same, env) for env in recorded], autoreset_mode=autoreset_mode)
        self.recorded = recorded

    def state_dict(self) -> dict[str, Any]:
        """Return starts, actions, and what is seen."""
        envs = {
            str(place): {"start": env.start, "actions": np.stack(env.actions)} if env.actions else {"start": env.start}
            for place, env in enumerate(self.recorded)
        }
        return {"envs": envs, "restarting": self._autoreset_envs, "observations": self._observations.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned.

        Raises:
            NotRestoredError: something else is seen than was, or an environment fails on the way there.
        """
        seen = []
        for place, env in enumerate(self.recorded):
            told = state["envs"][str(place)]
            try:
                seen.append(env.play_again(told["start"], told.get("actions", ())))
            except Exception as error:  # another episode may be over before its actions are
                raise NotRestoredError(f"env must take the actions of its episode again: {error}") from error
        self._env_obs, self._autoreset_envs = seen, state["restarting"]
        self._observations[:] = np.stack(seen)
        if self._observations.tobytes() != state["observations"].tobytes():
            raise NotRestoredError("env must come back to what it showed when its episodes are played again")


def _same(env: Recorded) -> Recorded:
    return env


class ArraysVectorEnv(VectorWrapper):
    """A vector environment of which all that moves are arrays and its generator, as Gymnasium's own ones are."""

    def state_dict(self) -> dict[str, Any]:
        """Return both."""
        arrays = {name: part for name, part in vars(self.env).items() if isinstance(part, np.ndarray)}
        return {"arrays": arrays, "generator": self.env.np_random.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for name, part in state["arrays"].items():
            setattr(self.env, name, part)
        self.env.np_random.bit_generator.state = state["generator"]
