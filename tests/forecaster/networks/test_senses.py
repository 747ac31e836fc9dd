"""Encoders of what stands beside numbers, and their fusion: laws that hold for each, and answers known otherwise."""

import numpy as np
import pytest
import torch

from forecaster.config import ModelConfig
from forecaster.data.senses import Sense
from forecaster.networks.base import build_network
from forecaster.networks.senses import FusedNetwork, WordEncoder

SENSES = (
    Sense("text", "words", (12,), 3, bars=2),
    Sense("text", "tokens", (5,), 3, bars=2, vocabulary=9),
    Sense("pictures", "picture", (6, 5), 3, bars=2),
    Sense("chart", "picture", (8, 9), 3, bars=1),
)
KINDS = ("lstm", "gru", "segment_lstm", "seq2seq", "mlstm")


def values_of(sense, rows, seed=0):
    """Rows (B, bars, W + 1) of which a third has nothing."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9, (rows, sense.bars, sense.width + 1)) / (1.0 if sense.kind == "tokens" else 9.0)
    values[..., -1] = rng.random((rows, sense.bars)) > 0.3
    values[..., :-1] *= values[..., -1:]
    return torch.from_numpy(values.astype(np.float32))


def fused(senses, kind="lstm"):
    torch.manual_seed(0)
    config = ModelConfig(kind=kind, context_length=8, horizon=2, hidden_size=4)
    return FusedNetwork(build_network(config, 3, 1), senses).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_any_network_reads_beside_numbers_and_says_nothing_untrained(kind):
    network, context = fused(SENSES, kind), torch.randn(7, 8, 3)
    outputs, state = network(context, *(values_of(sense, 7) for sense in SENSES))
    assert not outputs.any()
    assert state.shape == (7, network.hidden_width)
    assert not torch.equal(state, network.series.encode(context))


@pytest.mark.parametrize("sense", SENSES, ids=lambda sense: f"{sense.name}-{sense.kind}")
def test_a_row_is_read_alike_whoever_stands_beside_it(sense):
    network, context = fused((sense,)), torch.randn(6, 8, 3)
    values = values_of(sense, 6)
    others = values_of(sense, 6, seed=1)
    others[2] = values[2]
    one, other = (network(context, part)[1][2] for part in (values, others))
    assert torch.equal(one, other)


@pytest.mark.parametrize("sense", SENSES, ids=lambda sense: f"{sense.name}-{sense.kind}")
def test_where_there_is_nothing_no_value_is_read(sense):
    network, context = fused((sense,)), torch.randn(5, 8, 3)
    values = values_of(sense, 5)
    strange = values.clone()
    strange[..., :-1] += (values[..., -1:] == 0.0) * 3.0
    assert torch.equal(network(context, values)[1], network(context, strange)[1])
    there = values.clone()
    there[..., -1] = 1.0 - there[..., -1]
    assert not torch.equal(network(context, values)[1], network(context, there)[1])


def test_words_are_those_of_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    from sklearn.feature_extraction.text import TfidfTransformer

    rng = np.random.default_rng(3)
    counts = rng.poisson(0.4 + 2.0 * (np.arange(12) % 3 == rng.integers(0, 3, (80, 1))), (80, 12)).astype(float)
    encoder = WordEncoder(SENSES[0])
    encoder.fit(torch.from_numpy(counts.astype(np.float32)))
    ours = encoder(torch.from_numpy(counts.astype(np.float32))).numpy()
    theirs = decomposition.TruncatedSVD(3, algorithm="arpack").fit_transform(TfidfTransformer().fit_transform(counts))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs / theirs.std(axis=0)), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(encoder(3.0 * torch.from_numpy(counts.astype(np.float32))), ours, atol=1e-5)


def test_what_was_never_written_has_no_direction():
    encoder = WordEncoder(Sense("text", "words", (12,), 4, bars=1))
    counts = torch.zeros(5, 12)
    counts[:, 3] = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])  # one word: every text is the same direction
    encoder.fit(counts)
    assert not encoder.directions.any()
    assert torch.isfinite(encoder(counts)).all()


def test_a_picture_is_read_in_units_of_those_learned_from():
    network = fused((SENSES[2],))
    network.fit(0, torch.full((4, 30), 0.25))
    encoder = network.readers[0].encoder
    assert (float(encoder.mean), round(float(encoder.deviation), 6)) == (0.25, 0.001)


def test_a_texts_words_count_in_their_order_and_padding_does_not():
    encoder = fused((SENSES[1],)).readers[0].encoder
    told = encoder(torch.tensor([[3.0, 5.0, 0.0, 0.0, 0.0], [5.0, 3.0, 0.0, 0.0, 0.0], [3.0, 5.0, 0.0, 0.0, 0.0]]))
    assert torch.equal(told[0], told[2])
    assert not torch.equal(told[0], told[1])
