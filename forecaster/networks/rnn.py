"""The plain recurrent networks: a stacked LSTM, GRU or tanh RNN by torch's own kernels."""

from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network

CELLS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class RecurrentNetwork(Network):
    """Read bar by bar; the hidden state is the top layer's at the last bar.

    Args:
        config: kind and sizes.
        num_features: F.
        outputs: P.

    Source:
        The equations of the LSTM: `forecaster.networks.reference_lstm`. GRU: Cho et al. (2014), arXiv:1406.1078,
        section 2.3.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int) -> None:
        super().__init__()
        self.hidden_width = config.hidden_size
        self.recurrent = CELLS[config.kind](
            num_features,
            config.hidden_size,
            num_layers=config.num_layers,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
            batch_first=True,
        )
        self.decoder = LinearDecoder(config.hidden_size, config.horizon, outputs)

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) at the last bar of scaled features (B, L, F)."""
        states, _ = self.recurrent(context)  # (B, L, F) -> (B, L, D)
        hidden_state: Tensor = states[:, -1]  # (B, L, D) -> (B, D)
        return hidden_state

    def decode(self, hidden_state: Tensor, context: Tensor) -> Tensor:
        """Return (B, H, P) outputs; the window itself is not looked at again."""
        outputs: Tensor = self.decoder(hidden_state)
        return outputs
