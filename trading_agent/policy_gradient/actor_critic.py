"""The network that acts and judges how well it stands, and the policy that is left of it when learning is over.

B states, O observation columns, A actions of a `Discrete` space or A numbers of a `Box`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete, Space
from numpy.typing import NDArray
from torch import Tensor, nn

from trading_agent.common.networks import ScaledNetwork, hidden_layers, reading_layers, unset_linear
from trading_agent.common.policy import ModulePolicy

HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
FARTHEST = float(np.finfo(np.float32).max) / 2.0  # where an end may lie; twice that is the width of a box


class ActorCritic(ScaledNetwork):
    """A policy pi(a | s) and a value V(s), each a multilayer perceptron of its own on standardised observations.

    For a `Discrete` space the policy is a softmax; for a `Box` a normal distribution in units of the box's half-width
    around its centre, whose standard deviation does not depend on the state. V is in units of the typical reward.

    Args:
        num_observations: O.
        num_actions: A.
        hidden_sizes: units of each hidden layer, of the policy as of the value.
        bounds: (2, A) least and greatest action of a `Box`; None for a `Discrete` space.
        generator: source of the initial weights (orthogonal; Saxe et al. 2014); they are left unset without one.
        picture: its `shape` (C, H, W) and `peak`, if observations are pixels: convolutions read it first.
        num_inputs: columns that policy and value read, where something else reads observations; None: those.
    """

    bounds: Tensor | None

    def __init__(
        self,
        num_observations: int,
        num_actions: int,
        hidden_sizes: Sequence[int],
        bounds: NDArray[np.float32] | None,
        generator: torch.Generator | None = None,
        picture: Mapping[str, Any] | None = None,
        *,
        num_inputs: int | None = None,
    ) -> None:
        super().__init__(num_observations, picture)
        sizes = {"num_observations": num_observations, "num_actions": num_actions, "hidden_sizes": list(hidden_sizes)}
        self.settings: dict[str, Any] = {**sizes, **({"picture": picture} if picture else {})}
        self.register_buffer("bounds", None if bounds is None else torch.from_numpy(np.float32(bounds)))
        start = partial(start_orthogonal, gain=math.sqrt(2.0), generator=generator)
        (seen, width), (judged, _) = (
            ([], num_inputs) if num_inputs else reading_layers(num_observations, picture, start) for _ in range(2)
        )
        self.actor = _perceptron(seen, width, hidden_sizes, num_actions, 0.01, generator)
        self.critic = _perceptron(judged, width, hidden_sizes, 1, 1.0, generator)
        self.log_std = None if bounds is None else nn.Parameter(torch.zeros(num_actions))

    def value(self, standard: Tensor) -> Tensor:
        """Return (B,) values at standardised observations, in units of the typical reward."""
        values: Tensor = self.critic(standard)[:, 0]
        return values

    def log_prob(self, standard: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B,) log pi(a | s) at standardised observations, and the (B,) or () entropy of pi.

        Args:
            standard: (B, O).
            actions: (B,) numbers of a `Discrete` space; (B, A) drawn for a `Box`, in half-widths from its centre.
        """
        return self.density(self.actor(standard), actions)

    def density(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same from what the policy's perceptron said, (B, A) logits or means."""
        if self.log_std is None:
            log_probs = outputs.log_softmax(dim=1)  # (B, A)
            chosen = log_probs.gather(1, actions[:, None])[:, 0]
            return chosen, -(log_probs.exp() * log_probs).sum(dim=1)
        off = (actions - outputs) * (-self.log_std).exp()
        density = -(0.5 * off.square() + self.log_std + HALF_LOG_TAU).sum(dim=1)
        return density, (self.log_std + 0.5 + HALF_LOG_TAU).sum()


class ActorPolicy(ModulePolicy):
    """The likeliest action of an `ActorCritic` (kind `actor`), or the mean of what a `Box` is asked for, kept in it."""

    kind = "actor"
    network: ActorCritic

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) or (N, A) actions at (N, O) observations."""
        outputs = self.outputs(observations)
        return outputs.argmax(axis=1) if self.network.bounds is None else self.into_box(outputs)

    def draw(self, standard: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, NDArray[Any]]:
        """Draw actions from pi at (N, O) standardised observations.

        Returns:
            The actions as `log_prob` reads them, (N,) or (N, A); their (N,) log pi; and as the environment wants them.
        """
        with torch.no_grad():
            outputs = self.network.actor(standard)
            if self.network.log_std is None:
                noise = rng.gumbel(size=outputs.shape)  # Gumbel's trick: the argmax is distributed as softmax
                chosen = torch.from_numpy((outputs.numpy() + noise).argmax(axis=1))
                return chosen, self.network.density(outputs, chosen)[0], chosen.numpy()
            noise = rng.standard_normal(outputs.shape, dtype=np.float32)
            drawn = outputs + self.network.log_std.exp() * torch.from_numpy(noise)
            return drawn, self.network.density(outputs, drawn)[0], self.into_box(drawn.numpy())

    def into_box(self, drawn: NDArray[Any]) -> NDArray[np.float32]:
        """Return (N, A) actions of the box for numbers in half-widths from its centre (`units_of`)."""
        if self.network.bounds is None:
            raise ValueError("actions must be those of a Box to be put into one, were Discrete")
        low, high = self.network.bounds.numpy()
        centre, half = units_of(low, high)
        acted: NDArray[np.float32] = np.clip(centre + half * drawn, low, high).astype(np.float32)
        return acted

    def outputs(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return (N, A) logits, or means."""
        with torch.no_grad():
            standard = self.network.standard(torch.from_numpy(np.float32(observations)))
            outputs: NDArray[np.float32] = self.network.actor(standard).numpy()
        return outputs

    @classmethod
    def unset(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Return a policy of these sizes and bounds, whose weights are not set."""
        return cls(ActorCritic(**settings, bounds=tensors.get("bounds")))


def actions_of(space: Space[Any]) -> tuple[int, NDArray[np.float32] | None]:
    """Return A, and the (2, A) bounds of a `Box` or None for a `Discrete` space.

    Raises:
        ValueError: the space is neither, is not flat, or is not counted from 0.
    """
    if isinstance(space, Discrete) and space.start == 0:
        return int(space.n), None
    if isinstance(space, Box) and len(space.shape) == 1:
        return space.shape[0], np.stack([space.low, space.high]).astype(np.float32)
    raise ValueError(f"env must offer Discrete actions counted from 0, or a flat Box of them, was {space}")


def units_of(low: NDArray[np.float32], high: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the (A,) centres and half-widths of a box; where a side has no end, it is 2 wide from the other one on.

    Args:
        low: (A,) least numbers; what lies beyond half of what float32 holds, is no end.
        high: (A,) greatest numbers, likewise.
    """
    below, above = np.abs(low) < FARTHEST, np.abs(high) < FARTHEST
    with np.errstate(invalid="ignore", over="ignore"):
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        centre = np.select([below & above, below, above], [middle, low + 1.0, high - 1.0], 0.0)
    return centre.astype(np.float32), np.where(below & above, half, np.float32(1.0))


def _perceptron(
    reading: Sequence[nn.Module],
    inputs: int,
    hidden_sizes: Sequence[int],
    outputs: int,
    gain: float,
    generator: torch.Generator | None,
) -> nn.Sequential:
    """Return tanh layers without bias at the start, behind those that read; `gain` scales the last one."""
    layer = partial(_orthogonal_linear, gain=math.sqrt(2.0), generator=generator)
    layers = hidden_layers((inputs, *hidden_sizes), layer, _Tanh)
    return nn.Sequential(*reading, *layers, _orthogonal_linear(hidden_sizes[-1], outputs, gain, generator))


class _Tanh(nn.Module):
    """Tanh written over its argument, which nothing else reads: a fifth less memory to walk through."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.tanh_()


def _orthogonal_linear(inputs: int, units: int, gain: float, generator: torch.Generator | None) -> nn.Linear:
    layer = unset_linear(inputs, units)
    start_orthogonal(layer, gain, generator)
    return layer


def start_orthogonal(layer: nn.Linear | nn.Conv2d, gain: float, generator: torch.Generator | None) -> nn.Module:
    """Set the weights of a layer in place (biases 0); they are left unset without a generator."""
    if generator is not None:
        assert layer.bias is not None
        nn.init.orthogonal_(layer.weight, gain, generator=generator)
        nn.init.zeros_(layer.bias)
    return layer
