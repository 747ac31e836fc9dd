"""An LSTM that reads the window, and another that speaks of the bars ahead one by one, knowing what is known of each.

After the encoder-decoder of Cho et al. (2014) and Sutskever et al. (2014), conditioned on covariates of the bars ahead
as DeepAR and MQ-RNN are. Departures from the papers, numbered: docs/forecaster.md.
"""

import torch
from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network


class Seq2Seq(Network):
    """Encoder and decoder of D units each (B windows, L bars, F features, H bars ahead, G columns known of each).

    For the window x[1..L] (B, F) and what is known of the bars ahead, u[1..H] (B, G):

        h[t]   = LSTM_e(x[t], h[t-1])                    the encoder, bar by bar                              (B, D)
        s      = h[L]                                    the summary: the hidden state, of the past alone     (B, D)
        z[0]   = (tanh(V s), W s)                        state and cell with which the decoder begins     2 x (B, D)
        z[k]   = LSTM_d(E u[k] + p[k], z[k-1])           the decoder, a step a bar ahead; p: its position     (B, D)
        y[k]   = O (z[k], u[k])                          what is said of bar t + k; O starts at zero          (B, P)

    No y is read again: what is said of one bar does not depend on what was said of another.

    Args:
        config: sizes; encoder and decoder have `num_layers` layers each.
        num_features: F.
        outputs: P.
        num_future: G; 0 where nothing is known of the bars ahead.

    Source:
        Cho et al. (2014), arXiv:1406.1078, section 2.2 and appendix A.1; Sutskever, Vinyals and Le (2014),
        arXiv:1409.3215, section 2; Wen et al. (2017), arXiv:1711.11053, section 3, for the direct forecast.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int, num_future: int = 0) -> None:
        super().__init__()
        units, layers, horizon = config.hidden_size, config.num_layers, config.horizon
        self.hidden_width = units
        between = config.dropout if layers > 1 else 0.0
        self.encoder = nn.LSTM(num_features, units, num_layers=layers, dropout=between, batch_first=True)
        self.begin = nn.Linear(units, 2 * layers * units)  # V and W, of every layer
        self.embed = nn.Linear(num_future, units, bias=False) if num_future else None  # E
        self.positions = nn.Parameter(torch.randn(horizon, units) / units**0.5)  # p
        self.recurrent = nn.LSTM(units, units, num_layers=layers, dropout=between, batch_first=True)
        self.decoder = LinearDecoder(units + num_future, 1, outputs)  # O

    def forward(self, context: Tensor, future: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs (B, H, P) and the hidden state (B, D) for a window (B, L, F) and bars ahead (B, H, G)."""
        hidden_state = self.encode(context)
        return self.decode(hidden_state, context, future), hidden_state

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) at the last bar of scaled features (B, L, F); it knows of no bar ahead."""
        states, _ = self.encoder(context)  # (B, L, F) -> (B, L, D)
        hidden_state: Tensor = states[:, -1]  # (B, L, D) -> (B, D)
        return hidden_state

    def decode(self, hidden_state: Tensor, context: Tensor, future: Tensor | None = None) -> Tensor:
        """Return (B, H, P) outputs; those of bar k depend on what is known of bars up to k. The window is not read."""
        begin = self.begin(hidden_state).unflatten(1, (2, self.recurrent.num_layers, -1))  # (B, 2, layers, D)
        hidden, cell = begin.transpose(0, 2).unbind(1)  # (layers, 2, B, D) -> 2 x (layers, B, D)
        steps = self.positions.expand(hidden_state.shape[0], -1, -1)  # (H, D) -> (B, H, D)
        if self.embed is not None:
            steps = steps + self.embed(future)  # (B, H, G) -> (B, H, D)
        states, _ = self.recurrent(steps, (torch.tanh(hidden).contiguous(), cell.contiguous()))  # (B, H, D)
        if future is not None:
            states = torch.cat((states, future), dim=-1)  # (B, H, D + G)
        outputs: Tensor = self.decoder(states.flatten(0, 1))  # (B * H, D + G) -> (B * H, 1, P)
        return outputs.view(*states.shape[:2], -1)
