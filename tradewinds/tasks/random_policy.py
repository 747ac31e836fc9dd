"""A policy that draws its actions: what an agent has to beat, and what moves an account for no reason at all."""

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space
from numpy.typing import NDArray


class RandomPolicy:
    """Any action, each as likely: what a policy has to beat at least (kind `random`).

    Of a box without ends as Gymnasium's own `sample` draws: normal, or exponential from the one end there is.
    """

    kind = "random"

    def __init__(self, space: Space[Any], seed: int) -> None:
        self.space, self.rng = space, np.random.default_rng(seed)

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) or (N, A) drawn actions."""
        if isinstance(self.space, Discrete):
            return np.asarray(self.rng.integers(0, int(self.space.n), len(observations)))
        assert isinstance(self.space, Box)
        shape, low, high = (len(observations), *self.space.shape), self.space.low, self.space.high
        if self.space.is_bounded():
            return self.rng.uniform(low, high, shape).astype(np.float32)
        far, drawn = self.rng.exponential(size=shape), self.rng.standard_normal(shape)
        below, above = np.isfinite(low), np.isfinite(high)
        within = self.rng.uniform(np.where(below & above, low, 0.0), np.where(below & above, high, 1.0), shape)
        return np.select([below & above, below, above], [within, low + far, high - far], drawn).astype(np.float32)

    def settings(self) -> dict[str, Any]:
        """Return nothing: it is never saved."""
        return {}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: it has no weights."""
        return {}
