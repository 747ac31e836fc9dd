"""A policy that reacts to every digit of what it observes: a leak into any column moves it."""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space
from numpy.typing import NDArray


class Curious:
    """A policy whose action depends on every digit of what it observes: a leak into any column moves it."""

    kind = "curious"

    def __init__(self, space: Space[Any]) -> None:
        self.space = space

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) numbers of actions, or (N, A) weights, at (N, O) observations."""
        weights = np.random.default_rng(0).uniform(0.5, 1.5, observations.shape[1])
        mixed = 1e4 * (observations.astype(np.float64) @ weights)
        if isinstance(self.space, Discrete):
            return np.asarray(np.floor(mixed).astype(np.int64) % int(self.space.n))
        assert isinstance(self.space, Box)
        low, high = self.space.low, self.space.high
        return np.asarray(low + (high - low) * (mixed - np.floor(mixed))[:, None], dtype=np.float32)

    def settings(self) -> dict[str, Any]:
        """Return nothing: it is never saved."""
        return {}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: it has no weights."""
        return {}
