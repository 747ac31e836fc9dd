"""The LSTM with layer normalisation against its equations, and what the norm makes invisible."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.config import ModelConfig
from forecaster.networks.base import build_network
from forecaster.networks.layernorm_lstm import LayerNormLSTM

from networks import close, draw, layer_norm, randomise, seeds, shapes


@given(shapes, seeds)
@settings(max_examples=15)
def test_the_layer_norm_lstm_is_its_equations(shape, seed):
    batch, length, features, units = shape
    layer, context = randomise(LayerNormLSTM(features, units), seed), draw(batch, length, features, seed=seed)
    h = c = torch.zeros(batch, units, dtype=torch.float64)
    states = []
    for t in range(length):
        raw = layer_norm(h @ layer.weight_hidden.T, layer.gain_hidden)
        raw = raw + layer_norm(context[:, t] @ layer.weight_input.T + layer.bias_input, layer.gain_input) + layer.bias
        i, f, g, o = raw.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(layer_norm(c, layer.cell_norm.weight) + layer.cell_norm.bias)
        states.append(h)
    close(layer(context), torch.stack(states, dim=1))


@given(st.floats(2.0, 50.0), seeds)
@settings(max_examples=15)
def test_layer_norm_makes_the_size_and_the_mean_of_the_weights_invisible(scale, seed):
    context = draw(4, 6, 3, seed=seed)
    layer = randomise(LayerNormLSTM(3, 8), seed)
    layer.weight_hidden.data *= 30.0  # far above the 1e-5 that is added to the variance
    layer.weight_input.data *= 30.0
    layer.bias_input.data *= 30.0
    before = layer(context)
    layer.weight_hidden.data = scale * layer.weight_hidden.data + draw(1, 8, seed=seed)
    layer.weight_input.data = scale * layer.weight_input.data + draw(1, 3, seed=seed)
    layer.bias_input.data = scale * layer.bias_input.data + 2.0
    torch.testing.assert_close(layer(context), before, rtol=0.0, atol=1e-4)


def test_layer_norm_leaves_the_size_of_a_bar_visible():
    layer, context = randomise(LayerNormLSTM(3, 8), 0), draw(4, 6, 3)
    assert (layer(10.0 * context) - layer(context)).abs().max() > 0.1
    layer.bias_input.data.zero_()  # as in the paper
    layer.weight_input.data *= 30.0
    torch.testing.assert_close(layer(10.0 * context), layer(context), rtol=0.0, atol=1e-3)


def test_what_a_fresh_stack_makes_of_an_old_bar_fades():
    config = ModelConfig(kind="lstm_layernorm", context_length=64, hidden_size=32, num_layers=2)
    torch.manual_seed(0)
    network, context = build_network(config, 5, 1).double(), draw(32, 64, 5)
    before = network.encode(context)
    moved = []
    for bar in (63, 0):
        other = context.clone()
        other[:, bar] += 1e-5 * draw(32, 5, seed=bar)
        moved.append((network.encode(other) - before).norm().item())
    assert moved[1] < 0.1 * moved[0]
