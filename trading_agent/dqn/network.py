"""The network of `dqn`: it values actions, in units of reward whatever its size (B states, O columns, A actions)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trading_agent.common.networks import ScaledNetwork, hidden_layers, unset_linear, zero_linear


class QNetwork(ScaledNetwork):
    """Q(s, a) for all A actions at once: a multilayer perceptron on standardised observations.

    The last layer starts at zero, so the untrained values are 0.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        duelling: Q(s, a) = V(s) + Adv(s, a) - mean over actions of Adv(s, .) (Wang et al. 2016, eq. 9), both read from
            the last hidden layer.
    """

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        hidden_sizes: Sequence[int],
        generator: torch.Generator | None = None,
        *,
        duelling: bool = False,
    ) -> None:
        super().__init__(num_observations)
        sizes = {"num_observations": num_observations, "num_actions": num_actions, "hidden_sizes": list(hidden_sizes)}
        self.settings: dict[str, Any] = {**sizes, "duelling": duelling}
        self.duelling = duelling
        layer, relu = partial(uniform_linear, generator=generator), partial(nn.ReLU, inplace=True)
        self.body = nn.Sequential(*hidden_layers((num_observations, *hidden_sizes), layer, relu))
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
    if generator is not None:
        for weight in (layer.weight, layer.bias):
            nn.init.uniform_(weight, -(inputs**-0.5), inputs**-0.5, generator=generator)
    return layer
