"""What the networks share: layers that leave PyTorch's global random state alone, and scales that are saved with them.

B states, O observation columns; of a picture C channels, H rows, W columns, O = C H W.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CLIP = 10.0  # standard deviations beyond which an observation counts no further
LEAST_STD = 1e-6  # of a column that varies; one that does not is only centred
LARGE = 36  # pixels of a picture's shorter side, from which on it is read in strides
READ_WHOLE = ((16, 3, 1),)  # units, side and stride of the convolutions of small pictures (Young & Tian 2019, MinAtar)
READ_IN_STRIDES = ((32, 8, 4), (64, 4, 2), (64, 3, 1))  # of large ones (Mnih et al. 2015)


class ScaledNetwork(nn.Module):
    """A network on standardised observations that counts rewards in units of the typical one.

    The scales are buffers, hence part of the saved weights: `observation_mean` (O,), `observation_std` (O,) and
    `reward_scale` (), 0, 1 and 1 until `fit_scales`.

    Args:
        num_observations: O.
        picture: its `shape` (C, H, W) and `peak`, if observations are pixels: these are scaled by the peak alone.
    """

    observation_mean: Tensor
    observation_std: Tensor
    reward_scale: Tensor

    def __init__(self, num_observations: int, picture: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.picture = picture
        self.register_buffer("observation_mean", torch.zeros(num_observations))
        self.register_buffer("observation_std", torch.full((num_observations,), picture["peak"] if picture else 1.0))
        self.register_buffer("reward_scale", torch.ones(()))

    def standard(self, observations: Tensor) -> Tensor:
        """Return (B, O) observations as the layers read them."""
        return (observations - self.observation_mean).div_(self.observation_std).clamp_(-CLIP, CLIP)

    def fit_scales(self, observations: Tensor, rewards: Tensor, *, standardise: bool = True) -> None:
        """Set the scales from (M, O) observations and rewards; a column that does not vary is only centred."""
        if standardise and self.picture is None:
            fit_columns(observations.float(), self.observation_mean, self.observation_std)
        self.set_unit(rewards.square().mean().sqrt().item())

    def set_columns(self, mean: NDArray[np.float64], std: NDArray[np.float64]) -> None:
        """Set the scales of (O,) columns; one that does not vary is only centred, and pixels keep their peak."""
        if self.picture is None:
            self.observation_mean.copy_(torch.from_numpy(mean))
            self.observation_std.copy_(torch.from_numpy(np.where(std > LEAST_STD, std, 1.0)))

    def set_unit(self, reward: float) -> None:
        """Set what rewards are counted in; 1 where they are all nothing."""
        self.reward_scale.fill_(reward if reward > 0.0 else 1.0)


def fit_columns(rows: Tensor, mean: Tensor, std: Tensor) -> None:
    """Write mean and standard deviation of the columns of `rows` (M, C) into `mean` and `std` (C,)."""
    deviation, centre = torch.std_mean(rows, dim=0, correction=0)
    mean.copy_(centre)
    std.copy_(torch.where(deviation > LEAST_STD, deviation, 1.0))


def reading_layers(
    num_observations: int, picture: Mapping[str, Any] | None, start: Callable[[Any], nn.Module]
) -> tuple[list[nn.Module], int]:
    """Return what stands before the hidden layers, and how many numbers it hands them.

    Args:
        num_observations: O; of plain rows nothing stands there.
        picture: its `shape` (C, H, W): convolutions read it, chosen by its size.
        start: sets the first weights of a layer.
    """
    if picture is None:
        return [], num_observations
    channels, *sides = picture["shape"]
    layers: list[nn.Module] = [nn.Unflatten(1, (channels, *sides))]  # (B, O) -> (B, C, H, W)
    for units, side, stride in READ_IN_STRIDES if min(sides) >= LARGE else READ_WHOLE:
        unset = nn.Conv2d(channels, units, side, stride, device="meta").to_empty(device="cpu")
        layers += [start(unset), nn.ReLU(inplace=True)]
        channels, sides = units, [(length - side) // stride + 1 for length in sides]
    return [*layers, nn.Flatten()], channels * sides[0] * sides[1]


def read_rows(reading: nn.Sequential, rows: Tensor, chosen: Tensor) -> Tensor:
    """Return (M, F) what layers make of (M, O) rows, at the `chosen` (m,) ones only; elsewhere 0.

    Without layers they are the rows themselves, and all of them.
    """
    if not len(reading):
        return rows
    read: Tensor = reading(rows.index_select(0, chosen))
    return read.new_zeros(len(rows), read.shape[1]).index_copy(0, chosen, read)


def unset_linear(inputs: int, units: int) -> nn.Linear:
    """Return a layer whose weights are not set, and whose construction does not touch PyTorch's global random state."""
    return nn.Linear(inputs, units, device="meta").to_empty(device="cpu")


def linear(inputs: int, units: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a layer for ReLU (He 2015, zero bias); its weights are not set without a generator."""
    layer = unset_linear(inputs, units)
    if generator is not None:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layer.bias)
    return layer


def zero_linear(inputs: int, units: int) -> nn.Linear:
    """Return a last layer that says 0 until it learns."""
    layer = unset_linear(inputs, units)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def hidden_layers(
    sizes: Sequence[int], layer: Callable[[int, int], nn.Linear], activation: Callable[[], nn.Module]
) -> list[nn.Module]:
    """Return a layer and an activation between each of `sizes` and the next."""
    return [module for inputs, units in pairwise(sizes) for module in (layer(inputs, units), activation())]
