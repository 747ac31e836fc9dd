"""The network of `dqn`: it values actions, in units of reward whatever its size (B states, O columns, A actions)."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trading_agent.common.networks import ScaledNetwork, hidden_layers, reading_layers, unset_linear, zero_linear


class QNetwork(ScaledNetwork):
    """Q(s, a) for all A actions at once: a multilayer perceptron on standardised observations, or convolved pixels.

    The last layer starts at zero, so the untrained values are 0.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        duelling: Q(s, a) = V(s) + Adv(s, a) - mean over actions of Adv(s, .) (Wang et al. 2016, eq. 9), both read from
            the last hidden layer.
        picture: its `shape` (C, H, W) and `peak`, if observations are pixels.
    """

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        hidden_sizes: Sequence[int],
        generator: torch.Generator | None = None,
        *,
        duelling: bool = False,
        picture: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(num_observations, picture)
        sizes = {"num_observations": num_observations, "num_actions": num_actions, "hidden_sizes": list(hidden_sizes)}
        self.settings: dict[str, Any] = {**sizes, "duelling": duelling, **({"picture": picture} if picture else {})}
        self.duelling = duelling
        layer, relu = partial(uniform_linear, generator=generator), partial(nn.ReLU, inplace=True)
        reading, width = reading_layers(num_observations, picture, partial(start_uniform, generator=generator))
        self.body = nn.Sequential(*reading, *hidden_layers((width, *hidden_sizes), layer, relu))
        self.head = zero_linear(hidden_sizes[-1], num_actions + duelling)  # the last unit is V

    def forward(self, observations: Tensor) -> Tensor:
        """Return the (B, A) values of all actions at (B, O) observations, in units of reward."""
        features = self.body(self.standard(observations))  # (B, O) -> (B, D)
        values: Tensor = self.head(features)  # (B, D) -> (B, A), or (B, A + 1)
        if self.duelling:
            advantages = values[:, :-1]
            values = values[:, -1:] + advantages - advantages.mean(dim=1, keepdim=True)
        return values * self.reward_scale


def uniform_linear(inputs: int, units: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a layer whose weights and biases begin uniform in +- 1 / sqrt(inputs), as PyTorch's own do.

    Values learned by bootstrapping are steadier from there: CartPole (benchmarks/agents.py) needs it.
    """
    layer = unset_linear(inputs, units)
    start_uniform(layer, generator)
    return layer


def start_uniform(layer: nn.Linear | nn.Conv2d, generator: torch.Generator | None) -> nn.Module:
    """Set the weights of a layer in place; they are left unset without a generator."""
    if generator is not None:
        assert layer.bias is not None
        bound = layer.weight[0].numel() ** -0.5
        for weight in (layer.weight, layer.bias):
            nn.init.uniform_(weight, -bound, bound, generator=generator)
    return layer
