"""The segment LSTM: its segments, its decoding by position, and the level it takes off and gives back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from forecaster.config import ForecasterConfig, ModelConfig
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import encode
from forecaster.networks.segment_lstm import SegmentLSTM

from markets import noise_series, small_config
from reference_lstm import ReferenceLSTM

sizes = st.tuples(st.integers(1, 4), st.integers(2, 5), st.integers(1, 9), st.integers(1, 3), st.integers(1, 4))


def network(num_features=1, outputs=1, num_channels=0, seed=0, **sizes):
    """A network whose every weight is drawn, the zeros of the decoders as well."""
    config = ModelConfig(
        **{"kind": "segment_lstm", "hidden_size": 3, "context_length": 12, "segment_length": 4, **sizes}
    )
    made, rng = SegmentLSTM(config, num_features, outputs, num_channels), torch.Generator().manual_seed(seed)
    for weights in made.parameters():
        weights.data = 0.5 * torch.randn(weights.shape, generator=rng)
    return made.eval()


def windows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_reference(made, context):
    """The same network one segment, one position and one bar at a time, by the six equations of the cell."""
    segments = []
    for first in range(0, context.shape[1], made.bars):
        bars = torch.cat([context[:, first + bar] for bar in range(made.bars)], dim=1)
        segments.append(torch.relu(bars @ made.embed.weight.T + made.embed.bias))
    _, (hidden, cell) = ReferenceLSTM(made.lstm)(torch.stack(segments, dim=1))
    step = nn.LSTMCell(made.lstm.input_size, made.lstm.hidden_size)
    step.load_state_dict({name.removesuffix("_l0"): weights for name, weights in made.lstm.state_dict().items()})
    horizon, outputs = made.shape
    forecast = torch.zeros(len(context), horizon, outputs)
    for bar in range(horizon):
        position, within = divmod(bar, made.bars)
        said, _ = step(made.positions[position].expand(len(context), -1), (hidden, cell))
        for output in range(outputs):
            row = within * outputs + output
            forecast[:, bar, output] = said @ made.decoder.weight[row] + made.decoder.bias[row]
    return forecast, torch.cat((hidden, cell), dim=1)


@given(sizes, st.integers(0, 2**31))
@settings(max_examples=25)
def test_it_is_the_slow_reference_for_any_segment_horizon_and_number_of_features(chosen, seed):
    bars, steps, horizon, features, batch = chosen
    made = network(features, 2, seed=seed, segment_length=bars, context_length=bars * steps, horizon=horizon)
    context = windows(batch, bars * steps, features, seed=seed)
    outputs, hidden_state = made(context)
    expected, expected_state = slow_reference(made, context)
    assert outputs.shape == (batch, horizon, 2)
    assert hidden_state.shape == (batch, made.hidden_width)
    torch.testing.assert_close(outputs, expected, rtol=0.0, atol=1e-5)
    torch.testing.assert_close(hidden_state, expected_state, rtol=0.0, atol=1e-5)
    torch.testing.assert_close(made.decode(made.encode(context), context), outputs)


@pytest.mark.parametrize("normalisation", ["none", "subtract_last", "revin"])
@pytest.mark.parametrize("linear_skip", [False, True])
def test_untrained_it_forecasts_the_level_it_took_off(normalisation, linear_skip):
    config = ModelConfig(
        kind="segment_lstm", context_length=12, segment_length=4, normalisation=normalisation, linear_skip=linear_skip
    )
    context = windows(5, 12, 2)
    outputs, _ = SegmentLSTM(config, 2, 1)(context)
    series = context[..., 0]
    level = {"none": torch.zeros(5), "subtract_last": series[:, -1], "revin": series.mean(dim=1)}[normalisation]
    torch.testing.assert_close(outputs, level[:, None, None].expand(5, 5, 1))


@pytest.mark.parametrize(("normalisation", "scale"), [("subtract_last", 1.0), ("revin", 1.0), ("revin", 50.0)])
@pytest.mark.parametrize("linear_skip", [False, True])
def test_a_series_moved_or_scaled_is_forecast_moved_or_scaled(normalisation, scale, linear_skip):
    made = network(normalisation=normalisation, linear_skip=linear_skip)
    context = 1e3 * windows(4, 12, 1)  # so large that the smallest deviation is nothing beside it
    moved, _ = made(scale * context + 7.0)
    torch.testing.assert_close(moved, scale * made(context)[0] + 7.0, rtol=1e-3, atol=1e-2)


def test_the_linear_skip_is_added_to_the_forecast():
    with_skip, without = network(linear_skip=True, seed=3), network(seed=3)
    without.load_state_dict({name: w for name, w in with_skip.state_dict().items() if not name.startswith("skip")})
    context = windows(4, 12, 1)
    added = with_skip.skip(context[..., 0])
    torch.testing.assert_close(with_skip(context)[0], without(context)[0] + added)


def test_channels_are_told_apart_only_by_their_embedding():
    made, context = network(num_channels=3), windows(1, 12, 1).expand(4, 12, 1)
    outputs, hidden_state = made(context, torch.tensor([0, 1, 2, 1]))
    assert torch.equal(outputs[1], outputs[3])
    assert not torch.allclose(outputs[0], outputs[1])
    torch.testing.assert_close(hidden_state, hidden_state[:1].expand(4, -1))
    alone, _ = network(num_channels=3)(context[:1], torch.tensor([2]))
    torch.testing.assert_close(outputs[2:3], alone)


def test_a_row_s_forecast_does_not_depend_on_the_rows_beside_it():
    made, context = network(2, normalisation="revin"), windows(6, 12, 2)
    torch.testing.assert_close(made(context)[0][2:3], made(context[2:3])[0])


def test_dropout_acts_in_training_only():
    made, context = network(dropout=0.5), windows(4, 12, 1)
    assert torch.equal(made(context)[0], made(context)[0])
    made.train()
    assert not torch.equal(made(context)[0], made(context)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"segment_length": 5}, "segment_length must divide context_length = 64 bars, was 5"),
        ({"segment_length": 0}, r"segment_length\n.*greater than or equal to 1 .*input_value=0"),
        ({"normalisation": "log"}, r"normalisation\n.*'none', 'subtract_last' or 'revin'.*input_value='log'"),
        ({"kind": "lstm", "segment_length": 16}, "segment_length is read by segment_lstm only: leave it at 8 for lstm"),
        ({"kind": "gru", "linear_skip": True}, "linear_skip is read by segment_lstm only: leave it at False for gru"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**{"kind": "segment_lstm", **settings})


def test_a_level_is_not_given_back_to_several_outputs():
    config = ModelConfig(kind="segment_lstm", normalisation="subtract_last")
    with pytest.raises(ValueError, match="normalisation must be none with 3 outputs a bar, was 'subtract_last'"):
        SegmentLSTM(config, 2, 3)


@pytest.fixture(scope="module")
def fitted():
    small = small_config(epochs=2)
    model = ModelConfig(kind="segment_lstm", context_length=8, segment_length=4, horizon=3, hidden_size=6)
    config = ForecasterConfig(features=small.features, model=model, trainer=small.trainer)
    return fit_forecaster(noise_series(400), config, range(0, 250), seed=1)


def test_it_is_fitted_kept_and_used_like_every_architecture(fitted, tmp_path):
    series = noise_series(400)
    states = encode(fitted, series)
    assert states.hidden_state.shape == (400, 12)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(encode(load_forecaster(tmp_path), series).forecast, states.forecast)


@pytest.mark.parametrize("bars", [200, 317])
def test_the_future_cannot_reach_its_hidden_state(fitted, bars):
    series = noise_series(400)
    whole, cut = encode(fitted, series), encode(fitted, series.rows(range(0, bars)))
    np.testing.assert_array_equal(cut.hidden_state, whole.hidden_state[:bars])
    np.testing.assert_array_equal(cut.forecast, whole.forecast[:bars])
