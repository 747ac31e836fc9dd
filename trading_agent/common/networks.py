"""What the networks share."""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

CLIP = 10.0  # standard deviations beyond which an observation counts no further


def linear(inputs: int, units: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a layer whose construction does not touch PyTorch's global random state (He 2015 for ReLU, zero bias)."""
    layer = nn.Linear(inputs, units, device="meta").to_empty(device="cpu")
    if generator is not None:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layer.bias)
    return layer


def arrays(network: torch.nn.Module) -> dict[str, NDArray[Any]]:
    """Return copies of weights and scales."""
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def tensors_of(saved: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    """Return copies of what `arrays` returned."""
    return {name: torch.from_numpy(array.copy()) for name, array in saved.items()}
