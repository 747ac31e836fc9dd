"""The policy of a `QNetwork`."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trading_agent.common.policy import ModulePolicy
from trading_agent.dqn.network import QNetwork


class NetworkPolicy(ModulePolicy):
    """The action a `QNetwork` values most (kind `q_network`)."""

    kind = "q_network"
    network: QNetwork
    NETWORK = QNetwork

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) best actions at (N, O) observations."""
        return np.asarray(self.values(observations).argmax(axis=1))

    def values(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return the (N, A) values of all actions, in units of reward."""
        with torch.no_grad():
            values: NDArray[np.float32] = self.network(torch.from_numpy(np.float32(observations))).numpy()
        return values
