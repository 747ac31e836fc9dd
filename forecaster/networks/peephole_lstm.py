"""The LSTM whose gates look at the cell they guard: a timer, where the plain LSTM's gates see only what was said."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.networks.stack import stack_of_bars


class PeepholeLSTM(nn.Module):
    """One layer, bar by bar (B windows, L bars, F features, D units).

    For the input x[t] (B, F) and the state h[t-1], c[t-1] (B, D), with W (D, F), U (D, D), b (D,) for each gate and the
    peepholes p (D,), one weight a unit:

        i = sigmoid(W_i x + U_i h + p_i * c[t-1] + b_i)     input gate, sees the old cell       (B, D)
        f = sigmoid(W_f x + U_f h + p_f * c[t-1] + b_f)     forget gate, sees the old cell      (B, D)
        g = tanh   (W_g x + U_g h + b_g)                    candidate                           (B, D)
        c[t] = f * c[t-1] + i * g                           cell                                (B, D)
        o = sigmoid(W_o x + U_o h + p_o * c[t] + b_o)       output gate, sees the new cell      (B, D)
        h[t] = o * tanh(c[t])                               hidden state                        (B, D)

    Departures from the paper:

    1. Gradients flow through the peepholes and through time; the paper cuts them off at the gates.
    2. The cell is shown through tanh, as by torch's LSTM: with p = 0 this is `torch.nn.LSTM`, weight by weight.
    3. Each memory block holds one cell, so that a peephole is a vector and not a matrix.
    4. Peepholes start at zero, the rest as torch's LSTM: training begins at the plain LSTM.

    Args:
        num_inputs: F.
        units: D.

    Source:
        Gers and Schmidhuber (2000), Recurrent nets that time and count, IJCNN; Gers, Schraudolph and Schmidhuber
        (2002), Learning precise timing with LSTM recurrent networks, Journal of Machine Learning Research 3, pages 115
        to 143. The order of the steps is theirs: gates i and f, the cell, and only then gate o.
    """

    def __init__(self, num_inputs: int, units: int) -> None:
        super().__init__()
        bound = units**-0.5
        self.weight_input = nn.Parameter(torch.empty(4 * units, num_inputs).uniform_(-bound, bound))  # i, f, g, o
        self.weight_hidden = nn.Parameter(torch.empty(4 * units, units).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(4 * units).uniform_(-bound, bound))
        self.peephole = nn.Parameter(torch.zeros(3, units))  # i, f, o

    def forward(self, context: Tensor) -> Tensor:
        """Return (B, L, D) hidden states for (B, L, F) `context`."""
        units = self.weight_hidden.shape[1]
        inputs = F.linear(context, self.weight_input, self.bias)  # (B, L, F) -> (B, L, 4D), all bars at once
        recurrent = self.weight_hidden.T  # (D, 4D)
        into, out = self.peephole[:2], self.peephole[2]  # (2, D), (D,)
        h = c = context.new_zeros(context.shape[0], units)  # (B, D)
        states = []
        for x in inputs.transpose(0, 1).unbind():  # L x (B, 4D)
            raw_if, raw_g, raw_o = torch.split(torch.addmm(x, h, recurrent), [2 * units, units, units], dim=1)
            raw_if = torch.addcmul(raw_if.view(-1, 2, units), c.unsqueeze(1), into)  # (B, 2, D)
            i, f = torch.sigmoid(raw_if).unbind(dim=1)
            c = torch.addcmul(f * c, i, torch.tanh(raw_g))
            h = torch.sigmoid(torch.addcmul(raw_o, c, out)) * torch.tanh(c)
            states.append(h)
        return torch.stack(states, dim=1)  # L x (B, D) -> (B, L, D)


peephole_network = partial(stack_of_bars, PeepholeLSTM)
