"""A policy of Stable-Baselines3 without the training: its tensors, and the plain values that build it again."""

import importlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from trading_agent.common.weights import arrays_of, load_arrays
from trading_agent.sb3.config import StableBaselinesConfig

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
        standard = np.clip((observations - self.mean) / self.std, -CLIP, CLIP).astype(np.float32)
        actions, _ = self.policy.predict(standard, deterministic=True)
        return np.asarray(actions)

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
        observations = Box(-np.inf, np.inf, (settings["observations"],), np.float32)
        family = algorithm_of(settings["algorithm"])
        policy = family.policy_aliases["MlpPolicy"](observations, actions, lambda _: 0.0, **options)
        weights = {name.removeprefix(PREFIX): array for name, array in tensors.items() if name.startswith(PREFIX)}
        load_arrays(policy, weights)
        policy.set_training_mode(False)
        return cls(settings["algorithm"], policy, (observations, actions), options, mean.copy(), std.copy())


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
