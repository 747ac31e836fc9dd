"""What was lived through, to be learned from again: two memories with one face.

`IndexReplay` keeps (row, account, action) of an `IndexedEnv` and has reward and next state made anew when asked: 20
bytes a transition with four account features, where `ReplayMemory` with 67 observation columns keeps 549. It can also
say what every other action would have led to. Either draws uniformly, or by `Priorities`.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from trading_agent.common.spaces import PIXELS
from trading_agent.common.transitions import AnyVectorEnv, IndexedEnv, Transitions
from trading_agent.dqn.n_step import NStep, Stretches

LEAST_ERROR = 1e-3  # added to every error, so that a transition without one is drawn again some day


class Batch(NamedTuple):
    """B transitions to learn from; or B states and what each of A actions leads to (counterfactual).

    Attributes:
        observations: (B, O) float32.
        actions: (B,) int64, taken.
        rewards: (B,) float32; (B, A) counterfactual.
        next_observations: (B, O) float32; (B A, O) counterfactual, the actions of a state in a row.
        terminated: as rewards, bool; a truncated transition is not terminated, and its next state keeps its value.
        weights: (B,) float32 of each in the loss, or () if all weigh the same.
        steps: (B,) float32 that lie between a state and the next one, or () if it is one: rewards are their discounted
            sum.
    """

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    next_observations: Tensor
    terminated: Tensor
    weights: Tensor = torch.ones(())
    steps: Tensor = torch.ones(())

    def parts(self, count: int) -> list["Batch"]:
        """Return `count` batches of B / count each."""
        columns = [[column] * count if column.dim() == 0 else column.chunk(count) for column in self]
        return [Batch(*part) for part in zip(*columns, strict=True)]


class Ring:
    """The newest `capacity` rows of some columns, in arrays of fixed size.

    Args:
        capacity: rows.
        columns: per column the dtype and the shape of one row.
    """

    def __init__(
        self, capacity: int, columns: dict[str, tuple[DTypeLike, tuple[int, ...]]], priority: float = 0.0
    ) -> None:
        self.capacity = capacity
        self.columns = {name: np.zeros((capacity, *shape), dtype) for name, (dtype, shape) in columns.items()}
        self.priorities = Priorities(capacity, priority) if priority > 0.0 else None
        self.weights = torch.ones(())  # of the rows drawn last
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
        if self.priorities is not None:
            self.priorities.add(places)
        self.written += count

    def sample(self, rng: np.random.Generator, count: int, correction: float = 1.0) -> dict[str, NDArray[Any]]:
        """Return `count` rows drawn with replacement, uniformly or by priority; `weights` then says what they weigh.

        Raises:
            ValueError: nothing was written yet.
        """
        if self.written == 0:
            raise ValueError("the memory must hold a transition before it is sampled, was empty")
        if self.priorities is None:
            places = rng.integers(0, len(self), size=count)
        else:
            places, weights = self.priorities.draw(rng, count, len(self), correction)
            self.weights = torch.from_numpy(weights)
        return {name: column.take(places, axis=0) for name, column in self.columns.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the rows written so far and their number."""
        state = {"written": self.written, **{name: column[: len(self)] for name, column in self.columns.items()}}
        if self.priorities is not None:
            state |= {"priorities": self.priorities.powers[: len(self)], "largest": self.priorities.largest}
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the rows that `state_dict` returned."""
        self.written = int(state["written"])
        for name, column in self.columns.items():
            column[: len(self)] = state[name]
        if self.priorities is not None:
            self.priorities.powers[: len(self)] = state["priorities"]
            self.priorities.largest = float(state["largest"])


class Priorities:
    """How likely each row of a memory is drawn: in proportion to (its last error + LEAST_ERROR)^exponent.

    A new row has the largest priority so far, so that everything is learned from at least once.

    Args:
        capacity: rows.
        exponent: alpha, in (0, 1].

    Source:
        Schaul et al., Prioritized experience replay, ICLR 2016, section 3.3, proportional variant. The probabilities
        are summed anew for each draw: less work than the update that follows, up to some 100,000 rows.
    """

    def __init__(self, capacity: int, exponent: float) -> None:
        self.exponent, self.largest = exponent, 1.0
        self.powers = np.zeros(capacity)  # priority^alpha
        self._drawn = np.zeros(0, dtype=np.int64)

    def add(self, places: NDArray[np.int64]) -> None:
        """Give new rows the largest priority."""
        self.powers[places] = self.largest

    def draw(
        self, rng: np.random.Generator, count: int, size: int, correction: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return `count` of the first `size` places, and their weights, (size P)^-correction over the largest."""
        sums = np.cumsum(self.powers[:size])
        drawn = np.searchsorted(sums, rng.random(count) * sums[-1], side="right")
        self._drawn = np.minimum(drawn, size - 1)
        weights = (size * self.powers[self._drawn] / sums[-1]) ** -correction
        return self._drawn, (weights / weights.max()).astype(np.float32)

    def learned(self, errors: NDArray[np.float32]) -> None:
        """Set the priorities of the rows drawn last by their (B,) absolute errors."""
        powers = (errors.astype(np.float64) + LEAST_ERROR) ** self.exponent
        self.powers[self._drawn] = powers
        self.largest = max(self.largest, float(powers.max()))


