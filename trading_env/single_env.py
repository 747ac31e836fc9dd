"""One account or storage unit on one market, as a `gymnasium.Env`: episodes, options and refusals of every venue.

A venue supplies one account, or a simulator of many that plays one, and its infos. Knows Gymnasium; nothing of money,
prices or energy.
"""

from typing import Any, Generic, Protocol

import gymnasium
import numpy as np

from trading_env.vector_env import Float32, S, Step, starting_row


class SingleSimulator(Protocol):
    """One account on one market; attributes as those of `Simulator`."""

    last_start: int
    action_space: gymnasium.Space[Any]
    observation_space: gymnasium.Space[Float32]

    def restart(self, row: int) -> None:
        """Open a fresh account at a bar."""

    def advance(self, action: Any) -> Step:
        """Live through one bar."""

    def observation(self) -> Float32:
        """(O,) what is seen before the next decision."""


class OneOf(Generic[S]):
    """One account as the only one of a simulator of many."""

    def __init__(self, simulator: S) -> None:
        self.simulator, self.last_start = simulator, simulator.last_start
        self.action_space, self.observation_space = simulator.action_space, simulator.observation_space

    def restart(self, row: int) -> None:
        """Open a fresh account at a bar."""
        self.simulator.restart(slice(None), np.array([row]))

    def advance(self, action: Any) -> Step:
        """Live through one bar; its record is of N = 1 accounts."""
        reward, terminated, truncated, record = self.simulator.advance(np.asarray(action)[None])
        return Step(float(reward[0]), bool(terminated[0]), bool(truncated[0]), record)

    def observation(self) -> Float32:
        """(O,) what is seen before the next decision."""
        row: Float32 = self.simulator.observation()[0]
        return row


class MarketEnv(gymnasium.Env[Float32, Any]):
    """Play one market with one account, from the first bar to the last; a venue adds its infos, and pictures."""

    def __init__(self, single: SingleSimulator) -> None:
        self._single = single
        self.action_space, self.observation_space = single.action_space, single.observation_space
        self._ended = True  # until the first reset

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Float32, dict[str, Any]]:
        """Open a fresh account; `options={"start": k}` opens it at bar k.

        Raises:
            ValueError: `start` is no bar that an episode can begin at.
        """
        super().reset(seed=seed)
        self._single.restart(starting_row(options, self._single.last_start) or 0)
        self._ended, info = False, self._info(None)
        self._draw(info, opening=True)
        return self._single.observation(), info

    def step(self, action: Any) -> tuple[Float32, float, bool, bool, dict[str, Any]]:
        """Decide, and live through the next bar.

        Raises:
            ValueError: the action is none, or the episode has ended: reset first.
        """
        if self._ended:
            raise ValueError("the episode has ended; call reset before the next step")
        reward, terminated, truncated, record = self._single.advance(action)
        self._ended, info = terminated or truncated, self._info(record)
        if self.render_mode is not None:
            self._draw(info)
        return self._single.observation(), reward, terminated, truncated, info

    def _info(self, record: Any) -> dict[str, Any]:
        """What is told beside an observation; `record` is the ledger's of the last bar, None after a reset."""
        raise NotImplementedError

    def _draw(self, info: dict[str, Any], *, opening: bool = False) -> None:
        """Add the bar that `info` tells of to the picture of the episode, where the venue draws one."""
