"""The network that values actions, in units of reward whatever the size of rewards and observations."""

from itertools import pairwise

import torch
from torch import Tensor, nn

CLIP = 10.0  # standard deviations beyond which an observation counts no further


class QNetwork(nn.Module):
    """Q(s, a) for all A actions at once: a multilayer perceptron on standardised observations (B states, O columns).

    The scales are buffers, hence part of the saved weights: `observation_mean` (O,), `observation_std` (O,) and
    `reward_scale` (), 0, 1 and 1 until `fit_scales`. The last layer starts at zero, so the untrained values are 0.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer.
        generator: source of the initial weights; they are left unset without one, to be loaded.
    """

    observation_mean: Tensor
    observation_std: Tensor
    reward_scale: Tensor

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        hidden_sizes: tuple[int, ...],
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("observation_mean", torch.zeros(num_observations))
        self.register_buffer("observation_std", torch.ones(num_observations))
        self.register_buffer("reward_scale", torch.ones(()))
        layers: list[nn.Module] = []
        for inputs, units in pairwise((num_observations, *hidden_sizes)):
            layers += [_linear(inputs, units, generator), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = _linear(hidden_sizes[-1], num_actions, None)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, observations: Tensor) -> Tensor:
        """Return the (B, A) values of all actions at (B, O) observations, in units of reward."""
        standard = (observations - self.observation_mean) / self.observation_std
        features = self.body(standard.clamp(-CLIP, CLIP))  # (B, O) -> (B, D)
        values: Tensor = self.head(features)  # (B, D) -> (B, A)
        return values * self.reward_scale

    def fit_scales(self, observations: Tensor, rewards: Tensor) -> None:
        """Set the scales from (M, O) observations and (M,) rewards; a column that does not vary is only centred."""
        std, mean = torch.std_mean(observations, dim=0, correction=0)
        self.observation_mean.copy_(mean)
        self.observation_std.copy_(torch.where(std > 1e-6, std, 1.0))
        rms = rewards.square().mean().sqrt()
        self.reward_scale.copy_(rms if rms > 0.0 else torch.ones(()))


def _linear(inputs: int, units: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a layer whose construction does not touch PyTorch's global random state (He 2015 for ReLU, zero bias)."""
    layer = nn.Linear(inputs, units, device="meta").to_empty(device="cpu")
    if generator is not None:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layer.bias)
    return layer
