"""What every architecture is: windows in, hidden state and forecast out; `forecaster.registry` lists those there are.

An architecture is one file, one page after its paper. It knows its settings and torch; not the loss, not the series.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from forecaster.config import FORESEEING, ModelConfig
from forecaster.registry import MODELS

Builder = Callable[..., "Network"]


class Network(nn.Module):
    """A causal reader of windows (B windows, L bars, F features, D units, H bars ahead, P outputs a bar).

    Attributes:
        hidden_width: D, the width of the hidden state that `encode` returns.
        decoder: what the default `decode` maps hidden states (B, D) to outputs (B, H, P) with.
    """

    hidden_width: int
    decoder: nn.Module

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) at the last bar of scaled features (B, L, F): all it knows there."""
        raise NotImplementedError

    def encode_ragged(self, context: Tensor, lengths: Tensor) -> Tensor:
        """Return the hidden states (B, D) at the last bars of windows of unequal length, those of a length at a time.

        Args:
            context: (B, L, F) scaled features, anything after the end of each.
            lengths: (B,) bars of each.
        """
        states = context.new_empty(len(context), self.hidden_width)
        for length in torch.unique(lengths).tolist():
            rows = lengths == length
            states[rows] = self.encode(context[rows, :length]).to(states.dtype)  # (B', L', F) -> (B', D)
        return states

    def decode(self, hidden_state: Tensor, context: Tensor) -> Tensor:
        """Return (B, H, P) outputs for a hidden state (B, D); few look at the window (B, L, F) again."""
        outputs: Tensor = self.decoder(hidden_state)
        return outputs

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, H, P) and the hidden state (B, D) for scaled features (B, L, F)."""
        hidden_state = self.encode(context)
        return self.decode(hidden_state, context), hidden_state


class LinearDecoder(nn.Linear):
    """All H bars at once from the hidden state; it starts at zero, so that the untrained outputs are zero.

    Args:
        hidden_width: D.
        horizon: H.
        outputs: P.
    """

    def __init__(self, hidden_width: int, horizon: int, outputs: int) -> None:
        super().__init__(hidden_width, horizon * outputs)
        self.shape = (horizon, outputs)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """Return (B, H, P) for (B, D)."""
        return super().forward(hidden_state).view(-1, *self.shape)  # (B, D) -> (B, H * P) -> (B, H, P)


def build_network(config: ModelConfig, num_features: int, outputs: int, num_future: int = 0) -> Network:
    """Build the architecture `config.kind` with fresh weights, for F features and P outputs a bar.

    Those that read what is known of the bars ahead take its G columns too, (B, H, G), as another argument of `forward`.
    """
    builder: Builder = MODELS.load(config.kind)
    sizes = (num_features, outputs, num_future) if config.kind in FORESEEING else (num_features, outputs)
    return builder(config, *sizes)
