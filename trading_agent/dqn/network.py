"""The network of `dqn`: it values actions, in units of reward whatever its size."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from trading_agent.common.networks import CLIP, linear


class QNetwork(nn.Module):
    """Q(s, a) for all A actions at once: a multilayer perceptron on standardised observations (B states, O columns).

    The scales are buffers, hence part of the saved weights: `observation_mean` (O,), `observation_std` (O,) and
    `reward_scale` (), 0, 1 and 1 until `fit_scales`. The last layer starts at zero, so the untrained values are 0.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        duelling: Q(s, a) = V(s) + Adv(s, a) - mean over actions of Adv(s, .) (Wang et al. 2016, eq. 9), both read from
            the last hidden layer.
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
        *,
        duelling: bool = False,
    ) -> None:
        super().__init__()
        self.num_actions, self.duelling = num_actions, duelling
        self.register_buffer("observation_mean", torch.zeros(num_observations))
        self.register_buffer("observation_std", torch.ones(num_observations))
        self.register_buffer("reward_scale", torch.ones(()))
        layers: list[nn.Module] = []
        for inputs, units in pairwise((num_observations, *hidden_sizes)):
            layers += [_uniform_linear(inputs, units, generator), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers)
        self.head = linear(hidden_sizes[-1], num_actions + duelling, None)  # the last unit is V
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, observations: Tensor) -> Tensor:
        """Return the (B, A) values of all actions at (B, O) observations, in units of reward."""
        standard = (observations - self.observation_mean).div_(self.observation_std)
        features = self.body(standard.clamp_(-CLIP, CLIP))  # (B, O) -> (B, D)
        values: Tensor = self.head(features)  # (B, D) -> (B, A), or (B, A + 1)
        if self.duelling:
            advantages = values[:, :-1]
            values = values[:, -1:] + advantages - advantages.mean(dim=1, keepdim=True)
        return values * self.reward_scale

    def fit_scales(self, observations: Tensor, rewards: Tensor, *, standardise: bool = True) -> None:
        """Set the scales from (M, O) observations and rewards; a column that does not vary is only centred."""
        if standardise:
            std, mean = torch.std_mean(observations, dim=0, correction=0)
            self.observation_mean.copy_(mean)
            self.observation_std.copy_(torch.where(std > 1e-6, std, 1.0))
        rms = rewards.square().mean().sqrt()
        self.reward_scale.copy_(rms if rms > 0.0 else torch.ones(()))


def _uniform_linear(inputs: int, units: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a layer as `linear`, but weights and biases begin uniform in +- 1 / sqrt(inputs), as PyTorch's own do.

    Values learned by bootstrapping are steadier from there: CartPole (benchmarks/agents.py) needs it.
    """
    layer = linear(inputs, units, None)
    if generator is not None:
        for weight in (layer.weight, layer.bias):
            nn.init.uniform_(weight, -(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer
