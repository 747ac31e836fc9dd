"""The segment LSTM against a reader that goes segment by segment, and speaks one after another."""

import pytest
import torch
from torch import nn

from forecaster.config import ModelConfig
from forecaster.network import build_network

from networks import close, draw, randomise

FEATURES = 3


def network(outputs=2, **changes):
    sizes = {"context_length": 12, "horizon": 7, "hidden_size": 6, "patch_length": 4, **changes}
    return randomise(build_network(ModelConfig(kind="segment_lstm", **sizes), FEATURES, outputs), 1, scale=0.5)


def slow(made, context):
    """Segments embedded and read one by one; each segment of the forecast by a step of its own from the last state."""
    cell = nn.LSTMCell(6, 6).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data = getattr(made.lstm, f"{name}_l0").data
    h = c = context.new_zeros(len(context), 6)
    for first in range(0, 12, 4):
        piece = context[:, first : first + 4].flatten(1)
        h, c = cell(torch.relu(piece @ made.embedding.weight.T + made.embedding.bias), (h, c))
    said = []
    for place in made.positions:
        spoken, _ = cell(place.expand(len(context), -1), (h, c))
        said.append((spoken @ made.decoder.weight.T + made.decoder.bias).view(len(context), 4, -1))
    return torch.cat(said, dim=1)[:, :7], h


def test_in_parallel_it_says_what_it_would_say_step_by_step():
    made, context = network(), draw(5, 12, FEATURES)
    outputs, hidden_state = made(context)
    expected, state = slow(made, context)
    close(outputs, expected)
    close(hidden_state, state)
    close(made.encode(context), state)
    close(made.decode(state, context), expected)


def test_a_linear_skip_adds_a_map_of_the_first_feature_to_the_first_output():
    plain, context = network(), draw(5, 12, FEATURES)
    skipped = network(linear_skip=True)
    skipped.load_state_dict(plain.state_dict(), strict=False)
    added = skipped(context)[0] - plain(context)[0]
    close(added[..., 1], torch.zeros(5, 7, dtype=torch.float64))
    close(added[..., 0], context[:, :, 0] @ skipped.skip.weight.T + skipped.skip.bias)


@pytest.mark.parametrize("skip", [False, True])
def test_untrained_it_says_no_change(skip):
    config = ModelConfig(kind="segment_lstm", context_length=12, patch_length=5, linear_skip=skip)
    outputs, _ = build_network(config, FEATURES, 1)(torch.randn(4, 12, FEATURES))
    assert outputs.shape == (4, 5, 1)
    assert not outputs.any()


def test_a_skip_for_another_kind_is_refused():
    with pytest.raises(ValueError, match="linear_skip is read by segment_lstm only: leave it at False"):
        ModelConfig(kind="lstm", linear_skip=True)
