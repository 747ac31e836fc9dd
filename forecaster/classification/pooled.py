"""A sequence read from both ends, and told by all that was read on the way.

B sequences, L steps of the longest, F channels, D units.
"""

import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network
from forecaster.networks.rnn import KERNELS

BELOW = -2.0  # any state of theirs, which lie in (-1, 1)


class PooledNetwork(Network):
    """Mean and greatest of the states of two networks, of which one reads forward and the other backward.

    With x[1..L] (B, L, F):

        h[1..L] = LSTM(x[1..L]),  g[L..1] = LSTM'(x[L..1])         (B, L, D) each
        s[t] = (h[t], g[t])                                        (B, L, 2 D)
        hidden_state = (mean of s[t], greatest of s[t]) over t     (B, 4 D)

    What the last state must carry to the end, through L gates, is a step from the softmax here. A stack of layers reads
    both directions of the layer below.

    Args:
        config: kind (`lstm`, `gru`, `rnn`) and sizes.
        num_features: F.
        outputs: P.

    Source:
        Schuster and Paliwal (1997), Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing
        45(11); Conneau et al. (2017), arXiv:1705.02364, section 3.2, where either mean or greatest is taken.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int) -> None:
        super().__init__()
        self.hidden_width = 4 * config.hidden_size
        self.recurrent = KERNELS[config.kind](
            num_features,
            config.hidden_size,
            num_layers=config.num_layers,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
            batch_first=True,
            bidirectional=True,
        )
        self.decoder = LinearDecoder(self.hidden_width, config.horizon, outputs)

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, 4 D) of sequences (B, L, F) of one length."""
        return self.encode_ragged(context, torch.full((len(context),), context.shape[1]))

    def encode_ragged(self, context: Tensor, lengths: Tensor) -> Tensor:
        """Return the hidden states (B, 4 D) of sequences of unequal length; see `Network`."""
        packed = pack_padded_sequence(context, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, lengths = pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)  # (B, L, 2 D), 0 after ends
        lengths = lengths.to(states.device)[:, None]
        mean = states.sum(dim=1) / lengths  # (B, L, 2 D) -> (B, 2 D)
        ended = torch.arange(states.shape[1], device=states.device) >= lengths  # (B, L)
        greatest = states.masked_fill(ended[..., None], BELOW).amax(dim=1)
        return torch.cat((mean, greatest), dim=1)
