"""What was lived through, to be learned from again: two memories with one face.

`IndexReplay` keeps (row, account, action) of an `IndexedEnv` and has reward and next state made anew when asked: 21
bytes a transition with four account features, where `ReplayMemory` with 67 observation columns keeps 549.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from trading_agent.rollout import AnyVectorEnv, IndexedEnv, Transitions

__all__ = ["Batch", "IndexReplay", "IndexedEnv", "Memory", "ReplayMemory", "Ring", "memory_for"]


class Batch(NamedTuple):
    """B transitions to learn from.

    Attributes:
        observations: (B, O) float32.
        actions: (B,) int64.
        rewards: (B,) float32.
        next_observations: (B, O) float32.
        terminated: (B,) bool; a truncated transition is not terminated, and its next state keeps its value.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor


class Memory(Protocol):
    """What the agents ask of a memory."""

    def add(self, transitions: Transitions) -> None:
        """Remember n transitions; the oldest are forgotten."""
        ...

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Draw `batch_size` transitions uniformly, with replacement."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the content."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the content that `state_dict` returned."""
        ...


class Ring:
    """The newest `capacity` rows of some columns, in arrays of fixed size.

    Args:
        capacity: rows.
        columns: per column the dtype and the shape of one row.
    """

    def __init__(self, capacity: int, columns: dict[str, tuple[DTypeLike, tuple[int, ...]]]) -> None:
        self.capacity = capacity
        self.columns = {name: np.zeros((capacity, *shape), dtype) for name, (dtype, shape) in columns.items()}
        self.written = 0  # rows ever written; the next one goes to written % capacity

    def __len__(self) -> int:
        return min(self.written, self.capacity)

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return sum(column.nbytes for column in self.columns.values())

    def add(self, rows: dict[str, NDArray[Any]], count: int) -> None:
        """Write `count` <= capacity rows over the oldest."""
        places = (self.written + np.arange(count)) % self.capacity
        for name, column in self.columns.items():
            column[places] = rows[name]
        self.written += count

    def sample(self, rng: np.random.Generator, count: int) -> dict[str, NDArray[Any]]:
        """Return `count` rows drawn uniformly with replacement.

        Raises:
            ValueError: nothing was written yet.
        """
        if self.written == 0:
            raise ValueError("the memory must hold a transition before it is sampled, was empty")
        places = rng.integers(0, len(self), size=count)
        return {name: column[places] for name, column in self.columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the rows written so far and their number."""
        return {"written": self.written, **{name: column[: len(self)] for name, column in self.columns.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the rows that `state_dict` returned."""
        self.written = int(state["written"])
        for name, column in self.columns.items():
            column[: len(self)] = state[name]


class ReplayMemory:
    """Keep transitions whole, for any environment with O observation columns."""

    def __init__(self, capacity: int, num_observations: int) -> None:
        seen = (np.float32, (num_observations,))
        self.ring = Ring(
            capacity,
            {
                "observations": seen,
                "actions": (np.int64, ()),
                "rewards": (np.float32, ()),
                "next_observations": seen,
                "terminated": (np.bool_, ()),
            },
        )
        self.state_dict, self.load_state_dict = self.ring.state_dict, self.ring.load_state_dict

    def add(self, transitions: Transitions) -> None:
        """Remember n transitions; the oldest are forgotten."""
        self.ring.add({name: getattr(transitions, name) for name in Batch._fields}, len(transitions.envs))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Draw `batch_size` transitions uniformly, with replacement."""
        rows = self.ring.sample(rng, batch_size)
        return Batch(**{name: torch.from_numpy(rows[name]) for name in Batch._fields})


class IndexReplay:
    """Keep where a transition began and what was done; the environment itself tells again what came of it."""

    def __init__(self, capacity: int, env: IndexedEnv, num_actions: int) -> None:
        self.env = env
        self.ring = Ring(
            capacity,
            {
                "t": (np.int32, ()),
                "account": (np.float32, (env.num_account_features,)),
                "actions": (np.uint8 if num_actions <= 256 else np.int32, ()),
            },
        )
        self.state_dict, self.load_state_dict = self.ring.state_dict, self.ring.load_state_dict

    def add(self, transitions: Transitions) -> None:
        """Remember where n transitions began; the oldest are forgotten."""
        if transitions.origin is None:
            raise ValueError("transitions must carry the origin in an IndexedEnv, was None; use ReplayMemory")
        t, account = transitions.origin
        self.ring.add({"t": t, "account": account, "actions": transitions.actions}, len(transitions.envs))

    def sample(self, rng: np.random.Generator, batch_size: int) -> Batch:
        """Draw `batch_size` transitions uniformly, with replacement, and let the environment make them again."""
        rows = self.ring.sample(rng, batch_size)
        t, account, actions = rows["t"], rows["account"], rows["actions"].astype(np.int64)
        rewards, next_account, terminated, _ = self.env.transition(t, account, actions)
        return Batch(
            torch.from_numpy(self.env.observe(t, account)),
            torch.from_numpy(actions),
            torch.from_numpy(rewards.astype(np.float32)),
            torch.from_numpy(self.env.observe(t + 1, next_account)),
            torch.from_numpy(terminated),
        )


def memory_for(env: AnyVectorEnv, capacity: int, num_observations: int, num_actions: int) -> Memory:
    """Return the smallest memory that serves `env`."""
    if isinstance(env, IndexedEnv):
        return IndexReplay(capacity, env, num_actions)
    return ReplayMemory(capacity, num_observations)
