"""The networks of `direct`: two decide, by LSTM or not."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from trading_agent.common.networks import CLIP, fit_columns, hidden_layers, linear, zero_linear

QUIET = 0.1  # of the usual size: weights with which `direct` begins to read features, most of which are noise


class FeatureNetwork(nn.Module):
    """How `direct` reads a row of C columns: standardised, and by an LSTM where the columns are F features of L bars.

    The LSTM walks from the oldest bar to the newest and hands on its last hidden state, so that a network of a row
    becomes one of a sequence; it starts anew at every row, which makes the network as stateless as the others.

    Args:
        num_features: C = L F, the newest bar's F first.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        context_length: L.
        lstm_units: U; 0 is no LSTM.

    Attributes:
        width: what `read_context` returns, U, or C without an LSTM.
        reading: the plain values that build this part of a network anew.
        feature_mean: (F,), or (C,) without an LSTM; so is feature_std.
    """

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(
        self, num_features: int, generator: torch.Generator | None, *, context_length: int = 1, lstm_units: int = 0
    ) -> None:
        super().__init__()
        self.context_length = context_length if lstm_units else 1
        self.width = lstm_units or num_features
        self.reading = {"context_length": self.context_length, "lstm_units": lstm_units}
        per_bar = num_features // self.context_length
        self.register_buffer("feature_mean", torch.zeros(per_bar))
        self.register_buffer("feature_std", torch.ones(per_bar))
        self.lstm = _lstm(per_bar, lstm_units, generator) if lstm_units else None

    def quieten(self, layer: nn.Module) -> None:
        """Shrink first weights: what noise columns weigh by chance is never fully unlearned in a short training."""
        first = layer if self.lstm is None else self.lstm
        weight = first.weight if isinstance(first, nn.Linear) else first.weight_ih_l0
        assert isinstance(weight, Tensor)
        with torch.no_grad():
            weight.mul_(QUIET)

    def fit_scales(self, features: Tensor) -> None:
        """Set the scales from (T, C) rows; a column that does not vary is only centred."""
        fit_columns(features[:, : len(self.feature_mean)], self.feature_mean, self.feature_std)

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Take over scales and LSTM of another network: `feature_mean`, `feature_std` and torch's names of an LSTM.

        Raises:
            ValueError: there is no LSTM here, or one of another size.
        """
        present = {name: tensor for name, tensor in self.state_dict().items() if name.startswith(("feature", "lstm"))}
        first = {name if name.startswith("feature") else f"lstm.{name}": tensor for name, tensor in weights.items()}
        shapes, others = ({name: tuple(tensor.shape) for name, tensor in side.items()} for side in (present, first))
        if shapes != others:
            raise ValueError(f"first weights must have the shapes {shapes}, had {others}")
        self.load_state_dict(first, strict=False)

    def read_context(self, features: Tensor, shown: Tensor | float = 1.0) -> Tensor:
        """Return (B, width) of (B, C) columns, each feature weighed by `shown` (B, F), such as a mask of dropout."""
        bars = features.view(features.shape[0], self.context_length, -1)  # (B, C) -> (B, L, F), newest first
        weight = shown if isinstance(shown, float) else shown[:, None]
        standard = ((bars - self.feature_mean) / self.feature_std).clamp(-CLIP, CLIP) * weight
        if self.lstm is None:
            return standard[:, 0]
        states, _ = self.lstm(standard.flip(1))  # (B, L, F) -> (B, L, U)
        return torch.as_tensor(states[:, -1])


class ExposureNetwork(FeatureNetwork):
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
        context_length: as `FeatureNetwork`.
        lstm_units: as `FeatureNetwork`.
    """

    def __init__(
        self,
        num_features: int,
        num_assets: int,
        hidden_sizes: Sequence[int],
        bounds: Sequence[float],
        generator: torch.Generator | None = None,
        *,
        long_only: bool = False,
        context_length: int = 1,
        lstm_units: int = 0,
    ) -> None:
        super().__init__(num_features, generator, context_length=context_length, lstm_units=lstm_units)
        self.num_features, self.num_assets, self.bounds, self.long_only = num_features, num_assets, bounds, long_only
        self.settings: dict[str, Any] = {
            "num_features": num_features,
            "num_assets": num_assets,
            "hidden_sizes": list(hidden_sizes),
            "bounds": list(bounds),
            "long_only": long_only,
            **self.reading,
        }
        self.of_features = linear(self.width, hidden_sizes[0], generator)
        self.of_held = linear(num_assets, hidden_sizes[0], generator)
        layers = hidden_layers(hidden_sizes, partial(linear, generator=generator), nn.ReLU)
        self.body = nn.Sequential(nn.ReLU(), *layers)
        self.head = zero_linear(hidden_sizes[-1], num_assets + long_only)
        self.quieten(self.of_features)

    def read(self, features: Tensor, shown: Tensor | float = 1.0) -> Tensor:
        """Return (B, D) of the first layer for (B, F) features, each weighed by `shown`, such as a mask of dropout."""
        hidden: Tensor = self.of_features(self.read_context(features, shown))
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


class LevelNetwork(FeatureNetwork):
    """How likely each of K levels is wanted next, for a row of F features and each level that may be held.

    One pass answers for every holding, so a window is read at once and no account has to walk through it. The last
    layer starts at zero: an untrained policy draws levels evenly. Features are standardised by `fit_scales`.

    Args:
        num_features: F.
        num_levels: K.
        hidden_sizes: units of each hidden layer.
        generator: source of the initial weights; they are left unset without one, to be loaded.
        context_length: as `FeatureNetwork`.
        lstm_units: as `FeatureNetwork`.
    """

    def __init__(
        self,
        num_features: int,
        num_levels: int,
        hidden_sizes: Sequence[int],
        generator: torch.Generator | None = None,
        *,
        context_length: int = 1,
        lstm_units: int = 0,
    ) -> None:
        super().__init__(num_features, generator, context_length=context_length, lstm_units=lstm_units)
        self.num_features, self.num_levels = num_features, num_levels
        self.settings: dict[str, Any] = {
            "num_features": num_features,
            "hidden_sizes": list(hidden_sizes),
            **self.reading,
        }
        layer = partial(linear, generator=generator)
        self.body = nn.Sequential(*hidden_layers((self.width, *hidden_sizes), layer, nn.ReLU))
        self.head = zero_linear(hidden_sizes[-1], num_levels**2)
        self.quieten(self.body[0])

    def forward(self, features: Tensor, shown: Tensor | float = 1.0) -> Tensor:
        """Return (B, K held, K wanted) logits for (B, F) features, each weighed by `shown`, a mask of dropout."""
        logits: Tensor = self.head(self.body(self.read_context(features, shown)))
        return logits.view(features.shape[0], self.num_levels, self.num_levels)


def _lstm(inputs: int, units: int, generator: torch.Generator | None) -> nn.LSTM:
    """Return an LSTM whose construction does not touch PyTorch's global random state; its forget gates begin open.

    Source:
        Uniform weights as torch's own; forget bias 1: Jozefowicz et al. (2015), ICML, section 3.
    """
    lstm = nn.LSTM(inputs, units, batch_first=True, device="meta").to_empty(device="cpu")
    if generator is not None:
        with torch.no_grad():
            for name, weight in lstm.named_parameters():
                if name.startswith("bias"):
                    weight.zero_()
                else:
                    weight.uniform_(-(units**-0.5), units**-0.5, generator=generator)
                if name == "bias_hh_l0":
                    weight[units : 2 * units] = 1.0  # input, forget, cell, output
    return lstm
