"""The LSTM cell by its six equations: a reference to read and to test against, not to train with."""

import torch
from torch import Tensor, nn


class ReferenceLSTM(nn.Module):
    """One LSTM layer, bar by bar, with the weights of a `torch.nn.LSTM` of one layer.

    For the input x[t] (B, F) and the state h[t-1], c[t-1] (B, D), with W (D, F), U (D, D) and b (D,) for each gate:

        i = sigmoid(W_i x + U_i h + b_i)     how much of the candidate enters      (B, D)
        f = sigmoid(W_f x + U_f h + b_f)     how much of the old cell remains      (B, D)
        g = tanh   (W_g x + U_g h + b_g)     the candidate                         (B, D)
        o = sigmoid(W_o x + U_o h + b_o)     how much of the cell is shown         (B, D)
        c[t] = f * c[t-1] + i * g            the cell: what is remembered          (B, D)
        h[t] = o * tanh(c[t])                the hidden state: what is said        (B, D)

    Args:
        lstm: the layer whose weights are read; torch stacks its gates in the order i, f, g, o and keeps two biases.

    Raises:
        ValueError: it has several layers, directions or a projection, or is not batch first.

    Source:
        Hochreiter and Schmidhuber (1997), Neural Computation 9(8), section 4, for the cell and its input and output
        gates; Gers, Schmidhuber and Cummins (2000), Neural Computation 12(10), section 3, for the forget gate.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        if lstm.num_layers != 1 or lstm.bidirectional or lstm.proj_size or not lstm.batch_first or not lstm.bias:
            raise ValueError("the reference reads one layer, one direction, batch first, with biases and no projection")
        self.lstm = lstm

    def forward(self, context: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return (B, L, D) hidden states and the last hidden and cell state, each (B, D), for (B, L, F) `context`."""
        weights, recurrent, bias_in, bias_hidden = self.lstm.all_weights[0]
        w_i, w_f, w_g, w_o = weights.chunk(4)  # (4D, F) -> 4 x (D, F)
        u_i, u_f, u_g, u_o = recurrent.chunk(4)  # (4D, D) -> 4 x (D, D)
        b_i, b_f, b_g, b_o = (bias_in + bias_hidden).chunk(4)  # (4D,) -> 4 x (D,)
        h = c = context.new_zeros(len(context), self.lstm.hidden_size)  # (B, D)
        states = []
        for x in context.unbind(dim=1):  # (B, L, F) -> L x (B, F)
            i = torch.sigmoid(x @ w_i.T + h @ u_i.T + b_i)
            f = torch.sigmoid(x @ w_f.T + h @ u_f.T + b_f)
            g = torch.tanh(x @ w_g.T + h @ u_g.T + b_g)
            o = torch.sigmoid(x @ w_o.T + h @ u_o.T + b_o)
            c = f * c + i * g
            h = o * torch.tanh(c)
            states.append(h)
        return torch.stack(states, dim=1), (h, c)  # L x (B, D) -> (B, L, D)
