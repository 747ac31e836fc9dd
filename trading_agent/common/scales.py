"""What observations and rewards are scaled by while more is seen of both: the moments of all that came so far.

They are part of a checkpoint; what a policy keeps of them are the two scales of its network. Knows no algorithm.
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.networks import ScaledNetwork
from trading_agent.common.transitions import Transitions

Array = NDArray[np.float64]
RewardUnit = Literal["reward", "return"]


def unit_of(asked: Literal["auto"] | RewardUnit, rewards: NDArray[Any]) -> RewardUnit:
    """Return what rewards are to be learned in units of.

    Where nearly every step is paid alike, as in a game that costs 1 a step, the sums of rewards lie far from 0 and a
    reward tells nothing of how they differ: the unit is that of returns.

    Args:
        asked: `auto` chooses so.
        rewards: (m,) of random play.
    """
    if asked != "auto":
        return asked
    return "return" if abs(rewards.mean()) > rewards.std() else "reward"


def discounted(played: Sequence[Transitions], running: Array, discount: float) -> Array:
    """Return the (m,) sums of rewards so far in each episode, older ones discounted: Engstrom et al. 2020, sec. 3.

    Args:
        played: steps of N environments.
        running: (N,) their sums before these steps; those after them when it returns.
        discount: weight of a reward one step older.
    """
    sums = []
    for moved in played:
        running[moved.envs] = moved.rewards + discount * running[moved.envs]
        sums.append(running[moved.envs])  # a copy
        running[moved.envs[moved.terminated | moved.truncated]] = 0.0
    return np.concatenate(sums)


class Moments:
    """Mean and standard deviation of all rows so far (Chan, Golub & LeVeque 1983, eq. 2.1).

    Args:
        columns: C.

    Attributes:
        count: rows.
        mean: (C,).
        squares: (C,) sums of squared deviations from it.
    """

    def __init__(self, columns: int) -> None:
        self.count, self.mean, self.squares = 0, np.zeros(columns), np.zeros(columns)

    def add(self, rows: NDArray[Any]) -> None:
        """Take in (m, C) rows."""
        count, mean = len(rows), rows.mean(axis=0, dtype=np.float64)
        away, total = mean - self.mean, self.count + count
        self.squares += np.square(rows - mean).sum(axis=0) + np.square(away) * (self.count * count / total)
        self.mean, self.count = self.mean + away * (count / total), total

    @property
    def deviation(self) -> Array:
        """The (C,) standard deviations; of no rows 0."""
        return np.sqrt(self.squares / max(self.count, 1))

    def state_dict(self) -> dict[str, Any]:
        """Return all of it."""
        return {"count": self.count, "mean": self.mean, "squares": self.squares}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.count, self.mean, self.squares = state["count"], state["mean"], state["squares"]


class RunningScales:
    """The scales of a network, by all transitions so far.

    Args:
        num_observations: O.
        num_envs: N.
        discount: of the sums of rewards.

    Attributes:
        unit: what rewards are counted in: their root mean square, or the deviation of their discounted sums.
    """

    def __init__(self, num_observations: int, num_envs: int, *, discount: float) -> None:
        self.discount, self.unit = discount, "reward"
        self.observations, self.rewards = Moments(num_observations), Moments(1)
        self.running = np.zeros(num_envs)

    def add(self, played: Sequence[Transitions]) -> None:
        """Take in steps, in the order they were walked."""
        self.observations.add(np.concatenate([moved.observations for moved in played]))
        sums = discounted(played, self.running, self.discount)
        paid = sums if self.unit == "return" else np.concatenate([moved.rewards for moved in played])
        self.rewards.add(paid[:, None])

    def write(self, network: ScaledNetwork, *, standardise: bool) -> None:
        """Set the scales of a network, those of observations only if it is to standardise them."""
        if standardise:
            network.set_columns(self.observations.mean, self.observations.deviation)
        (mean,), (deviation,) = self.rewards.mean, self.rewards.deviation
        network.set_unit(float(deviation if self.unit == "return" else np.hypot(mean, deviation)))

    def state_dict(self) -> dict[str, Any]:
        """Return all moments, the sums under way, and the unit."""
        moments = {"observations": self.observations.state_dict(), "rewards": self.rewards.state_dict()}
        return {**moments, "running": self.running, "unit": self.unit}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.observations.load_state_dict(state["observations"])
        self.rewards.load_state_dict(state["rewards"])
        self.running, self.unit = state["running"], state["unit"]
