"""The laws that every architecture keeps, and the settings that make none."""

import pytest
import torch

from forecaster.config import PATCHED, SEGMENTED, ModelConfig
from forecaster.networks.base import build_network

from markets import KINDS
from networks import FEATURES, close, draw, small_network


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_its_shapes_and_starts_at_no_change(kind):
    heads = {"num_heads": 2} if kind in PATCHED else {"segment_length": 4} if kind in SEGMENTED else {}
    config = ModelConfig(kind=kind, context_length=12, horizon=3, hidden_size=6, num_layers=2, **heads)
    network = build_network(config, FEATURES, 2)
    outputs, hidden_state = network(torch.randn(5, 12, FEATURES))
    assert outputs.shape == (5, 3, 2)
    assert hidden_state.shape == (5, network.hidden_width) == (5, 12 if kind in SEGMENTED else 6)
    assert not outputs.any()
    assert torch.isfinite(hidden_state).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 3])
def test_gradients_reach_every_weight(kind, layers):
    network = small_network(kind, num_layers=layers).train()
    network(draw(4, 12, FEATURES))[0].square().sum().backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None, name
        assert weights.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("kind", KINDS)
def test_every_bar_of_the_window_can_change_what_is_said(kind):
    network, context = small_network(kind), draw(2, 12, FEATURES)
    before = network.encode(context)
    for bar in range(12):
        other = context.clone()
        other[:, bar] += 1.0
        assert (network.encode(other) - before).abs().max() > 1e-7, bar


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_s_state_does_not_depend_on_the_rest_of_its_batch(kind):
    network, context = small_network(kind, num_layers=2).float(), draw(64, 12, FEATURES).float()
    with torch.inference_mode():
        before = network(context)
        after = network(torch.cat((context[:20], 9.0 * context[20:])))
        fewer = network(context[:20])
    for one, two, three in zip(before, after, fewer, strict=True):
        assert torch.equal(one[:20], two[:20])  # other rows: to the last bit
        close(one[:20], three)  # fewer rows: other kernels, the same state


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_works_between_layers_and_only_while_training(kind):
    context = draw(4, 12, FEATURES)
    for layers, differs in ((1, False), (2, True)):
        network = small_network(kind, num_layers=layers, dropout=0.5)
        calm = network.encode(context)
        assert torch.equal(network.encode(context), calm)
        assert torch.equal(network.train().encode(context), calm) is not differs


@pytest.mark.parametrize("kind", PATCHED)
def test_the_oldest_bar_is_read_also_where_the_window_is_no_multiple(kind):
    network, context = small_network(kind, context_length=10), draw(2, 10, FEATURES)
    other = context.clone()
    other[:, 0] += 1.0
    assert (network.encode(other) - network.encode(context)).abs().max() > 1e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "lstmm"}, r"kind\n.*one of lstm, gru, .*slstm, mlstm, seq2seq, day_lstm .*input_value='lstmm'"),
        ({"kind": "slstm", "patch_length": 1}, r"patch_length\n.*greater than or equal to 2 .*input_value=1"),
        ({"kind": "mlstm", "context_length": 6}, r"patch_length must lie in \[2, context_length = 6\] bars, was 8"),
        ({"kind": "mlstm", "num_heads": 5}, "num_heads must divide hidden_size = 32, was 5"),
        ({"kind": "slstm", "num_heads": 0}, r"num_heads\n.*greater than or equal to 1 .*input_value=0"),
        ({"kind": "slstm", "num_heads": -2}, r"num_heads\n.*greater than or equal to 1 .*input_value=-2"),
        ({"patch_length": 4}, "patch_length is read by slstm and mlstm only: leave it at 8 for lstm, was 4"),
        ({"kind": "gru", "num_heads": 2}, "num_heads is read by slstm and mlstm only: leave it at 4 for gru, was 2"),
        ({"kind": "slstm", "patch_length": 65, "num_heads": 3}, "bars, was 65; num_heads must divide hidden_size = 32"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)
