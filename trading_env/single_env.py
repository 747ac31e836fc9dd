"""One account or storage unit on one market, as a `gymnasium.Env`: episodes, options and refusals of every venue.

A venue supplies one account, or a simulator of many that plays one, and its infos. Knows Gymnasium; nothing of money,
prices or energy.
"""

from collections.abc import Callable
from typing import Any, Generic, Protocol

import gymnasium
import numpy as np

from trading_env.vector_env import Float32, S, starting_row

Played = tuple[Float32, float, bool, bool, dict[str, Any]]  # observation, reward, terminated, truncated, info


class SingleSimulator(Protocol):
    """One account on one market; attributes as those of `Simulator`."""

    last_start: int
    action_space: gymnasium.Space[Any]
    observation_space: gymnasium.Space[Float32]

    def restart(self, row: int) -> None:
        """Open a fresh account at a bar."""

    def opening(self) -> tuple[Float32, dict[str, Any]]:
        """(O,) what is seen before the first decision, and what is told beside it."""

    def play(self, action: Any) -> Played:
        """Decide, and live through the next bar."""


class OneOf(Generic[S]):
    """One account as the only one of a simulator of many.

    Args:
        simulator: of N = 1 accounts.
        told: what is told beside an observation, of the ledger's record of the last bar; of None after a restart.
    """

    def __init__(self, simulator: S, told: Callable[[Any], dict[str, Any]]) -> None:
        self.simulator, self.told, self.last_start = simulator, told, simulator.last_start
        self.action_space, self.observation_space = simulator.action_space, simulator.observation_space

    def restart(self, row: int) -> None:
        """Open a fresh account at a bar."""
        self.simulator.restart(slice(None), np.array([row]))

    def opening(self) -> tuple[Float32, dict[str, Any]]:
        """(O,) what is seen before the first decision, and what is told beside it."""
        return self.simulator.observation()[0], self.told(None)

    def play(self, action: Any) -> Played:
        """Decide, and live through the next bar."""
        reward, terminated, truncated, record = self.simulator.advance(np.asarray(action)[None])
        row: Float32 = self.simulator.observation()[0]
        return row, float(reward[0]), bool(terminated[0]), bool(truncated[0]), self.told(record)


class MarketEnv(gymnasium.Env[Float32, Any]):
    """Play one market with one account, from the first bar to the last; a venue adds its pictures."""

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
        self._ended = False
        observation, info = self._single.opening()
        self._draw(info, opening=True)
        return observation, info

    def step(self, action: Any) -> Played:
        """Decide, and live through the next bar.

        Raises:
            ValueError: the action is none, or the episode has ended: reset first.
        """
        if self._ended:
            raise ValueError("the episode has ended; call reset before the next step")
        played = self._single.play(action)
        self._ended = played[2] or played[3]
        if self.render_mode is not None:
            self._draw(played[4])
        return played

    def _draw(self, info: dict[str, Any], *, opening: bool = False) -> None:
        """Add the bar that `info` tells of to the picture of the episode, where the venue draws one."""
