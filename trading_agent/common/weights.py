"""Weights and an optimiser's moments as plain arrays, and what moves weights besides gradients."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Arrays = dict[str, NDArray[Any]]


def arrays_of(network: nn.Module) -> Arrays:
    """Return copies of weights and buffers by name."""
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def load_arrays(network: nn.Module, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Give `network` the weights and buffers that `arrays_of` returned."""
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in arrays.items()})


def follow(followers: Sequence[Tensor], leaders: Sequence[Tensor], share: float) -> None:
    """Move the weights of one network towards another's by a share of the way."""
    with torch.no_grad():
        torch._foreach_lerp_(list(followers), list(leaders), share)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the step of all groups."""
    for group in optimiser.param_groups:
        group["lr"] = rate


class TorchState:
    """What learns with PyTorch, put down and taken up again: networks, an optimiser and plain values.

    Attributes:
        NETWORKS: names of the attributes that are networks.
        VALUES: names of the attributes that are plain values.
        optimiser: of one of the networks.
    """

    NETWORKS: ClassVar[tuple[str, ...]]
    VALUES: ClassVar[tuple[str, ...]]
    optimiser: torch.optim.Optimizer

    def state_dict(self) -> dict[str, Any]:
        """Return nested mappings of arrays and plain values."""
        moments = self.optimiser.state_dict()["state"]
        return {
            **{name: arrays_of(getattr(self, name)) for name in self.NETWORKS},
            "optimiser": {str(i): {name: m.numpy() for name, m in moment.items()} for i, moment in moments.items()},
            **{name: getattr(self, name) for name in self.VALUES},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for name in self.NETWORKS:
            load_arrays(getattr(self, name), state[name])
        moments = {
            int(i): {name: torch.from_numpy(array) for name, array in moment.items()}
            for i, moment in state["optimiser"].items()
        }
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        for name in self.VALUES:
            setattr(self, name, state[name])
