"""Attention against its equations; it is a distribution, and it matters."""

import torch
from hypothesis import given, settings

from forecaster.config import ModelConfig
from forecaster.networks.attention_lstm import AttentionNetwork

from networks import FEATURES, close, draw, randomise, seeds, shapes, small_network


@given(shapes, seeds)
@settings(max_examples=15)
def test_attention_is_its_equations(shape, seed):
    batch, length, features, units = shape
    config = ModelConfig(kind="lstm_attention", context_length=max(length, 2), hidden_size=units)
    network, context = randomise(AttentionNetwork(config, features, 1), seed), draw(batch, length, features, seed=seed)
    states = network.recurrent(context)[0]
    for row in range(batch):
        query = network.of_query.weight @ states[row, -1]
        scores = [network.score.weight[0] @ torch.tanh(query + network.of_states.weight @ h) for h in states[row]]
        weights = [torch.exp(score) / sum(map(torch.exp, scores)) for score in scores]
        close(network.attention(context)[row], torch.stack(weights))
        summary = sum(weight * h for weight, h in zip(weights, states[row], strict=True))
        said = torch.tanh(network.combine.weight @ torch.cat((summary, states[row, -1])))
        close(network.encode(context)[row], said)


@given(seeds)
@settings(max_examples=15)
def test_attention_is_a_distribution_over_the_bars(seed):
    network, context = small_network("lstm_attention", seed), draw(5, 12, FEATURES, seed=seed)
    weights = network.attention(context)
    assert weights.shape == (5, 12)
    assert (weights > 0.0).all()
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(5, dtype=torch.float64))


def test_where_attention_looks_decides_what_is_said():
    network, context = small_network("lstm_attention"), draw(5, 12, FEATURES)
    before = network.encode(context)
    network.score.weight.data.zero_()
    close(network.attention(context), torch.full((5, 12), 1.0 / 12.0, dtype=torch.float64))
    assert (network.encode(context) - before).abs().max() > 1e-3
