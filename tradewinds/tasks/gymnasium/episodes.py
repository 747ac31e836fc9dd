"""Environments of Gymnasium by name, and whole episodes of them. Knows no series and no forecast."""

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers.vector import FlattenObservation
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError

if TYPE_CHECKING:
    from trading_agent import Policy

CAUSED = (gymnasium.error.Error, ImportError)  # an id nobody registered, or whose packages are missing


def make(name: str, num_envs: int, autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> VectorEnv[Any, Any, Any]:
    """Return N environments of that name, observations flat, in one array where Gymnasium has them so.

    Raises:
        RequestError: Gymnasium does not know it, or it needs what is not installed.
    """
    try:
        spec = gymnasium.spec(name)
        batched = spec.vector_entry_point is not None and autoreset_mode == AutoresetMode.NEXT_STEP
        env: VectorEnv[Any, Any, Any] = gymnasium.make_vec(
            name,
            num_envs=num_envs,
            vectorization_mode="vector_entry_point" if batched else "sync",
            vector_kwargs={} if batched else {"autoreset_mode": autoreset_mode},
        )
    except CAUSED as error:
        reason = " ".join(str(error).split())
        raise RequestError(f"env.id must name an environment that Gymnasium can make, was '{name}': {reason}") from None
    space = env.single_observation_space
    return env if isinstance(space, Box) and len(space.shape) == 1 else FlattenObservation(env)


def returns_of(policy: "Policy", name: str, episodes: int, *, seed: int) -> NDArray[np.float64]:
    """Return the (episodes,) returns of whole episodes, each in its own environment; one seed, the same starts."""
    from trading_agent import episode_returns

    return episode_returns(policy, make(name, episodes), episodes, seed=seed)
