"""The policy of a `QNetwork`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trading_agent.common.networks import arrays, tensors_of
from trading_agent.dqn.network import QNetwork


class NetworkPolicy:
    """The action a `QNetwork` values most (kind `q_network`)."""

    kind = "q_network"

    def __init__(self, network: QNetwork) -> None:
        self.network = network

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) best actions at (N, O) observations."""
        return np.asarray(self.values(observations).argmax(axis=1))

    def values(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return the (N, A) values of all actions, in units of reward."""
        with torch.no_grad():
            values: NDArray[np.float32] = self.network(torch.from_numpy(np.float32(observations))).numpy()
        return values

    def settings(self) -> dict[str, Any]:
        """Return the sizes of the network."""
        widths = [layer.in_features for layer in self.network.body if isinstance(layer, torch.nn.Linear)]
        head = self.network.head
        return {
            "num_observations": widths[0],
            "num_actions": self.network.num_actions,
            "hidden_sizes": [*widths[1:], head.in_features],
            "duelling": self.network.duelling,
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        return arrays(self.network)

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "NetworkPolicy":
        """Build it anew."""
        sizes = settings["num_observations"], settings["num_actions"], tuple(settings["hidden_sizes"])
        network = QNetwork(*sizes, duelling=settings.get("duelling", False))
        network.load_state_dict(tensors_of(tensors))
        return cls(network)
