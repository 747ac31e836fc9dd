"""What the networks share: layers that leave PyTorch's global random state alone, and scales that are saved with them.

B states, O observation columns.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

CLIP = 10.0  # standard deviations beyond which an observation counts no further
LEAST_STD = 1e-6  # of a column that varies; one that does not is only centred


class ScaledNetwork(nn.Module):
    """A network on standardised observations that counts rewards in units of the typical one.

    The scales are buffers, hence part of the saved weights: `observation_mean` (O,), `observation_std` (O,) and
    `reward_scale` (), 0, 1 and 1 until `fit_scales`.

    Args:
        num_observations: O.
    """

    observation_mean: Tensor
    observation_std: Tensor
    reward_scale: Tensor

    def __init__(self, num_observations: int) -> None:
        super().__init__()
        self.register_buffer("observation_mean", torch.zeros(num_observations))
        self.register_buffer("observation_std", torch.ones(num_observations))
        self.register_buffer("reward_scale", torch.ones(()))

    def standard(self, observations: Tensor) -> Tensor:
        """Return (B, O) observations as the layers read them."""
        return (observations - self.observation_mean).div_(self.observation_std).clamp_(-CLIP, CLIP)

    def fit_scales(self, observations: Tensor, rewards: Tensor, *, standardise: bool = True) -> None:
        """Set the scales from (M, O) observations and rewards; a column that does not vary is only centred."""
        if standardise:
            fit_columns(observations, self.observation_mean, self.observation_std)
        rms = rewards.square().mean().sqrt()
        self.reward_scale.copy_(rms if rms > 0.0 else torch.ones(()))


def fit_columns(rows: Tensor, mean: Tensor, std: Tensor) -> None:
    """Write mean and standard deviation of the columns of `rows` (M, C) into `mean` and `std` (C,)."""
    deviation, centre = torch.std_mean(rows, dim=0, correction=0)
    mean.copy_(centre)
    std.copy_(torch.where(deviation > LEAST_STD, deviation, 1.0))


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
