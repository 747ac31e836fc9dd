"""An architecture: dilated causal convolutions, each layer seeing twice as far back as the one below."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network


class DilatedNetwork(Network):
    """Convolve backward in time with dilations 1, 2, 4, ... until a bar sees the whole context.

    Args:
        config: `hidden_size` is D, the channels; `context_length` L says how many layers there are.
        num_features: F.
        outputs: P.

    Source:
        van den Oord et al. (2016), WaveNet, arXiv:1609.03499, section 2.1, without gates.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int) -> None:
        super().__init__()
        self.hidden_width = config.hidden_size
        widths = [num_features] + [config.hidden_size] * max((config.context_length - 1).bit_length(), 1)
        self.layers = nn.ModuleList(
            nn.Conv1d(before, after, kernel_size=2, dilation=2**depth)
            for depth, (before, after) in enumerate(pairwise(widths))
        )
        self.decoder = LinearDecoder(config.hidden_size, config.horizon, outputs)

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) at the last bar of scaled features (B, L, F)."""
        states = context.transpose(1, 2)  # (B, L, F) -> (B, F, L)
        for depth, layer in enumerate(self.layers):
            states = F.relu(layer(F.pad(states, (2**depth, 0))))  # padded on the left: no bar sees a later one
        return states[..., -1]  # (B, D, L) -> (B, D)
