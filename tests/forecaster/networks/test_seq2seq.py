"""Encoder and decoder: the equations step by step, what the decoder knows, and what that is worth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.config import FORESEEING, FeatureConfig, ForecasterConfig, ModelConfig, TrainerConfig
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import Stream, encode
from forecaster.networks.base import build_network

from markets import KINDS, noise_series, series_of, small_config, with_ahead, with_model
from networks import close, draw, randomise

FEATURES, FUTURE, OUTPUTS = 3, 4, 2
ROWS = range(0, 250)
LEAD, HORIZON = 2, 3  # bars of a day


def network(layers=1, future=FUTURE, **sizes):
    config = ModelConfig(kind="seq2seq", context_length=7, horizon=5, hidden_size=6, num_layers=layers, **sizes)
    return randomise(build_network(config, FEATURES, OUTPUTS, future), 1, scale=0.5)


def test_encoder_and_decoder_are_their_equations():
    made, context, future = network(), draw(4, 7, FEATURES), draw(4, 5, FUTURE, seed=1)
    outputs, summary = made(context, future)
    begin = summary @ made.begin.weight.T + made.begin.bias
    hidden, cell = torch.tanh(begin[:, :6]), begin[:, 6:]
    for step in range(5):
        known = future[:, step]
        x = known @ made.embed.weight.T + made.positions[step]
        hidden, cell = step_of(made.recurrent, x, hidden, cell)
        said = torch.cat((hidden, known), dim=1) @ made.decoder.weight.T + made.decoder.bias
        close(outputs[:, step], said)
    close(made.decode(summary, context, future), outputs)


def step_of(lstm, x, hidden, cell):
    weights, recurrent, bias_in, bias_hidden = lstm.all_weights[0]
    i, f, g, o = (x @ weights.T + hidden @ recurrent.T + bias_in + bias_hidden).chunk(4, dim=1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


@pytest.mark.parametrize("layers", [1, 2])
def test_gradients_reach_every_weight_also_those_that_read_ahead(layers):
    made = network(layers).train()
    made(draw(4, 7, FEATURES), draw(4, 5, FUTURE))[0].square().sum().backward()
    for name, weights in made.named_parameters():
        assert weights.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("step", range(5))
def test_what_is_known_of_a_bar_reaches_it_and_later_ones_and_never_the_hidden_state(step):
    made, context, future = network(2), draw(3, 7, FEATURES), draw(3, 5, FUTURE)
    other = future.clone()
    other[:, step] += 1.0
    before, after = made(context, future), made(context, other)
    assert torch.equal(before[1], after[1])
    assert torch.equal(before[0][:, :step], after[0][:, :step])
    assert ((before[0] - after[0])[:, step:].abs().amax(dim=(0, 2)) > 1e-6).all()


@pytest.fixture(scope="module")
def announced():
    """Daily bars of noise, and a load that is known two days ahead."""
    return with_ahead(noise_series(400), load=np.random.default_rng(2).normal(size=400), hours=24 * LEAD)


@pytest.fixture(scope="module")
def fitted(announced):
    return fit_forecaster(announced, small_config("seq2seq", horizon=HORIZON, learning_rate=1e-2), ROWS, seed=1)


def changed_load(series, first):
    """The same series with another load of the bars from `first` on."""
    load = np.array(series.exogenous["load"])
    load[first:] += 1.0
    bare = dataclasses.replace(series, future_covariates=(), exogenous=series.exogenous[[]])
    return with_ahead(bare, load=load, hours=24 * LEAD)


@given(st.integers(20, 390))
@settings(max_examples=20)
def test_beyond_the_lead_nothing_moves_within_it_the_forecast_and_never_the_state(announced, fitted, t):
    states = encode(fitted, announced)
    beyond = encode(fitted, changed_load(announced, t + LEAD + 1))
    np.testing.assert_array_equal(beyond.forecast[: t + 1], states.forecast[: t + 1])
    np.testing.assert_array_equal(beyond.hidden_state[: t + 1], states.hidden_state[: t + 1])
    within = encode(fitted, changed_load(announced, t + 1))
    assert (within.forecast[t] != states.forecast[t]).any()
    np.testing.assert_array_equal(within.hidden_state[: t + 1], states.hidden_state[: t + 1])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in FORESEEING])
def test_who_does_not_read_ahead_is_not_moved_by_what_is_announced(announced, kind):
    fitted = fit_forecaster(announced, small_config(kind, epochs=1), ROWS, seed=1)
    before, after = encode(fitted, announced), encode(fitted, changed_load(announced, 301))
    np.testing.assert_array_equal(before.forecast[:301], after.forecast[:301])
    np.testing.assert_array_equal(before.hidden_state[:301], after.hidden_state[:301])
    assert (before.hidden_state[301] != after.hidden_state[301]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_moves_nothing_bar_by_bar_or_at_once(kind):
    heat = np.random.default_rng(5).normal(20.0, 5.0, 400)
    heat[[40, 41, 200, 310, 311, 312]] = np.nan
    series = noise_series(400, exogenous=pd.DataFrame({"heat": heat}))
    series = dataclasses.replace(series, missing=("heat",))
    fitted = fit_forecaster(series, small_config(kind, epochs=1), ROWS, seed=1)
    states = encode(fitted, series)
    assert np.isfinite(states.hidden_state[states.first_row :]).all()
    stream = Stream(fitted, series.rows(range(0, 305)))
    for row in range(305, 325):
        np.testing.assert_allclose(
            stream.push(series.rows(range(row, row + 1)))[0], states.hidden_state[row], atol=1e-5
        )


def test_what_no_row_of_the_fit_knows_cannot_reach_the_weights(announced, fitted):
    config = fitted.config
    other = fit_forecaster(changed_load(announced, ROWS.stop + LEAD), config, ROWS, seed=1)
    for name, weights in fitted.model.state_dict().items():
        assert torch.equal(other.model.state_dict()[name], weights)


def test_bar_by_bar_and_after_a_walk_through_the_disk_it_says_the_same(announced, fitted, tmp_path):
    states = encode(fitted, announced)
    fitted.save(tmp_path)
    loaded = load_forecaster(tmp_path)
    assert loaded.reader == fitted.reader
    np.testing.assert_array_equal(encode(loaded, announced).forecast, states.forecast)
    stream = Stream(loaded, announced.rows(range(0, 350)))
    for row in range(350, 400):
        state, forecast = stream.push(announced.rows(range(row, row + 1)))
        np.testing.assert_allclose(state, states.hidden_state[row], atol=1e-5)
        np.testing.assert_allclose(forecast, states.forecast[row], atol=1e-6)


def test_how_many_bars_follow_does_not_matter(announced, fitted):
    whole, cut = encode(fitted, announced), encode(fitted, announced.rows(range(0, 317)))
    np.testing.assert_array_equal(cut.forecast, whole.forecast[:317])


def test_a_series_that_is_not_known_ahead_as_it_was_is_refused(announced, fitted):
    later = dataclasses.replace(announced, future_covariates=())
    with pytest.raises(ValueError, match=r"known ahead as it was fitted on; they differ in \['load', 'load_change', "):
        encode(fitted, later)


@pytest.mark.parametrize("head", ["quantile", "student_t", "bins"])
def test_every_head_speaks_of_bars_that_are_announced(announced, head):
    config = with_model(small_config("seq2seq", epochs=1), head=head)
    states = encode(fit_forecaster(announced, config, ROWS, seed=1), announced)
    assert np.isfinite(states.quantiles[states.first_row :]).all()
    assert (np.diff(states.quantiles[states.first_row :], axis=-1) >= 0.0).all()


SIGMA, BETA = 0.01, 0.03


def of_announcements(kind, announced_hours):
    """Error of a forecast of r[t] = beta z[t] + noise, where z[t] is announced; and the noise itself, in deviations."""
    rng = np.random.default_rng(4)
    z, noise = rng.normal(size=6000), rng.normal(0.0, SIGMA, 6000)
    series = with_ahead(series_of(BETA * z + noise, volume=False, bar_length="1h"), z=z, hours=announced_hours)
    config = ForecasterConfig(
        features=FeatureConfig(volatility_bars=(), calendar=False),
        model=ModelConfig(kind=kind, context_length=8, horizon=4, hidden_size=16),
        trainer=TrainerConfig(epochs=12, batch_size=128, learning_rate=5e-3, weight_decay=0.0, loss="mse"),
    )
    fitted = fit_forecaster(series, config, range(0, 4000), seed=3)
    forecast = encode(fitted, series).forecast[4100:5990].astype(np.float64)
    r = series.log_return()[:, 0]
    truth = np.stack([r[4100 + step : 5990 + step] for step in range(1, 5)], axis=1)
    return np.sqrt(np.mean((truth - forecast) ** 2, axis=0)) / SIGMA


def test_what_is_announced_is_worth_all_but_the_noise_to_seq2seq_and_nothing_to_an_lstm():
    """r[t+k] = beta z[t+k] + noise: who reads z ahead is left with the noise, who does not with both."""
    blind = np.sqrt(BETA**2 + SIGMA**2) / SIGMA  # 3.16
    np.testing.assert_allclose(of_announcements("seq2seq", 4), 1.0, atol=0.06)
    np.testing.assert_allclose(of_announcements("lstm", 4), blind, rtol=0.06)
    error = of_announcements("seq2seq", 2)  # of four bars, two are announced
    np.testing.assert_allclose(error[:2], 1.0, atol=0.06)
    np.testing.assert_allclose(error[2:], blind, rtol=0.06)
