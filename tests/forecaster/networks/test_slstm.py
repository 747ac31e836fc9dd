"""The sLSTM against its equations without a stabiliser, and the patches it reads."""

import pytest
import torch
from hypothesis import given, settings

from forecaster.config import ModelConfig
from forecaster.networks.patches import patches
from forecaster.networks.slstm import SLSTMBlock

from networks import close, draw, headed, layer_norm, randomise, seeds


@given(headed, seeds)
@settings(max_examples=15)
def test_the_slstm_is_its_equations(shape, seed):
    batch, length, heads, width = shape
    units = heads * width
    block, states = randomise(SLSTMBlock(units, heads), seed), draw(batch, length, units, seed=seed)
    w = block.weight.view(heads, 4, width, units)  # by head and gate
    h = c = n = torch.zeros(batch, heads, width, dtype=torch.float64)
    said = []
    for t in range(length):
        x = layer_norm(states[:, t], block.norm.weight) + block.norm.bias
        raw = torch.empty(4, batch, heads, width, dtype=torch.float64)
        for head in range(heads):
            r = block.recurrent[head].view(width, 4, width)  # from unit, gate, to unit
            for gate in range(4):
                raw[gate, :, head] = x @ w[head, gate].T + h[:, head] @ r[:, gate] + block.bias[head, gate]
        z, i, f, o = torch.tanh(raw[0]), torch.exp(raw[1]), torch.sigmoid(raw[2]), torch.sigmoid(raw[3])
        c, n = f * c + i * z, f * n + i  # equations 8 and 9, without the stabiliser
        h = o * c / n
        said.append(states[:, t] + h.reshape(batch, units))
    close(block(states), torch.stack(said, dim=1))


@pytest.mark.parametrize("gate", [-1000.0, -100.0, 100.0, 1000.0])
def test_the_slstm_s_gates_never_overflow(gate):
    block = SLSTMBlock(6, 2)
    block.bias.data[:, 1] += gate
    block.bias.data[:, 2] -= gate
    said = block(draw(2, 5, 6).float())
    said.sum().backward()
    for tensor in (said, *(weights.grad for weights in block.parameters())):
        assert torch.isfinite(tensor).all()


def test_patches_hold_every_bar_once_in_order_and_end_with_the_newest():
    context = torch.arange(1.0, 21.0).view(1, 10, 2)
    cut = patches(context, 4)
    assert cut.shape == (1, 3, 8)
    assert cut[0, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    assert cut.flatten()[4:].tolist() == context.flatten().tolist()


def test_a_window_of_64_bars_is_eight_patches():
    assert patches(torch.zeros(2, 64, 3), ModelConfig().patch_length).shape == (2, 8, 24)
