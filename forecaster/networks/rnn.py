"""The plain recurrent networks: a stacked LSTM, GRU or tanh RNN by torch's own kernels."""

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network

KERNELS: dict[str, type[nn.LSTM] | type[nn.GRU] | type[nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class RecurrentNetwork(Network):
    """Read bar by bar; the hidden state is the top layer's at the last bar.

    Args:
        config: kind and sizes.
        num_features: F.
        outputs: P.

    Source:
        LSTM: Hochreiter and Schmidhuber (1997), Neural Computation 9(8), section 4, and Gers, Schmidhuber and Cummins
        (2000), Neural Computation 12(10), section 3, for the forget gate; its equations: docs/forecaster.md. GRU: Cho
        et al. (2014), arXiv:1406.1078, section 2.3.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int) -> None:
        super().__init__()
        self.hidden_width = config.hidden_size
        self.recurrent = KERNELS[config.kind](
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

    def encode_ragged(self, context: Tensor, lengths: Tensor) -> Tensor:
        """Return the hidden states (B, D) at the last bars of windows of unequal length, packed; see `Network`."""
        packed = pack_padded_sequence(context, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.recurrent(packed)  # of an LSTM (h, c), each (layers, B, D)
        hidden_state: Tensor = (last[0] if isinstance(last, tuple) else last)[-1]
        return hidden_state
