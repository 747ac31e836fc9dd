"""The actor-critic of items that are alike: one network gives each a number, and one value to them all.

Its policy is a normal distribution around a number for each item, with one deviation for all; its value is said of the
mean of their hidden units. The number of items is no part of the weights. B states, A items.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trading_agent.common.config import CrossSection
from trading_agent.common.cross_section import CrossSectionEncoder, ItemColumns, mean_of
from trading_agent.common.networks import zero_linear
from trading_agent.policy_gradient.actor_critic import HALF_LOG_TAU, ActorPolicy

FIRST_DEVIATION = 0.5  # half-widths of the box
GONE = torch.nan  # an item that is not there is asked for nothing


class SetActorCritic(nn.Module):
    """A policy and a value over the items of an observation; the interface is that of `ActorCritic`.

    What the policy says are numbers in half-widths of the box around its centre, NaN for an item that is not there.

    Args:
        columns: (k, g): columns of an item's block, presence the last, and of what is common to all.
        hidden_sizes: units of each hidden layer, of the policy as of the value.
        bounds: least and greatest number of an item.
        cross_section: what an item is shown of the others.
        generator: source of the initial weights; they are left unset without one.
    """

    reward_scale: Tensor

    def __init__(
        self,
        columns: Sequence[int],
        hidden_sizes: Sequence[int],
        bounds: Sequence[float],
        cross_section: CrossSection = "mean",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.columns, self.bounds = ItemColumns(*columns), tuple(bounds)
        self.settings: dict[str, Any] = {
            "columns": list(columns),
            "hidden_sizes": list(hidden_sizes),
            "bounds": list(bounds),
            "cross_section": cross_section,
        }
        self.register_buffer("reward_scale", torch.ones(()))
        self.encoder = CrossSectionEncoder(self.columns, hidden_sizes, cross_section, generator, num_own=2)
        self.head, self.worth = zero_linear(hidden_sizes[-1], 1), zero_linear(hidden_sizes[-1], 1)
        self.log_std = nn.Parameter(torch.full((), float(np.log(FIRST_DEVIATION))))

    def fit_scales(self, observations: Tensor, rewards: Tensor, *, standardise: bool = True) -> None:
        """Set the scales from (M, O) observations and rewards."""
        if standardise:
            count = self.columns.count(observations.shape[1])
            self.encoder.fit_scales(observations[:, : self.columns.block * count + self.columns.common])
        rms = rewards.square().mean().sqrt()
        self.reward_scale.copy_(rms if rms > 0.0 else torch.ones(()))

    def standard(self, observations: Tensor) -> Tensor:
        """Return (B, O) observations as they are: the encoder scales what it reads."""
        return observations

    def hidden(self, standard: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B, A, D) hidden units, and (B, A) whether an item is there."""
        count = self.columns.count(standard.shape[1])
        items, own = self.columns.items(standard, count), self.columns.own(standard, count)
        return self.encoder(items, own.transpose(1, 2)), items.present

    def actor(self, standard: Tensor) -> Tensor:
        """Return (B, A) means, NaN for an item that is not there."""
        hidden, present = self.hidden(standard)
        return torch.as_tensor(self.head(hidden)[:, :, 0].masked_fill(~present, GONE))

    def value(self, standard: Tensor) -> Tensor:
        """Return (B,) values, in units of the typical reward."""
        return torch.as_tensor(self.worth(mean_of(*self.hidden(standard)))[:, 0])

    def log_prob(self, standard: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return (B,) log pi(a | s) of (B, A) numbers, and the () entropy of an item's."""
        return self.density(self.actor(standard), actions)

    def density(self, outputs: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same from (B, A) means; what is not there has no density."""
        gone = outputs.isnan()
        off = (actions - outputs.masked_fill(gone, 0.0)) * (-self.log_std).exp()
        each = -(0.5 * off.square() + self.log_std + HALF_LOG_TAU)
        return each.masked_fill(gone, 0.0).sum(dim=1), self.log_std + 0.5 + HALF_LOG_TAU


class SetActorPolicy(ActorPolicy):
    """The means of a `SetActorCritic`, kept in the box (kind `set_actor`); an item that is not there keeps its own.

    Observations end with what the actor has in each item, the number it asked for last, and one column more.
    """

    kind = "set_actor"
    network: Any
    NETWORK = SetActorCritic

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N, A) actions at (N, O) observations."""
        return self.kept(self.into_box(self.outputs(observations)), observations)

    def draw(self, standard: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor, NDArray[Any]]:
        """Draw actions from pi, as `ActorPolicy.draw`."""
        with torch.no_grad():
            outputs = self.network.actor(standard)
            noise = torch.from_numpy(rng.standard_normal(outputs.shape, dtype=np.float32))
            drawn = outputs + self.network.log_std.exp() * noise
            log_prob = self.network.density(outputs, drawn)[0]
            return drawn.nan_to_num(), log_prob, self.kept(self.into_box(drawn.numpy()), standard.numpy())

    def into_box(self, drawn: NDArray[Any]) -> NDArray[np.float32]:
        """Return (N, A) actions of the box for numbers in half-widths from its centre; NaN stays."""
        low, high = self.network.bounds
        acted = np.clip(0.5 * (low + high) + 0.5 * (high - low) * drawn, low, high)
        return np.asarray(acted, dtype=np.float32)

    def kept(self, acted: NDArray[np.float32], observations: NDArray[Any]) -> NDArray[np.float32]:
        """Return actions with the number asked for last where there is none."""
        last = observations[:, -1 - acted.shape[1] : -1]
        return np.where(np.isnan(acted), np.clip(last, *self.network.bounds), acted).astype(np.float32)

    @classmethod
    def unset(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Return a policy of these sizes, whose weights are not set."""
        return cls(SetActorCritic(**settings))
