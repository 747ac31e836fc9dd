"""An LSTM that reads segments of the window and forecasts every segment of the future at once.

After SegRNN: Lin et al. (2023), arXiv:2308.11200, sections 3.2 to 3.4. A step per segment instead of per bar divides
the recurrent work by the segment's length; decoding by position keeps errors from feeding on themselves. Departures
from the paper, numbered: docs/forecaster.md.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network

SMALLEST_DEVIATION = 1e-2  # of a window under `revin`, in the units of the series: a flat window is not blown up


class SegmentLSTM(Network):
    """Read L bars in L / w steps, forecast H bars in one (S = ceil(H / w) segments ahead, C channels).

    Feature 0 is the series that is forecast; with a normalisation its level, and for `revin` its deviation, is given
    back to the outputs. The hidden state is the top layer's output beside its cell, (h, c): decoding starts from both.

    Args:
        config: kind and sizes.
        num_features: F.
        outputs: P.
        num_channels: C, where each row of a batch is one of C series read alike and a row's own embedding tells them
            apart (`channels` in `forward`); 0 for none.

    Raises:
        ValueError: a normalisation with more than one output a bar, whose scale would be shifted with the level.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int, num_channels: int = 0) -> None:
        super().__init__()
        if config.normalisation != "none" and outputs > 1:
            raise ValueError(
                f"normalisation must be none with {outputs} outputs a bar, was '{config.normalisation}': it shifts "
                "forecasts, not the parameters of a distribution"
            )
        units, self.bars = config.hidden_size, config.segment_length
        self.shape, self.normalisation = (config.horizon, outputs), config.normalisation
        self.hidden_width = 2 * units
        self.embed = nn.Linear(self.bars * num_features, units)
        between = config.dropout if config.num_layers > 1 else 0.0
        self.lstm = nn.LSTM(units, units, num_layers=config.num_layers, dropout=between, batch_first=True)
        self.positions = nn.Parameter(torch.randn(math.ceil(config.horizon / self.bars), units))  # (S, D)
        self.channels = nn.Parameter(torch.zeros(num_channels, units)) if num_channels else None  # (C, D)
        self.dropout = nn.Dropout(config.dropout)
        self.decoder = LinearDecoder(units, self.bars, outputs)
        self.skip = LinearDecoder(config.context_length, *self.shape) if config.linear_skip else None

    def forward(self, context: Tensor, channels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return outputs (B, H, P) and hidden state (B, 2D) for features (B, L, F) of the rows' `channels` (B,)."""
        hidden_state = self.encode(context)
        return self.decode(hidden_state, context, channels), hidden_state

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, 2D) after the last segment of scaled features (B, L, F)."""
        level, deviation = self._level(context)
        scaled = (context - level) / deviation
        segments = scaled.reshape(context.shape[0], -1, self.embed.in_features)  # (B, L, F) -> (B, L / w, w * F)
        _, (hidden, cell) = self.lstm(torch.relu(self.embed(segments)))  # (B, L / w, D) -> 2 x (layers, B, D)
        return torch.cat((hidden[-1], cell[-1]), dim=-1)  # 2 x (B, D) -> (B, 2D)

    def decode(self, hidden_state: Tensor, context: Tensor, channels: Tensor | None = None) -> Tensor:
        """Return outputs (B, H, P): one step of the top layer's cell for each position, all from the same state."""
        hidden, cell = hidden_state.chunk(2, dim=-1)  # (B, 2D) -> 2 x (B, D)
        states = self.dropout(self._step(hidden, cell, channels))  # (B, S, D)
        horizon, width = self.shape
        segments = self.decoder(states.flatten(0, 1))  # (B * S, D) -> (B * S, w, P)
        outputs: Tensor = segments.reshape(context.shape[0], -1, width)[:, :horizon].float()  # -> (B, H, P)
        level, deviation = self._level(context)
        if self.skip is not None:
            window = ((context - level) / deviation)[..., 0]  # (B, L, F) -> (B, L)
            outputs = outputs + self.skip(window).float()
        return outputs * deviation[..., :1] + level[..., :1]

    def _step(self, hidden: Tensor, cell: Tensor, channels: Tensor | None) -> Tensor:
        """Return (B, S, D): what the cell says when its next input is a position's embedding.

        The state's share of the gates is the same at every position and the position's the same in every row: each is
        multiplied out once, and only their sums are (B, S, 4D).
        """
        weights, recurrent, bias, recurrent_bias = self.lstm.all_weights[-1]  # (4D, D), (4D, D), (4D,), (4D,)
        of_state = F.linear(hidden, recurrent, bias + recurrent_bias)  # (B, D) -> (B, 4D)
        if self.channels is not None and channels is not None:
            of_state = of_state + F.linear(self.channels, weights)[channels]  # (C, 4D) -> (B, 4D)
        of_position = F.linear(self.positions, weights)  # (S, D) -> (S, 4D)
        i, f, g, o = (of_state[:, None] + of_position).chunk(4, dim=-1)  # (B, S, 4D) -> 4 x (B, S, D)
        state = torch.sigmoid(f) * cell[:, None] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(state)

    def _level(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is taken off a window (B, L, F) and what it is divided by, each (B, 1, F)."""
        if self.normalisation == "none":
            return torch.zeros_like(context[:, :1]), torch.ones_like(context[:, :1])
        if self.normalisation == "subtract_last":
            return context[:, -1:], torch.ones_like(context[:, :1])
        deviation = context.std(dim=1, keepdim=True, correction=0)
        return context.mean(dim=1, keepdim=True), deviation + SMALLEST_DEVIATION
