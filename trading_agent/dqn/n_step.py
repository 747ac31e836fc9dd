"""Several steps as one transition: what n rewards add up to, and where they led (Sutton & Barto 2018, section 7.1).

N environments, O observation columns, H transitions that wait for their last steps.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.transitions import Transitions


class Stretches(NamedTuple):
    """m stretches of at most n steps.

    Attributes:
        observations: (m, O) before the first step.
        actions: (m, n) of every step; 0 after the last.
        rewards: (m,) sum of discount^k r[k].
        next_observations: (m, O) after the last step.
        terminated: (m,) the last step ended the episode by its rules.
        steps: (m,) how many there were: n, or fewer at the end of an episode.
        t: (m,) row before the first step; 0 where the env is no `IndexedEnv`.
        account: (m, K) account before the first step, K = 0 where the env is no `IndexedEnv`.
    """

    observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[np.float64]
    next_observations: NDArray[Any]
    terminated: NDArray[np.bool_]
    steps: NDArray[np.int64]
    t: NDArray[Any]
    account: NDArray[Any]


class NStep:
    """The transitions that still wait, and the stretches that are whole.

    Args:
        length: n, steps of a stretch.
        discount: weight of a reward one step later.
    """

    def __init__(self, length: int, discount: float) -> None:
        self.length, self.discount = length, discount
        self.waiting: dict[str, NDArray[Any]] = {}

    def add(self, moved: Transitions) -> Stretches:
        """Let one step of the environments pass, and return the stretches that end with it."""
        count = len(moved.envs)
        t, account = moved.origin or (np.zeros(count, np.int32), np.zeros((count, 0), np.float32))
        begun: dict[str, NDArray[Any]] = {
            "envs": moved.envs,
            "steps": np.zeros(count, np.int64),
            "observations": moved.observations,
            "actions": np.zeros((count, self.length), np.int64),
            "rewards": np.zeros(count),
            "t": t,
            "account": account,
        }
        held = {name: np.concatenate([self.waiting.get(name, new[:0]), new]) for name, new in begun.items()}
        place = np.full(held["envs"].max(initial=-1) + 1, -1)  # of each environment among those that moved
        place[moved.envs] = np.arange(count)
        at = place[held["envs"]]
        moving = np.flatnonzero(at >= 0)
        now, age = at[moving], held["steps"][moving]
        held["actions"][moving, age] = moved.actions[now]
        held["rewards"][moving] += self.discount**age * moved.rewards[now]
        held["steps"][moving] = age + 1
        whole = np.zeros(len(at), dtype=bool)
        whole[moving] = (age + 1 == self.length) | (moved.terminated | moved.truncated)[now]
        self.waiting = {name: column[~whole] for name, column in held.items()}
        done = {name: column[whole] for name, column in held.items() if name != "envs"}
        last = at[whole]
        return Stretches(**done, next_observations=moved.next_observations[last], terminated=moved.terminated[last])

    def state_dict(self) -> dict[str, Any]:
        """Return what waits."""
        return dict(self.waiting)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.waiting = dict(state)
