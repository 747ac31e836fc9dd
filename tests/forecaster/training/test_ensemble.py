"""Several networks that forecast as one: what the ensemble says, and that processes change nothing of it."""

import dataclasses
from multiprocessing import active_children

import numpy as np
import pytest
import torch

from forecaster.config import TrainerConfig
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import Stream, encode

from markets import noise_series, small_config, with_model

ROWS = range(0, 300)
CONFIG = with_model(small_config(epochs=2), head="quantile", linear_base=True)


def fit(series, members, progress=None, **trainer):
    trainer = dataclasses.replace(CONFIG.trainer, members=members, **trainer)
    return fit_forecaster(series, dataclasses.replace(CONFIG, trainer=trainer), ROWS, seed=3, progress=progress)


@pytest.fixture(scope="module")
def series():
    return noise_series()


@pytest.fixture(scope="module")
def alone(series):
    return fit(series, 1)


@pytest.fixture(scope="module")
def one_by_one(series):
    return fit(series, 3)


def states(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_the_hidden_state_is_what_it_would_be_without_the_others(series, alone, one_by_one):
    assert np.array_equal(encode(alone, series).hidden_state, encode(one_by_one, series).hidden_state, equal_nan=True)


def test_the_forecast_is_the_mean_of_theirs_and_no_worse_than_they_are_on_average(series, one_by_one):
    together, parts = encode(one_by_one, series), []
    for member in one_by_one.model.members:
        parts.append(encode(dataclasses.replace(one_by_one, model=member), series))
    first = together.first_row
    assert not np.array_equal(parts[0].forecast[first:], parts[1].forecast[first:])
    np.testing.assert_allclose(
        together.forecast[first:], np.mean([part.forecast[first:] for part in parts], axis=0), rtol=1e-4, atol=1e-8
    )
    np.testing.assert_allclose(
        together.quantiles[first:], np.mean([part.quantiles[first:] for part in parts], axis=0), rtol=1e-4, atol=1e-8
    )
    assert (np.diff(together.quantiles[first:], axis=-1) >= 0.0).all()
    truth = series.changes()[first + 1 :, 0]
    errors = [np.mean((truth - part.forecast[first:-1, 0]) ** 2) for part in (together, *parts)]
    assert errors[0] <= np.mean(errors[1:])


def test_it_is_kept_and_streamed_like_one(series, one_by_one, tmp_path):
    one_by_one.save(tmp_path)
    kept = load_forecaster(tmp_path)
    whole = encode(one_by_one, series)
    assert np.array_equal(encode(kept, series).forecast, whole.forecast, equal_nan=True)
    stream = Stream(kept, series.rows(range(0, 399)))
    state, forecast = stream.push(series.rows(range(399, 400)))
    np.testing.assert_allclose(state, whole.hidden_state[399], atol=1e-5)
    np.testing.assert_allclose(forecast, whole.forecast[399], atol=1e-5)


def test_side_by_side_is_one_after_another(series, one_by_one):
    random, told = torch.random.get_rng_state(), []
    fitted = fit(series, 3, processes=2, progress=lambda done, total, losses: told.append((done, total)))
    ours, theirs = states(fitted.model), states(one_by_one.model)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert fitted.history == one_by_one.history
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert torch.equal(random, torch.random.get_rng_state())
    assert not active_children()


def test_a_training_that_fails_is_told(series):
    with pytest.raises(ValueError, match=r"lower trainer\.learning_rate, was 1e\+30"):
        fit(series, 2, learning_rate=1e30)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 0}, r"members\n.*greater than or equal to 1 .*input_value=0"),
        ({"members": 101}, r"members\n.*less than or equal to 100 .*input_value=101"),
        ({"processes": 0}, r"processes\n.*greater than or equal to 1 .*input_value=0"),
    ],
)
def test_none_at_all_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainerConfig(**changes)
