"""The arithmetic of the training: chosen by measurement if asked, and never that of a forecast."""

import dataclasses

import numpy as np
import pytest
import torch

from forecaster.config import TrainerConfig
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import encode
from forecaster.training.module import LSTMForecaster
from forecaster.training.precision import refuse_bfloat16, trained_in

from markets import KINDS, noise_series, series_of, small_config, with_model

CPU = torch.device("cpu")
TWO = ("float32", "bfloat16")


def fit(series, config, precision, rows=range(0, 260)):
    trainer = dataclasses.replace(config.trainer, precision=precision)
    return fit_forecaster(series, dataclasses.replace(config, trainer=trainer), rows, seed=1)


def has_bfloat16(model):
    """Whether this machine can train such a network in bfloat16: processors of before 2020 cannot train an LSTM so."""
    future = 4 if model.kind == "seq2seq" else 0
    try:
        refuse_bfloat16(LSTMForecaster(model, TrainerConfig(), 4, num_future=future), 8, (4, future), CPU)
    except ValueError:
        return False
    return True


def weights(fitted):
    return torch.cat([weight.flatten() for weight in fitted.model.state_dict().values()])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", ["point", "student_t"])
def test_every_network_can_be_trained_in_bfloat16_and_speaks_in_float32(kind, head):
    series, config = noise_series(200, volume=False), with_model(small_config(kind, epochs=1), head=head)
    if not has_bfloat16(config.model):
        with pytest.raises(ValueError, match=rf"trainer\.precision=bfloat16 cannot train a {kind} on this machine"):
            fit(series, config, "bfloat16", range(0, 150))
        return
    fitted = fit(series, config, "bfloat16", range(0, 150))
    assert fitted.precision == "bfloat16"
    assert {weight.dtype for weight in fitted.model.parameters()} == {torch.float32}
    states = encode(fitted, series)
    assert states.forecast.dtype == states.hidden_state.dtype == np.float32
    assert np.isfinite(states.hidden_state[states.first_row :]).all()


def test_what_is_learned_in_bfloat16_is_as_good():
    if not has_bfloat16(small_config().model):
        pytest.skip("this machine cannot train an LSTM in bfloat16")
    t = np.arange(800)
    series = series_of(0.02 * np.sin(t * 2.0 * np.pi / 20.0) + np.random.default_rng(0).normal(0, 0.005, 800))
    config = with_model(small_config(epochs=15, learning_rate=1e-2), linear_base=True)
    losses = [min(row["stop_loss"] for row in fit(series, config, name, range(0, 600)).history) for name in TWO]
    assert losses[1] < 1.05 * losses[0]
    assert losses[1] < 0.5


@pytest.mark.parametrize("faster", TWO)
def test_the_faster_arithmetic_is_taken_and_remembered_and_repeats_itself(faster, monkeypatch, tmp_path):
    if faster == "bfloat16" and not has_bfloat16(small_config().model):
        pytest.skip("this machine cannot train an LSTM in bfloat16")
    seconds = {"float32": 1.0, "bfloat16": 0.5 if faster == "bfloat16" else 0.99}
    monkeypatch.setattr("forecaster.training.precision._seconds", lambda loss, precision: seconds[precision])
    series, config = noise_series(), small_config(epochs=2)
    chosen = fit(series, config, "auto")
    assert chosen.precision == faster
    assert torch.equal(weights(chosen), weights(fit(series, config, faster)))
    chosen.save(tmp_path)
    assert load_forecaster(tmp_path).precision == faster


def test_a_measurement_leaves_no_trace():
    model = LSTMForecaster(small_config().model, TrainerConfig(), 4)
    before, state = [weight.clone() for weight in model.parameters()], torch.random.get_rng_state()
    assert trained_in(model, 8, (4, 0), CPU) in TWO
    assert all(torch.equal(was, weight) for was, weight in zip(before, model.parameters(), strict=True))
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_machine_without_bfloat16_trains_in_float32(monkeypatch):
    def refuse(loss, precision):
        raise RuntimeError("no kernel")

    monkeypatch.setattr("forecaster.training.precision._seconds", refuse)
    assert trained_in(LSTMForecaster(small_config().model, TrainerConfig(), 4), 8, (4, 0), CPU) == "float32"


def test_an_arithmetic_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"precision\n.*'float32', 'bfloat16' or 'auto'.*input_value='fp8'"):
        TrainerConfig(precision="fp8")
