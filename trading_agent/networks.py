"""The network that values actions, in units of reward whatever the size of rewards and observations."""

from itertools import pairwise

import torch
from torch import Tensor, nn

CLIP = 10.0  # standard deviations beyond which an observation counts no further
QUIET = 0.1  # of the usual size: weights with which `direct` begins to read features, most of which are noise


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
            layers += [_linear(inputs, units, generator), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = _linear(hidden_sizes[-1], num_actions + duelling, None)  # the last unit is V
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, observations: Tensor) -> Tensor:
        """Return the (B, A) values of all actions at (B, O) observations, in units of reward."""
        standard = (observations - self.observation_mean) / self.observation_std
        features = self.body(standard.clamp(-CLIP, CLIP))  # (B, O) -> (B, D)
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


class ExposureNetwork(nn.Module):
    """Exposures of A assets from a row of F features and the exposures held (N accounts, D hidden units).

    The part of the first layer that reads features is a product of its own, so that a window is read at once (`read`)
    and the accounts walk through it bar by bar (`decide`). The last layer starts at zero: an untrained policy holds the
    middle of its range, nothing if that is symmetric. Features are standardised by `fit_scales`.

    Args:
        num_features: F.
        num_assets: A.
        hidden_sizes: units of each hidden layer.
        bounds: least and greatest exposure of an asset, and the most of all together, in absolute values.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        long_only: weights of a portfolio without shorts: shares of a softmax, cash among them.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self,
        num_features: int,
        num_assets: int,
        hidden_sizes: tuple[int, ...],
        bounds: tuple[float, float, float],
        generator: torch.Generator | None = None,
        *,
        long_only: bool = False,
    ) -> None:
        super().__init__()
        self.sizes, self.bounds, self.long_only = (num_features, num_assets, hidden_sizes), bounds, long_only
        self.register_buffer("feature_mean", torch.zeros(num_features))
        self.register_buffer("feature_std", torch.ones(num_features))
        self.of_features = _linear(num_features, hidden_sizes[0], generator)
        self.of_held = _linear(num_assets, hidden_sizes[0], generator)
        layers: list[nn.Module] = [nn.ReLU()]
        for inputs, units in pairwise(hidden_sizes):
            layers += [_linear(inputs, units, generator), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = _linear(hidden_sizes[-1], num_assets + long_only, None)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        _quieten(self.of_features)

    def read(self, features: Tensor, shown: Tensor | float = 1.0) -> Tensor:
        """Return (B, D) of the first layer for (B, F) features, each weighed by `shown`, such as a mask of dropout."""
        standard = (features - self.feature_mean) / self.feature_std
        hidden: Tensor = self.of_features(standard.clamp(-CLIP, CLIP) * shown)
        return hidden

    def decide(self, hidden: Tensor, held: Tensor) -> Tensor:
        """Return (N, A) exposures for what `read` said (N, D) and the exposures held (N, A)."""
        low, high, cap = self.bounds
        outputs = self.head(self.body(hidden + self.of_held(held)))
        if self.long_only:
            shares: Tensor = outputs.softmax(dim=1)[:, :-1]  # the last is cash
            return min(cap, 1.0) * shares
        exposures: Tensor = 0.5 * (high + low) + 0.5 * (high - low) * outputs.tanh()
        together = exposures.abs().sum(dim=1, keepdim=True)
        return exposures * (cap / together.clamp_min(cap))

    def fit_scales(self, features: Tensor) -> None:
        """Set the scales from (T, F) features; a column that does not vary is only centred."""
        _fit_scales(self, features)


class LevelNetwork(nn.Module):
    """How likely each of K levels is wanted next, for a row of F features and each level that may be held.

    One pass answers for every holding, so a window is read at once and no account has to walk through it. The last
    layer starts at zero: an untrained policy draws levels evenly. Features are standardised by `fit_scales`.

    Args:
        num_features: F.
        num_levels: K.
        hidden_sizes: units of each hidden layer.
        generator: source of the initial weights; they are left unset without one, to be loaded.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self,
        num_features: int,
        num_levels: int,
        hidden_sizes: tuple[int, ...],
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.sizes = (num_features, num_levels, hidden_sizes)
        self.register_buffer("feature_mean", torch.zeros(num_features))
        self.register_buffer("feature_std", torch.ones(num_features))
        layers: list[nn.Module] = []
        for inputs, units in pairwise((num_features, *hidden_sizes)):
            layers += [_linear(inputs, units, generator), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = _linear(hidden_sizes[-1], num_levels**2, None)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        _quieten(self.body[0])

    def forward(self, features: Tensor, shown: Tensor | float = 1.0) -> Tensor:
        """Return (..., K held, K wanted) logits for (..., F) features, each weighed by `shown`, a mask of dropout."""
        standard = (features - self.feature_mean) / self.feature_std
        logits: Tensor = self.head(self.body(standard.clamp(-CLIP, CLIP) * shown))
        return logits.view(*features.shape[:-1], self.sizes[1], self.sizes[1])

    def fit_scales(self, features: Tensor) -> None:
        """Set the scales from (T, F) features; a column that does not vary is only centred."""
        _fit_scales(self, features)


def _fit_scales(network: ExposureNetwork | LevelNetwork, features: Tensor) -> None:
    std, mean = torch.std_mean(features, dim=0, correction=0)
    network.feature_mean.copy_(mean)
    network.feature_std.copy_(torch.where(std > 1e-6, std, 1.0))


def _quieten(layer: nn.Module) -> None:
    """Shrink first weights: what noise columns weigh by chance is never fully unlearned in a short training."""
    assert isinstance(layer, nn.Linear)
    with torch.no_grad():
        layer.weight.mul_(QUIET)


def _linear(inputs: int, units: int, generator: torch.Generator | None) -> nn.Linear:
    """Return a layer whose construction does not touch PyTorch's global random state (He 2015 for ReLU, zero bias)."""
    layer = nn.Linear(inputs, units, device="meta").to_empty(device="cpu")
    if generator is not None:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
        nn.init.zeros_(layer.bias)
    return layer
