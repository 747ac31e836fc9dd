"""The mLSTM of the xLSTM family: a memory of keys and values, read by asking, all patches at once."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forecaster.networks.stack import stack_of_patches

FORGET_BIAS = 3.0  # sigmoid(3) = 0.95: at first, what is remembered fades by 5 % a patch


def mlstm_parallel(query: Tensor, key: Tensor, value: Tensor, raw_input: Tensor, raw_forget: Tensor) -> Tensor:
    """Read the matrix memory at every step, without a loop over the steps.

    For one head with q, k, v[t] (d,) and the scalars i~[t], f~[t], the memory of the recurrent form is

        C[t] = f C[t-1] + i v k'       n[t] = f n[t-1] + i k       h~[t] = C[t] q / max(|n[t] . q|, 1)

    with i = exp(i~) and f = sigmoid(f~). Unrolled, for s <= t (and minus infinity elsewhere):

        log_d[t, s] = log f[s+1] + ... + log f[t] + i~[s]       log of what is left at t of step s           (N, N)
        m[t] = max_s log_d[t, s]                                stabiliser                                   (N,)
        w[t, s] = (q[t] . k[s]) exp(log_d[t, s] - m[t])         weights in units of exp(m[t])                (N, N)
        h~[t] = sum_s w[t, s] v[s] / max(|sum_s w[t, s]|, exp(-m[t]))                                        (N, d)

    m cancels: it changes no value and no gradient.

    Args:
        query: (..., N, d).
        key: (..., N, d), already divided by the root of d.
        value: (..., N, d).
        raw_input: (..., N) i~.
        raw_forget: (..., N) f~.

    Returns:
        (..., N, d) h~.

    Source:
        Beck et al. (2024), arXiv:2405.04517, equations 19 to 21 and appendix A.3 for the parallel form.
    """
    length = raw_input.shape[-1]
    past = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    faded = F.logsigmoid(raw_forget).cumsum(dim=-1)  # (..., N)
    log_d = faded.unsqueeze(-1) - faded.unsqueeze(-2) + raw_input.unsqueeze(-2)  # (..., N, N)
    log_d = log_d.masked_fill(~past, -torch.inf)
    m = log_d.detach().amax(dim=-1, keepdim=True)  # (..., N, 1)
    weights = query @ key.transpose(-1, -2) * torch.exp(log_d - m)  # (..., N, N)
    norm = torch.maximum(weights.sum(dim=-1, keepdim=True).abs(), torch.exp(-m))  # (..., N, 1)
    return weights @ value / norm  # (..., N, d)


class MLSTMBlock(nn.Module):
    """One residual block, x + W_out (o * h~(norm(x))) (B windows, N patches, D units, K heads of d = D / K units).

    For the normalised input x (B, D) of a patch, with W (D, D) and b (D,), each cut into K heads:

        q = W_q x + b_q                    query                                  K x (B, d)
        k = W_k x / sqrt(d) + b_k          key                                    K x (B, d)
        v = W_v x + b_v                    value                                  K x (B, d)
        i~ = w_i . x + b_i                 log of the input gate i = exp(i~)      K x (B,)
        f~ = w_f . x + b_f                 the forget gate is f = sigmoid(f~)     K x (B,)
        o = sigmoid(W_o x + b_o)           output gate                            (B, D)
        h = o * h~                         h~ by `mlstm_parallel`, heads joined   (B, D)

    No gate sees the state, which is why all patches can be read at once.

    Departures from the paper:

    1. The forget gate is a sigmoid, one of the two the paper allows.
    2. No convolution, no norm by heads, and no widening around the memory: heads of a few units keep their size, which
       is what a forecast is made of, and patches have mixed the bars already.
    3. Weights start as torch's linear layers; those of i~ and f~ at 0, b_i at 0, b_f at 3.

    Args:
        units: D.
        num_heads: K, a divisor of D.

    Source:
        Beck et al. (2024), xLSTM: extended long short-term memory, arXiv:2405.04517, section 2.3, equations 19 to 27.
    """

    def __init__(self, units: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads, self.width = num_heads, units // num_heads
        self.norm = nn.LayerNorm(units)
        self.query = nn.Linear(units, units)
        self.key = nn.Linear(units, units, bias=False)
        self.key_bias = nn.Parameter(torch.zeros(units))
        self.value = nn.Linear(units, units)
        self.gates = nn.Linear(units, 2 * num_heads)  # i~ of every head, then f~
        self.shown = nn.Linear(units, units)  # o
        self.out = nn.Linear(units, units, bias=False)
        nn.init.zeros_(self.gates.weight)
        nn.init.zeros_(self.gates.bias[:num_heads])
        nn.init.constant_(self.gates.bias[num_heads:], FORGET_BIAS)

    def forward(self, states: Tensor) -> Tensor:
        """Return (B, N, D) for (B, N, D) `states` of the layer below."""
        x = self.norm(states)
        query, value = self._heads(self.query(x)), self._heads(self.value(x))  # (B, N, D) -> (B, K, N, d)
        key = self._heads(self.key(x) * self.width**-0.5 + self.key_bias)
        raw_input, raw_forget = self.gates(x).transpose(1, 2).chunk(2, dim=1)  # (B, N, 2K) -> 2 x (B, K, N)
        read = mlstm_parallel(query, key, value, raw_input, raw_forget)  # (B, K, N, d)
        joined = read.transpose(1, 2).reshape(states.shape)  # (B, K, N, d) -> (B, N, D)
        change: Tensor = self.out(torch.sigmoid(self.shown(x)) * joined)
        return states + change

    def _heads(self, states: Tensor) -> Tensor:
        batch, length, _ = states.shape
        return states.view(batch, length, self.num_heads, self.width).transpose(1, 2)  # (B, N, D) -> (B, K, N, d)


mlstm_network = partial(stack_of_patches, MLSTMBlock)
