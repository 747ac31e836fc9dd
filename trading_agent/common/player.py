"""A policy at play in N environments: what it remembers of each is carried from step to step, and ends with an episode.

Everybody who lets a policy act bar after bar does so through a `Player`, so that none has to know who remembers. A
policy without a memory passes through as it is. Must not know any algorithm, nor PyTorch.
"""

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from trading_agent.common.policy import Policy

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]


@runtime_checkable
class RecurrentPolicy(Protocol):
    """A policy that remembers: what it does hangs on the steps before, which are told it in M numbers.

    The numbers are 0 at the first step of an episode; `Policy.act` is what it does there.

    Attributes:
        memory_size: M.
    """

    memory_size: int

    def step(self, observations: Floats, memory: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return the best actions at (N, O) observations, and (N, M) what is remembered after them.

        Args:
            observations: (N, O).
            memory: (N, M) remembered of the steps before; not written to.
        """
        ...


class Player:
    """A policy on its way through N environments.

    Args:
        policy: who acts.
        num_envs: N.
        memory: (N, M) what was remembered where another player left off; None begins with nothing.

    Attributes:
        remembers: whether what it does hangs on the steps before; if so it must be asked once a step, in order.
        memory: (N, M) what is remembered now; M is 0 where it does not remember.
    """

    def __init__(self, policy: "Policy", num_envs: int = 1, memory: NDArray[np.float32] | None = None) -> None:
        self._policy = policy
        self._recurrent = policy if isinstance(policy, RecurrentPolicy) else None
        self.remembers = self._recurrent is not None
        size = self._recurrent.memory_size if self._recurrent is not None else 0
        self.memory = np.zeros((num_envs, size), dtype=np.float32) if memory is None else memory

    def act(self, observations: Floats, begins: Bools | None = None) -> NDArray[Any]:
        """Return the best actions at (N, O) observations, (N,) or (N, A), and remember them.

        Args:
            observations: (N, O) of all environments.
            begins: (N,) where this is the first step of an episode, so that all before it is forgotten; None: nowhere.
        """
        if self._recurrent is None:
            return self._policy.act(observations)
        memory = self.memory if begins is None else np.where(begins[:, None], np.float32(0.0), self.memory)
        actions, self.memory = self._recurrent.step(observations, memory)
        return actions
