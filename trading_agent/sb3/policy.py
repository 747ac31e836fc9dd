"""A policy of Stable-Baselines3 without the training: its tensors, and the plain values that build it again."""

import importlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from trading_agent.common.weights import arrays_of, load_arrays
from trading_agent.sb3.config import REMEMBERS, StableBaselinesConfig

CLIP = 10.0  # of VecNormalize
PREFIX = "policy."  # of the weights' names on disk


class StableBaselinesPolicy:
    """The deterministic action of a policy of Stable-Baselines3 (kind `sb3`).

    Args:
        algorithm: whose policy it is.
        policy: theirs.
        spaces: the observation space and the action space.
        options: what built it, plain values.
        mean: (O,) subtracted from observations.
        std: (O,) by which they are then divided.
    """

    kind = "sb3"

    def __init__(
        self,
        algorithm: str,
        policy: Any,
        spaces: tuple[Box, Any],
        options: dict[str, Any],
        mean: NDArray[np.float64],
        std: NDArray[np.float64],
    ) -> None:
        self.algorithm, self.policy, self.spaces, self.options = algorithm, policy, spaces, options
        self.mean, self.std = mean, std

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) or (N, A) actions at (N, O) observations."""
        actions, _ = self.policy.predict(self.standard(observations), deterministic=True)
        return np.asarray(actions)

    def standard(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return (N, O) observations as the policy reads them."""
        return np.asarray(np.clip((observations - self.mean) / self.std, -CLIP, CLIP).astype(np.float32))

    def settings(self) -> dict[str, Any]:
        """Return algorithm, sizes and bounds."""
        observations, actions = self.spaces
        bounds = (
            {"n": int(actions.n)}
            if isinstance(actions, Discrete)
            else {"low": actions.low.tolist(), "high": actions.high.tolist()}
        )
        sizes = {"observations": observations.shape[0], "actions": bounds}
        return {"algorithm": self.algorithm, "options": self.options, **sizes}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        weights = {PREFIX + name: array for name, array in arrays_of(self.policy).items()}
        return {**weights, "mean": self.mean.copy(), "std": self.std.copy()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew.

        Raises:
            ValueError: Stable-Baselines3 is not installed.
        """
        bounds, options, mean, std = settings["actions"], dict(settings["options"]), tensors["mean"], tensors["std"]
        actions: Any = (
            Discrete(bounds["n"]) if "n" in bounds else Box(np.float32(bounds["low"]), np.float32(bounds["high"]))
        )
        observations, name = Box(-np.inf, np.inf, (settings["observations"],), np.float32), settings["algorithm"]
        family = StableBaselinesConfig(steps=2, algorithm=name).family
        with torch.random.fork_rng(devices=[]):  # its first weights are drawn for nothing, and move no one's chance
            policy = algorithm_of(name).policy_aliases[family](observations, actions, lambda _: 0.0, **options)
        weights = {name.removeprefix(PREFIX): array for name, array in tensors.items() if name.startswith(PREFIX)}
        load_arrays(policy, weights)
        policy.set_training_mode(False)
        return cls(name, policy, (observations, actions), options, mean.copy(), std.copy())


class RecurrentStableBaselinesPolicy(StableBaselinesPolicy):
    """The deterministic action of a policy of sb3-contrib that remembers (kind `sb3_recurrent`).

    Attributes:
        memory_size: hidden and cell states of all layers of its actor, one after the other.
    """

    kind = "sb3_recurrent"

    @property
    def memory_size(self) -> int:
        """Numbers of a state."""
        layers, _, units = self.policy.lstm_hidden_state_shape
        return int(2 * layers * units)

    def step(
        self, observations: NDArray[np.floating[Any]], memory: NDArray[np.float32]
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return (N,) or (N, A) actions at (N, O) observations, and (N, M) what is remembered after them."""
        layers, _, units = self.policy.lstm_hidden_state_shape
        hidden, cell = memory.reshape(len(memory), 2, layers, units).transpose(1, 2, 0, 3).copy()  # (layers, N, units)
        actions, after = self.policy.predict(self.standard(observations), state=(hidden, cell), deterministic=True)
        return np.asarray(actions), np.stack(after).transpose(2, 0, 1, 3).reshape(memory.shape).astype(np.float32)


def policy_class(algorithm: str) -> type[StableBaselinesPolicy]:
    """Return the class of the policies of an algorithm."""
    return RecurrentStableBaselinesPolicy if algorithm in REMEMBERS else StableBaselinesPolicy


def algorithm_of(name: str) -> Any:
    """Return the class of an algorithm that `StableBaselinesConfig` allows.

    Raises:
        ValueError: its package is not installed.
    """
    config = StableBaselinesConfig(steps=2, algorithm=name)
    try:
        return getattr(importlib.import_module(config.package[0]), name)
    except ImportError:
        raise ValueError(config.missing) from None
