"""A training that begins from a forecaster's weights: what it keeps, what it fits anew, and what it refuses."""

import dataclasses

import numpy as np
import pytest
import torch

from forecaster.fitted import fit_forecaster, fit_panel
from forecaster.hidden_states import encode
from forecaster.training.instruments import OWN_ROWS

from markets import noise_series, ragged_panel, series_of, small_config

ROWS = range(0, 250)
LONGER = range(0, 380)


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(4)
    noise, change = rng.normal(0, 0.01, 420), np.zeros(420)
    for t in range(1, 420):
        change[t] = 0.6 * change[t - 1] + noise[t]
    return series_of(change)


@pytest.fixture(scope="module")
def first(series):
    return fit_panel(series, small_config(epochs=4), ROWS, seed=1)


def still(**trainer):
    """A training that goes nowhere: what comes out of it is what it began from."""
    return small_config(epochs=1, learning_rate=1e-30, weight_decay=0.0, **trainer)


@pytest.mark.parametrize("members", [1, 2])
def test_a_training_that_goes_nowhere_ends_at_the_weights_it_began_from(series, members):
    before = fit_panel(series, small_config(epochs=1, members=members), ROWS, seed=1)
    after = fit_panel(series, still(members=members), LONGER, seed=2, initial=before)
    for name, weights in before["one"].model.state_dict().items():
        torch.testing.assert_close(after["one"].model.state_dict()[name], weights, rtol=0, atol=0)
    states = [encode(fitted["one"], series).hidden_state for fitted in (before, after)]
    np.testing.assert_array_equal(*states)  # with scales of its own it would read the same bars as others


def test_scales_are_kept_and_the_rivals_are_fitted_on_the_longer_rows(series, first):
    after = fit_panel(series, small_config(epochs=1), LONGER, seed=1, initial=first)["one"]
    before = first["one"]
    np.testing.assert_array_equal(after.mean, before.mean)
    np.testing.assert_array_equal(after.std, before.std)
    assert after.target_scale == before.target_scale
    assert after.naive_mae != before.naive_mae
    assert not np.array_equal(after.ridge, before.ridge)
    assert after.fit_end == LONGER.stop - 1 - 3
    fresh = fit_panel(series, small_config(epochs=1), LONGER, seed=1)["one"]
    assert fresh.target_scale != after.target_scale


def test_what_was_selected_and_the_linear_base_are_kept(series):
    config = small_config(epochs=1)
    config = dataclasses.replace(config, features=dataclasses.replace(config.features, selection=True))
    before = fit_panel(series, config, ROWS, seed=1)
    assert before["one"].reading.selected
    after = fit_panel(series, config, LONGER, seed=1, initial=before)
    assert after["one"].reading == before["one"].reading
    bases = [fitted["one"].model.base for fitted in (before, after)]
    assert (bases[0] is None) == (bases[1] is None)
    if bases[0] is not None:
        torch.testing.assert_close(*bases, rtol=0, atol=0)


def test_an_instrument_of_too_few_rows_keeps_its_scale_as_well():
    panel = ragged_panel(400, lists={"b": 60, "e": 200}, ends={}, halts={}, instruments=("a", "b", "e"))
    assert 0 < panel.traded[ROWS.start : ROWS.stop, 2].sum() < OWN_ROWS  # and more of them later
    before = fit_panel(panel, small_config(epochs=1), ROWS, seed=1)
    after = fit_panel(panel, still(), LONGER, seed=1, initial=before)
    for name, fitted in before.items():
        np.testing.assert_array_equal(after[name].mean, fitted.mean)
        assert after[name].target_scale == fitted.target_scale


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (small_config(hidden_size=5), "its model.hidden_size was 6, and is 5 here"),
        (small_config(members=2), "its trainer.members was 1, and is 2 here"),
        (
            dataclasses.replace(small_config(), features=dataclasses.replace(small_config().features, calendar=False)),
            "f",
        ),
    ],
)
def test_other_sizes_or_features_are_refused(series, first, other, words):
    with pytest.raises(ValueError, match=f"initial must be a forecaster that this training can go on from: .*{words}"):
        fit_panel(series, other, LONGER, seed=1, initial=first)


def test_another_series_columns_are_refused(first):
    with pytest.raises(ValueError, match="its columns and those of this series differ in volume_z"):
        fit_panel(noise_series(420, volume=False), small_config(), LONGER, seed=1, initial=first)


def test_weights_that_know_the_bars_to_come_are_refused(series, first):
    with pytest.raises(ValueError, match="it has learned bars up to 2015-09-08"):
        fit_panel(series, small_config(), range(0, 200), seed=1, initial=first)


def test_the_forecaster_gone_on_from_is_left_as_it_was(series, first):
    before = {name: weights.clone() for name, weights in first["one"].model.state_dict().items()}
    fit_panel(series, small_config(epochs=1), LONGER, seed=1, initial=first)
    for name, weights in first["one"].model.state_dict().items():
        torch.testing.assert_close(weights, before[name], rtol=0, atol=0)
    assert fit_forecaster(series, small_config(epochs=4), ROWS, seed=1).history == first["one"].history
