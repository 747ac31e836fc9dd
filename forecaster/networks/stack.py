"""Layers one upon the other: what the architectures that are read in torch's own steps share."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network
from forecaster.networks.patches import PatchEmbedding


class StackedNetwork(Network):
    """Read the window through layers; the hidden state is the top layer's at the last step (N steps, at most L).

    Args:
        layers: from the bottom up; the first maps (B, L, F) to (B, N, D), each other (B, N, D) to (B, N, D).
        config: width, horizon and the dropout between layers.
        outputs: P.
    """

    def __init__(self, layers: Sequence[nn.Module], config: ModelConfig, outputs: int) -> None:
        super().__init__()
        self.hidden_width = config.hidden_size
        self.layers = nn.ModuleList(layers)
        self.dropout = config.dropout
        self.decoder = LinearDecoder(config.hidden_size, config.horizon, outputs)

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) at the last step of scaled features (B, L, F)."""
        states = self.layers[0](context)  # (B, L, F) -> (B, N, D)
        for layer in self.layers[1:]:
            states = layer(F.dropout(states, self.dropout, self.training))  # (B, N, D) -> (B, N, D)
        hidden_state: Tensor = states[:, -1]  # (B, N, D) -> (B, D)
        return hidden_state


def stack_of_bars(
    layer: Callable[[int, int], nn.Module], config: ModelConfig, num_features: int, outputs: int
) -> StackedNetwork:
    """Stack layers that read bar by bar, each built for so many inputs and units, for F features and P outputs."""
    widths = [num_features] + [config.hidden_size] * (config.num_layers - 1)
    return StackedNetwork([layer(width, config.hidden_size) for width in widths], config, outputs)


def stack_of_patches(
    block: Callable[[int, int], nn.Module], config: ModelConfig, num_features: int, outputs: int
) -> StackedNetwork:
    """Stack blocks that read patches, each built for so many units and heads, for F features and P outputs."""
    units = config.hidden_size
    first, *others = (block(units, config.num_heads) for _ in range(config.num_layers))
    embedding = PatchEmbedding(config.patch_length, num_features, units)
    return StackedNetwork([nn.Sequential(embedding, first), *others], config, outputs)
