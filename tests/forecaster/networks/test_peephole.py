"""The peephole LSTM against its equations and against torch."""

import torch
from hypothesis import given, settings
from torch import nn

from forecaster.networks.peephole_lstm import PeepholeLSTM

from networks import close, draw, randomise, seeds, shapes


@given(shapes, seeds)
@settings(max_examples=15)
def test_the_peephole_lstm_is_its_equations(shape, seed):
    batch, length, features, units = shape
    layer, context = randomise(PeepholeLSTM(features, units), seed), draw(batch, length, features, seed=seed)
    w, u, b = layer.weight_input.chunk(4), layer.weight_hidden.chunk(4), layer.bias.chunk(4)
    p_i, p_f, p_o = layer.peephole
    h = c = torch.zeros(batch, units, dtype=torch.float64)
    states = []
    for t in range(length):
        raw_i, raw_f, raw_g, raw_o = (context[:, t] @ w[k].T + h @ u[k].T + b[k] for k in range(4))
        i, f = torch.sigmoid(raw_i + p_i * c), torch.sigmoid(raw_f + p_f * c)
        c = f * c + i * torch.tanh(raw_g)
        h = torch.sigmoid(raw_o + p_o * c) * torch.tanh(c)
        states.append(h)
    close(layer(context), torch.stack(states, dim=1))


@given(shapes, seeds)
@settings(max_examples=15)
def test_without_peepholes_it_is_torch_s_lstm(shape, seed):
    batch, length, features, units = shape
    layer, context = randomise(PeepholeLSTM(features, units), seed), draw(batch, length, features, seed=seed)
    layer.peephole.data.zero_()
    lstm = nn.LSTM(features, units, batch_first=True, dtype=torch.float64)
    weights = (layer.weight_input, layer.weight_hidden, layer.bias, torch.zeros(4 * units))
    for theirs, ours in zip(lstm.parameters(), weights, strict=True):
        theirs.data = ours.data.double()
    close(layer(context), lstm(context)[0])


def test_a_peephole_is_looked_through():
    layer, context = randomise(PeepholeLSTM(2, 4), 0), draw(3, 5, 2)
    before = layer(context)
    for gate in range(3):
        layer.peephole.data[gate] += 1.0
        after = layer(context)
        assert (after - before).abs().max() > 1e-3
        before = after


def test_a_fresh_peephole_lstm_has_no_peepholes():
    assert not PeepholeLSTM(2, 4).peephole.any()