class Memory(ABC):
    """What both memories have in common: a ring, and the steps that wait to be a stretch of n."""

    def __init__(self, ring: Ring, n_step: int, discount: float) -> None:
        self.ring, self.discount = ring, discount
        self.ahead = NStep(n_step, discount) if n_step > 1 else None

    @abstractmethod
    def add(self, transitions: Transitions) -> None:
        """Remember n transitions; the oldest are forgotten."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, batch_size: int, correction: float = 1.0) -> Batch:
        """Draw `batch_size` transitions with replacement, uniformly or by priority with the bias undone so far."""

    def learned(self, errors: NDArray[np.float32]) -> None:
        """Hear the (B,) absolute errors of the transitions drawn last."""
        if self.ring.priorities is not None:
            self.ring.priorities.learned(errors)

    def state_dict(self) -> dict[str, Any]:
        """Return the content."""
        return self.ring.state_dict() | ({} if self.ahead is None else {"ahead": self.ahead.state_dict()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the content that `state_dict` returned."""
        self.ring.load_state_dict(state)
        if self.ahead is not None:
            self.ahead.load_state_dict(state["ahead"])


class ReplayMemory(Memory):
    """Keep transitions whole, for any environment with O observation columns.

    Args:
        capacity: transitions.
        num_observations: O.
        priority: exponent of `Priorities`; 0 draws uniformly.
        n_step: steps of a transition.
        discount: weight of a reward one of them later.
        pixels: whether observations are bytes, and kept as such.
    """

    def __init__(
        self,
        capacity: int,
        num_observations: int,
        *,
        priority: float = 0.0,
        n_step: int = 1,
        discount: float = 1.0,
        pixels: bool = False,
    ) -> None:
        row = (np.uint8 if pixels else np.float32, (num_observations,))
        columns: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
            "observations": row,
            "actions": (np.int64, ()),
            "rewards": (np.float32, ()),
            "next_observations": row,
            "terminated": (np.bool_, ()),
        }
        columns |= {"steps": (np.float32, ())} if n_step > 1 else {}
        super().__init__(Ring(capacity, columns, priority), n_step, discount)

    def add(self, transitions: Transitions) -> None:
        """Remember n transitions; the oldest are forgotten."""
        rows: Transitions | Stretches = transitions
        if self.ahead is not None:
            stretches = self.ahead.add(transitions)
            rows = stretches._replace(actions=stretches.actions[:, 0])
        self.ring.add({name: getattr(rows, name) for name in self.ring.columns}, len(rows.rewards))

    def sample(self, rng: np.random.Generator, batch_size: int, correction: float = 1.0) -> Batch:
        """Draw `batch_size` transitions with replacement, uniformly or by priority."""
        rows = self.ring.sample(rng, batch_size, correction)
        return Batch(**{name: torch.from_numpy(rows[name]) for name in rows}, weights=self.ring.weights)


