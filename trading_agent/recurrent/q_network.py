"""The values of actions that hang on what is remembered, and the policy that takes the best.

N states, O columns of an observation, F of them as read: O, or what convolutions make of pixels.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trading_agent.common.networks import ScaledNetwork, hidden_layers, reading_layers, zero_linear
from trading_agent.common.policy import ModulePolicy
from trading_agent.dqn.network import start_uniform, uniform_linear
from trading_agent.recurrent.memory import Cell, RecurrentCell


class RecurrentQNetwork(ScaledNetwork):
    """Q(h, s, a) for all A actions at once: a perceptron on what a memory holds (D) and on the observation (F).

    The last layer starts at zero, so the untrained values are 0.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer.
        cell: what remembers.
        memory_units: D.
        generator: source of the initial weights; they are left unset without one.
        memory_span: steps over which the memory first forgets.
        picture: its `shape` (C, H, W) and `peak`, if observations are pixels: convolutions read it first.
    """

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        hidden_sizes: Sequence[int],
        cell: Cell,
        memory_units: int,
        generator: torch.Generator | None = None,
        *,
        memory_span: float = 2.0,
        picture: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(num_observations, picture)
        sizes = {"num_observations": num_observations, "num_actions": num_actions, "hidden_sizes": list(hidden_sizes)}
        self.settings: dict[str, Any] = {**sizes, "cell": cell, "memory_units": memory_units}
        self.settings |= {"picture": picture} if picture else {}
        layers, width = reading_layers(num_observations, picture, partial(start_uniform, generator=generator))
        self.reading = nn.Sequential(*layers)
        self.memory = RecurrentCell(cell, width, memory_units, memory_span, generator)
        layer, relu = partial(uniform_linear, generator=generator), partial(nn.ReLU, inplace=True)
        self.body = nn.Sequential(*hidden_layers((memory_units + width, *hidden_sizes), layer, relu))
        self.head = zero_linear(hidden_sizes[-1], num_actions)

    def seen(self, observations: Tensor) -> Tensor:
        """Return (B, F) of (B, O) observations, as memory and values read them."""
        return torch.as_tensor(self.reading(self.standard(observations)))

    def values(self, hidden: Tensor, seen: Tensor) -> Tensor:
        """Return (..., A) values in units of reward, from (..., D) of the memory and (..., F) seen."""
        return torch.as_tensor(self.head(self.body(torch.cat([hidden, seen], dim=-1))) * self.reward_scale)


class RecurrentQPolicy(ModulePolicy):
    """The action a `RecurrentQNetwork` values most (kind `recurrent_q_network`).

    Attributes:
        memory_size: M.
    """

    kind = "recurrent_q_network"
    network: RecurrentQNetwork
    NETWORK = RecurrentQNetwork

    def __init__(self, network: RecurrentQNetwork) -> None:
        super().__init__(network)
        self.memory_size = network.memory.size

    def look(self, observations: NDArray[np.floating[Any]], memory: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Return (N, A) values at (N, O) observations, and (N, M) what is remembered after them."""
        with torch.no_grad():
            seen = self.network.seen(torch.from_numpy(np.float32(observations)))
            hidden, state = self.network.memory.step(seen, torch.from_numpy(memory))
            return self.network.values(hidden, seen), state

    def step(
        self, observations: NDArray[np.floating[Any]], memory: NDArray[np.float32]
    ) -> tuple[NDArray[Any], NDArray[np.float32]]:
        """Return (N,) best actions at (N, O) observations, and (N, M) what is remembered after them."""
        values, state = self.look(observations, memory)
        return values.numpy().argmax(axis=1), state.numpy()

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the actions at the first observations of episodes."""
        return self.step(observations, np.zeros((len(observations), self.memory_size), np.float32))[0]
