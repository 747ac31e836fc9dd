"""The LSTM that looks back: from its last state, at the states it had at every bar of the window."""

import torch
from torch import Tensor, nn

from forecaster.config import ModelConfig
from forecaster.networks.base import LinearDecoder, Network


class AttentionNetwork(Network):
    """An LSTM with additive attention over its own hidden states (B windows, L bars, F features, D units).

    For the hidden states h[1..L] (B, D) of torch's stacked LSTM, with W_a, U_a (D, D), v_a (D,), W_c (D, 2D):

        e[j] = v_a . tanh(W_a h[L] + U_a h[j])          how well bar j answers the last one    (B,)
        a[j] = exp(e[j]) / sum_k exp(e[k])              its weight; the weights sum to 1       (B,)
        s    = sum_j a[j] h[j]                          what was looked up                     (B, D)
        hidden_state = tanh(W_c (s, h[L]))              what is said to the agent              (B, D)

    The state and what was looked up are combined into D units, so that the agent's observation keeps its width.

    Departures from Bahdanau et al.:

    1. The query is the encoder's own last state; there is no decoder that asks again for every output.
    2. The encoder reads forward only: a window has no words to come.
    3. State and summary are combined as by Luong et al., equation 5; there the decoder's next state does it.
    4. W_a, U_a and v_a start as torch's linear layers.

    Args:
        config: sizes.
        num_features: F.
        outputs: P.

    Source:
        Bahdanau, Cho and Bengio (2014), Neural machine translation by jointly learning to align and translate,
        arXiv:1409.0473, equations 5 and 6, and the alignment model of appendix A.1.2; Luong, Pham and Manning (2015),
        Effective approaches to attention-based neural machine translation, arXiv:1508.04025, equation 5.
    """

    def __init__(self, config: ModelConfig, num_features: int, outputs: int) -> None:
        super().__init__()
        units = self.hidden_width = config.hidden_size
        self.recurrent = nn.LSTM(
            num_features,
            units,
            num_layers=config.num_layers,
            dropout=config.dropout if config.num_layers > 1 else 0.0,
            batch_first=True,
        )
        self.of_query = nn.Linear(units, units, bias=False)  # W_a
        self.of_states = nn.Linear(units, units, bias=False)  # U_a
        self.score = nn.Linear(units, 1, bias=False)  # v_a
        self.combine = nn.Linear(2 * units, units, bias=False)  # W_c
        self.decoder = LinearDecoder(units, config.horizon, outputs)

    def attention(self, context: Tensor) -> Tensor:
        """Return the weight (B, L) of every bar of scaled features (B, L, F), the oldest first; rows sum to 1."""
        return self._look(context)[1]

    def encode(self, context: Tensor) -> Tensor:
        """Return the hidden state (B, D) at the last bar of scaled features (B, L, F)."""
        states, weights = self._look(context)
        summary = torch.einsum("bl,bld->bd", weights, states)
        return torch.tanh(self.combine(torch.cat((summary, states[:, -1]), dim=1)))  # (B, 2D) -> (B, D)

    def _look(self, context: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.recurrent(context)  # (B, L, F) -> (B, L, D)
        query = self.of_query(states[:, -1:])  # (B, 1, D)
        scores = self.score(torch.tanh(query + self.of_states(states)))[..., 0]  # (B, L, D) -> (B, L)
        return states, torch.softmax(scores, dim=1)
