"""The actor-critic that remembers, and the policy that is left of it.

B states, O observation columns, F of them as read: O, or what convolutions make of pixels; D units of the memory, M
numbers of its state, A actions.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trading_agent.common.networks import read_rows, reading_layers
from trading_agent.policy_gradient.actor_critic import ActorCritic, ActorPolicy, start_orthogonal
from trading_agent.recurrent.memory import Cell, Group, RecurrentCell, rows_of


class RecurrentActorCritic(ActorCritic):
    """A policy and a value, each a perceptron on what one memory holds (D) and on the observation beside it (F).

    What `value` and `log_prob` of an `ActorCritic` take as `standard` are these (B, D + F) inputs.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer, of the policy as of the value.
        bounds: as of an `ActorCritic`.
        cell: what remembers.
        memory_units: D.
        generator: source of the initial weights.
        memory_span: steps over which the memory first forgets.
        picture: as of an `ActorCritic`; memory, policy and value share the convolutions.
    """

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        hidden_sizes: Sequence[int],
        bounds: NDArray[np.float32] | None,
        cell: Cell,
        memory_units: int,
        generator: torch.Generator | None = None,
        *,
        memory_span: float = 2.0,
        picture: Mapping[str, Any] | None = None,
    ) -> None:
        start = partial(start_orthogonal, gain=math.sqrt(2.0), generator=generator)
        layers, width = reading_layers(num_observations, picture, start)
        inputs = memory_units + width
        super().__init__(num_observations, num_actions, hidden_sizes, bounds, generator, picture, num_inputs=inputs)
        self.settings |= {"cell": cell, "memory_units": memory_units}
        self.reading = nn.Sequential(*layers)
        self.memory = RecurrentCell(cell, width, memory_units, memory_span, generator)

    def remember(self, standard: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, D + F) inputs of policy and value at standardised observations, and (B, M) states after them."""
        seen = self.reading(standard)
        hidden, state = self.memory.step(seen, state)
        return torch.cat([hidden, seen], dim=1), state

    def recall(self, standard: Tensor, state: Tensor, groups: Sequence[Group]) -> Tensor:
        """Return (m, D + F) inputs of policy and value at the steps of segments, in the order of `rows_of`.

        Args:
            standard: (L N, O) of a rollout, step by step.
            state: (N, M) remembered before its first step.
            groups: the segments.
        """
        rows = torch.cat([rows_of(group) for group in groups])
        seen = read_rows(self.reading, standard, rows)
        hidden = torch.cat([self.memory.read_group(seen, state, group) for group in groups])
        return torch.cat([hidden, seen.index_select(0, rows)], dim=1)


class RecurrentActorPolicy(ActorPolicy):
    """The likeliest action of a `RecurrentActorCritic` (kind `recurrent_actor`), or the mean of what a `Box` is asked.

    Attributes:
        memory_size: M.
    """

    kind = "recurrent_actor"
    network: RecurrentActorCritic

    def __init__(self, network: RecurrentActorCritic) -> None:
        super().__init__(network)
        self.memory_size = network.memory.size

    def step(
        self, observations: NDArray[np.floating[Any]], memory: NDArray[np.float32]
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return (N,) or (N, A) actions at (N, O) observations, and (N, M) what is remembered after them."""
        network = self.network
        with torch.no_grad():
            standard = network.standard(torch.from_numpy(np.float32(observations)))
            inputs, state = network.remember(standard, torch.from_numpy(memory))
            outputs = network.actor(inputs).numpy()
        actions = outputs.argmax(axis=1) if network.bounds is None else self.into_box(outputs)
        return actions, state.numpy()

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the actions at the first observations of episodes."""
        return self.step(observations, np.zeros((len(observations), self.memory_size), np.float32))[0]

    @classmethod
    def unset(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Return a policy of these sizes and bounds, whose weights are not set."""
        return cls(RecurrentActorCritic(**settings, bounds=tensors.get("bounds")))
