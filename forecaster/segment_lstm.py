"""A segment LSTM: the window in few long steps, the forecast in parallel ones.

Source: Lin, Lin, Wu, Zhao, Mo and Tong (2023), SegRNN: Segment recurrent neural network for long-term time series
forecasting, arXiv:2308.11200, section 3. Departures:

1. The cell is an LSTM; the paper's is a GRU.
2. A segment holds all features of its bars; the paper reads one channel at a time. With one feature they are the same.
3. Windows that are no multiple of a segment are filled up at the old end (`forecaster.patches`), and the last segment
   of the forecast is cut.
4. A linear map of the first feature's window may be added (`linear_skip`), after NLinear: Zeng et al. (2023),
   arXiv:2205.13504. It and the last layer start at zero, so that the untrained forecast is no change.
5. The paper subtracts the window's last value and adds it to the forecast. A series of returns has no such level;
   whoever knows that a feature is the level of the target does it outside.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.network import Network
from forecaster.patches import PatchEmbedding


class SegmentLSTM(Network):
    """Read N = L / w segments of w bars by an LSTM, and speak M = H / w segments at once.

    Segment m of the forecast is one more step of the same LSTM, from the state at the last bar, with a position
    embedding for input: M steps beside one another instead of one after another.

    Args:
        config: sizes; `patch_length` is w.
        num_features: F.
        outputs: P.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int) -> None:
        super().__init__()
        units, self.segment = config.hidden_size, config.patch_length
        self.hidden_width, self.horizon, self.outputs = units, config.horizon, outputs
        steps = -(-config.horizon // self.segment)  # M, rounded up
        self.embedding = PatchEmbedding(self.segment, num_features, units)
        dropout = config.dropout if config.num_layers > 1 else 0.0
        self.lstm = nn.LSTM(units, units, num_layers=config.num_layers, dropout=dropout, batch_first=True)
        self.positions = nn.Parameter(torch.randn(steps, units) / units**0.5)
        self.dropout = config.dropout
        self.decoder = nn.Linear(units, self.segment * outputs)
        self.skip = nn.Linear(config.context_length, config.horizon) if config.linear_skip else None
        for layer in (self.decoder, self.skip):
            if layer is not None:
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) after the last segment of scaled features (B, L, F)."""
        return self._read(context)[0][-1]

    def decode(self, hidden_state: Tensor, context: Tensor) -> Tensor:
        """Return (B, H, P) outputs; the cell state, which the hidden state does not hold, is read again."""
        state, cell = self._read(context)
        return self._speak(torch.cat([state[:-1], hidden_state[None]]), cell, context)

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, H, P) and the hidden state (B, D) for scaled features (B, L, F)."""
        state, cell = self._read(context)
        return self._speak(state, cell, context), state[-1]

    def _read(self, context: Tensor) -> tuple[Tensor, Tensor]:
        segments = F.relu(self.embedding(context))  # (B, L, F) -> (B, N, D)
        _, (state, cell) = self.lstm(segments)  # (layers, B, D) each
        return state, cell

    def _speak(self, state: Tensor, cell: Tensor, context: Tensor) -> Tensor:
        batch, steps = len(context), len(self.positions)
        places = self.positions.repeat(batch, 1)[:, None]  # (M, D) -> (B * M, 1, D)
        copies = [part.repeat_interleave(steps, dim=1) for part in (state, cell)]  # (layers, B * M, D)
        spoken, _ = self.lstm(places, (copies[0], copies[1]))  # (B * M, 1, D)
        spoken = F.dropout(spoken[:, 0], self.dropout, self.training)
        outputs: Tensor = self.decoder(spoken).view(batch, steps * self.segment, self.outputs)[:, : self.horizon]
        if self.skip is None:
            return outputs
        return torch.cat([outputs[..., :1] + self.skip(context[:, :, 0])[..., None], outputs[..., 1:]], dim=-1)
