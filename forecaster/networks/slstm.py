"""The sLSTM of the xLSTM family: gates without an upper bound, a memory that is an average, over patches."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.networks.stack import stack_of_patches

FORGET_BIAS = 3.0  # sigmoid(3) = 0.95: at first, what is remembered fades by 5 % a patch


class SLSTMBlock(nn.Module):
    """One residual block, x + sLSTM(norm(x)), patch by patch (B windows, N patches, D units, K heads of d = D / K).

    For the normalised input x[t] (B, D) and the state h[t-1], c[t-1], n[t-1], m[t-1] (B, D), with W (D, D), b (D,) and
    R (D, D) for each gate, R zero outside K blocks of (d, d) on its diagonal, so that memories mix within a head only:

        z  = tanh   (W_z x + R_z h + b_z)               candidate                                        (B, D)
        i~ =         W_i x + R_i h + b_i                log of the input gate i = exp(i~)                (B, D)
        f~ =         W_f x + R_f h + b_f                the forget gate is f = sigmoid(f~)               (B, D)
        o  = sigmoid(W_o x + R_o h + b_o)               output gate                                      (B, D)
        m[t] = max(log f + m[t-1], i~)                  stabiliser: the largest exponent so far          (B, D)
        i' = exp(i~ - m[t])                             input gate in units of exp(m[t]), at most 1      (B, D)
        f' = exp(log f + m[t-1] - m[t])                 forget gate in the same units, at most 1         (B, D)
        c[t] = f' * c[t-1] + i' * z                     weighted sum of candidates                       (B, D)
        n[t] = f' * n[t-1] + i'                         sum of the weights, at least 1 by choice of m    (B, D)
        h[t] = o * c[t] / n[t]                          hidden state: the weighted mean, in (-1, 1)      (B, D)

    m cancels from c / n: it changes no value and no gradient, and keeps exp from overflowing.

    Departures from the paper:

    1. The forget gate is a sigmoid, one of the two the paper allows.
    2. m[0] is minus infinity, not 0, so that the first patch cannot underflow.
    3. No convolution, no norm by heads and no gated MLP in the block: heads of a few units keep their size, which is
       what a forecast is made of, and patches have mixed the bars already.
    4. W and R start as torch's LSTM, biases at 0, those of the forget gate at 3.

    Args:
        units: D.
        num_heads: K, a divisor of D.

    Source:
        Beck et al. (2024), xLSTM: extended long short-term memory, arXiv:2405.04517, section 2.2, equations 8 to 17.
    """

    def __init__(self, units: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, width = num_heads, units // num_heads
        bound = units**-0.5
        self.norm = nn.LayerNorm(units)
        self.weight = nn.Parameter(torch.empty(4 * units, units).uniform_(-bound, bound))  # by head, in it z, i, f, o
        self.recurrent = nn.Parameter(torch.empty(num_heads, width, 4 * width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(num_heads, 4, width))
        nn.init.constant_(self.bias[:, 2], FORGET_BIAS)

    def forward(self, states: Tensor) -> Tensor:
        """Return (B, N, D) for (B, N, D) `states` of the layer below."""
        batch, length, units = states.shape
        inputs = F.linear(self.norm(states), self.weight, self.bias.flatten())  # (B, N, D) -> (B, N, 4D)
        inputs = inputs.view(batch, length, self.num_heads, -1).permute(1, 2, 0, 3)  # (N, K, B, 4d)
        h = c = n = states.new_zeros(self.num_heads, batch, units // self.num_heads)  # (K, B, d)
        m = torch.full_like(h, -torch.inf)
        states_by_patch = []
        for x in inputs.unbind():  # N x (K, B, 4d)
            raw_z, raw_i, raw_f, raw_o = torch.baddbmm(x, h, self.recurrent).chunk(4, dim=2)  # 4 x (K, B, d)
            log_f = F.logsigmoid(raw_f) + m
            m = torch.maximum(log_f, raw_i).detach()
            i, f = torch.exp(raw_i - m), torch.exp(log_f - m)
            c = f * c + i * torch.tanh(raw_z)
            n = f * n + i
            h = torch.sigmoid(raw_o) * c / n
            states_by_patch.append(h)
        return states + torch.stack(states_by_patch).permute(2, 0, 1, 3).reshape(
            states.shape
        )  # (N, K, B, d) -> (B, N, D)


slstm_network = partial(stack_of_patches, SLSTMBlock)
