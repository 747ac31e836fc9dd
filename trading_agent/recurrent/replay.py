"""A memory of what was lived through, step by step, from which sequences are drawn with the state stored before them.

N environments, T remembered steps of all of them, K steps of a sequence, S sequences of a batch, O columns, M numbers
of a state. Source: Kapturowski et al., Recurrent experience replay in distributed reinforcement learning, 2019.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_agent.common.transitions import Transitions

Floats = NDArray[np.float32]
Shown = NDArray[Any]  # float32, or bytes of pixels
Bools = NDArray[np.bool_]


class Sequences(NamedTuple):
    """S sequences of K steps, laid out in time.

    Attributes:
        observations: (K, S, O) before each step.
        next_observations: (K, S, O) after it; at the end of an episode its true last observation.
        actions: (K, S).
        rewards: (K, S).
        terminated: (K, S) the episode ended by its rules.
        real: (K, S) whether the step is a transition.
        begins: (K, S) whether an episode begins there.
        state: (S, M) remembered before the first step by the weights that acted.
    """

    observations: Shown
    next_observations: Shown
    actions: NDArray[np.int64]
    rewards: Floats
    terminated: Bools
    real: Bools
    begins: Bools
    state: Floats

    def after(self, steps: int) -> "Sequences":
        """Return what comes after the first steps; `state` stays that before them."""
        return Sequences(
            self.observations[steps:],
            self.next_observations[steps:],
            self.actions[steps:],
            self.rewards[steps:],
            self.terminated[steps:],
            self.real[steps:],
            self.begins[steps:],
            self.state,
        )


COLUMNS = Sequences._fields[:-1]


class SequenceReplay:
    """The last T steps of N environments; states are stored every `every` steps, where sequences may begin.

    Args:
        steps: T at least; a multiple of `every` is taken.
        num_envs: N.
        num_observations: O.
        memory_size: M.
        every: steps between two stored states.
        length: K.
        pixels: whether observations are bytes, and kept as such.
    """

    def __init__(
        self,
        steps: int,
        num_envs: int,
        num_observations: int,
        memory_size: int,
        *,
        every: int,
        length: int,
        pixels: bool = False,
    ) -> None:
        self.every, self.length, self.num_envs = every, length, num_envs
        blocks = -(-max(steps, length) // every) + 1
        self.steps, self.written = blocks * every, 0
        shape, kind = (self.steps, num_envs), np.uint8 if pixels else np.float32
        self.columns: dict[str, NDArray[Any]] = {
            "observations": np.zeros((*shape, num_observations), kind),
            "next_observations": np.zeros((*shape, num_observations), kind),
            "actions": np.zeros(shape, np.int64),
            "rewards": np.zeros(shape, np.float32),
            "terminated": np.zeros(shape, bool),
            "real": np.zeros(shape, bool),
            "begins": np.zeros(shape, bool),
        }
        self.states = np.zeros((blocks, num_envs, memory_size), np.float32)

    def add(self, observations: Shown, begins: Bools, state: Floats, moved: Transitions) -> None:
        """Remember one step of all environments.

        Args:
            observations: (N, O) before it.
            begins: (N,) whether an episode begins there.
            state: (N, M) remembered before it.
            moved: what happened.
        """
        place, columns = self.written % self.steps, self.columns
        if self.written % self.every == 0:
            self.states[place // self.every] = state
        for column in columns.values():
            column[place] = 0
        columns["observations"][place], columns["begins"][place] = observations, begins
        told = (moved.next_observations, moved.actions, moved.rewards, moved.terminated, True)
        for name, values in zip(COLUMNS[1:6], told, strict=True):
            columns[name][place, moved.envs] = values
        self.written += 1

    def sample(self, rng: np.random.Generator, count: int) -> Sequences:
        """Draw sequences, each as likely, with replacement; there must be one."""
        oldest = -(-max(0, self.written - self.steps) // self.every)
        newest = (self.written - self.length) // self.every
        first = rng.integers(oldest, newest + 1, count) * self.every
        envs = rng.integers(0, self.num_envs, count)
        rows = (first + np.arange(self.length)[:, None]) % self.steps
        drawn = {name: column[rows, envs] for name, column in self.columns.items()}
        return Sequences(**drawn, state=self.states[first % self.steps // self.every, envs])

    def seen(self) -> tuple[Shown, Floats]:
        """Return the (m, O) observations and (m,) rewards of all transitions that are remembered."""
        real = self.columns["real"]
        return self.columns["observations"][real], self.columns["rewards"][real]

    def state_dict(self) -> dict[str, Any]:
        """Return all that is remembered."""
        return {**self.columns, "states": self.states, "written": self.written}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        self.columns = {name: state[name] for name in self.columns}
        self.states, self.written = state["states"], state["written"]