class IndexReplay(Memory):
    """Keep where a transition began and what was done; the environment itself tells again what came of it.

    Row and action share one number, row * A + action.

    Args:
        capacity: transitions.
        env: where they happen.
        num_actions: A.
        priority: exponent of `Priorities`; 0 draws uniformly.
        counterfactual: whether `sample` tells what every action would have led to.
        n_step: steps of a transition, retraced one by one; 1 with `counterfactual`.
        discount: weight of a reward one of them later.
    """

    def __init__(
        self,
        capacity: int,
        env: IndexedEnv,
        num_actions: int,
        *,
        priority: float = 0.0,
        counterfactual: bool = False,
        n_step: int = 1,
        discount: float = 1.0,
    ) -> None:
        self.env, self.num_actions, self.counterfactual = env, num_actions, counterfactual
        columns: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
            "moves": (np.uint32, ()),
            "account": (np.float32, (env.num_account_features,)),
        }
        columns |= {"steps": (np.uint8, ()), "actions": (np.int32, (n_step,))} if n_step > 1 else {}
        super().__init__(Ring(capacity, columns, priority), n_step, discount)

    def add(self, transitions: Transitions) -> None:
        """Remember where n transitions began; the oldest are forgotten.

        Raises:
            ValueError: they carry no origin, or a row is too late to be remembered.
        """
        if transitions.origin is None:
            raise ValueError("transitions must carry the origin in an IndexedEnv, was None; use ReplayMemory")
        rows: dict[str, NDArray[Any]]
        if self.ahead is None:
            (t, account), actions = transitions.origin, transitions.actions
            rows = {}
        else:
            stretches = self.ahead.add(transitions)
            t, account, actions = stretches.t, stretches.account, stretches.actions[:, 0]
            rows = {"steps": stretches.steps, "actions": stretches.actions}
        moves = t.astype(np.int64) * self.num_actions + actions
        if len(moves) and moves.max() > np.iinfo(np.uint32).max:
            raise ValueError(f"row * actions must stay below 2^32 to be remembered, was {moves.max()}")
        self.ring.add({**rows, "moves": moves, "account": account}, len(moves))

    def sample(self, rng: np.random.Generator, batch_size: int, correction: float = 1.0) -> Batch:
        """Draw `batch_size` transitions with replacement, and let the environment make them again."""
        rows = self.ring.sample(rng, batch_size, correction)
        t, actions = np.divmod(rows["moves"].astype(np.int64), self.num_actions)
        observations, account, taken = self.env.observe(t, rows["account"]), rows["account"], actions
        if self.ahead is not None:
            return self._retraced(rows, t, observations)
        shape: tuple[int, ...] = (len(t),)
        if self.counterfactual:
            t, account = np.repeat(t, self.num_actions), np.repeat(account, self.num_actions, axis=0)
            taken, shape = np.tile(np.arange(self.num_actions), len(actions)), (len(actions), self.num_actions)
        rewards, next_account, terminated, _ = self.env.transition(t, account, taken)
        return Batch(
            torch.from_numpy(observations),
            torch.from_numpy(actions),
            torch.from_numpy(rewards.astype(np.float32).reshape(shape)),
            torch.from_numpy(self.env.observe(t + 1, next_account)),
            torch.from_numpy(terminated.reshape(shape)),
            self.ring.weights,
        )

    def _retraced(self, rows: dict[str, NDArray[Any]], t: NDArray[np.int64], observations: NDArray[Any]) -> Batch:
        """Let the environment take the steps of every stretch again."""
        steps, actions = rows["steps"].astype(np.int64), rows["actions"].astype(np.int64)
        account, t = rows["account"].copy(), t.copy()
        rewards, terminated = np.zeros(len(t)), np.zeros(len(t), dtype=bool)
        for k in range(actions.shape[1]):
            on = np.flatnonzero(steps > k)
            if len(on):
                reward, account[on], terminated[on], _ = self.env.transition(t[on], account[on], actions[on, k])
                rewards[on] += self.discount**k * reward
                t[on] += 1
        return Batch(
            torch.from_numpy(observations),
            torch.from_numpy(actions[:, 0].copy()),
            torch.from_numpy(rewards.astype(np.float32)),
            torch.from_numpy(self.env.observe(t, account)),
            torch.from_numpy(terminated),
            self.ring.weights,
            torch.from_numpy(steps.astype(np.float32)),
        )


def memory_for(
    env: AnyVectorEnv,
    capacity: int,
    num_observations: int,
    num_actions: int,
    *,
    counterfactual: bool = False,
    **settings: Any,
) -> Memory:
    """Return the smallest memory that serves `env`; `settings` are `priority`, `n_step` and `discount`.

    Raises:
        ValueError: `counterfactual` is asked for where only what was done is known.
    """
    if isinstance(env, IndexedEnv):
        return IndexReplay(capacity, env, num_actions, counterfactual=counterfactual, **settings)
    if counterfactual:
        raise ValueError(
            "counterfactual must be false for an env that cannot say what every action would have led to (IndexedEnv), "
            "was true"
        )
    pixels = env.single_observation_space.dtype in PIXELS
    return ReplayMemory(capacity, num_observations, pixels=pixels, **settings)
