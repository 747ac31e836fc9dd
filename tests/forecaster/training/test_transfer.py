"""A forecaster on a series that it never met: scaled by the window alone, begun with or served as it is."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import ForecasterConfig, ModelConfig, TrainerConfig
from forecaster.fitted import fit_panel, load_panel, save_panel
from forecaster.hidden_states import encode
from forecaster.training.module import by_itself

from markets import noise_series, ragged_panel, series_of, small_config, with_model

ROWS = range(0, 250)
CONTEXT = with_model(small_config(epochs=8, learning_rate=5e-3), scaling="context")
FOLLOWING = np.random.default_rng(4).normal(0, 0.01, 420)


def followed(noise, share=0.6):
    """Changes that repeat a share of the one before."""
    change = noise.copy()
    for t in range(1, len(change)):
        change[t] += share * change[t - 1]
    return change


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A folder with a forecaster that was taught on two series, by context."""
    folder = tmp_path_factory.mktemp("taught")
    panel = ragged_panel(1000, instruments=("a", "b"), lists={}, ends={}, halts={})
    one, two = (series_of(followed(np.random.default_rng(seed).normal(0, 0.01, 1000))) for seed in (1, 2))
    columns = {
        name: np.concatenate([getattr(part, name) for part in (one, two)], axis=1)
        for name in ("open", "high", "low", "close", "volume")
    }
    panel = dataclasses.replace(panel, traded=None, delisted=None, **columns)
    save_panel(fit_panel(panel, CONTEXT, range(1000), seed=1), folder)
    return folder


def served(folder, **trainer):
    """The request that serves what lies in a folder."""
    config = with_model(CONTEXT, pretrained=str(folder))
    return dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, **{"epochs": 0, **trainer}))


@given(st.integers(0, 1000), st.floats(1e-2, 1e2), st.floats(-10.0, 10.0))
def test_a_window_reads_alike_in_whatever_unit_and_from_whatever_origin(seed, unit, origin):
    window = torch.randn(3, 12, 4, generator=torch.Generator().manual_seed(seed))
    one, deviation = by_itself(window)
    other, larger = by_itself(window * unit + origin)
    torch.testing.assert_close(other, one, rtol=0.0, atol=2e-3)
    torch.testing.assert_close(larger, deviation * unit, rtol=1e-3, atol=0.0)


def test_what_never_varies_in_a_window_is_nothing_there_and_so_is_the_forecast_of_it():
    scaled, unit = by_itself(torch.full((2, 8, 3), 7.0))
    assert (scaled == 0.0).all()
    assert (unit == 0.0).all()


def test_a_forecaster_serves_a_series_that_it_never_met_whatever_rows_scaled_it(taught):
    series = series_of(followed(FOLLOWING))
    before = load_panel(taught)["a"].model.state_dict()
    short, long = (fit_panel(series, served(taught), range(0, stop), seed=3)["one"] for stop in (60, 300))
    for name, weights in short.model.state_dict().items():
        torch.testing.assert_close(weights, before[name], rtol=0, atol=0)
    assert short.history == ()
    assert short.target_scale != long.target_scale
    said = [encode(fitted, series).forecast[300:] for fitted in (short, long)]
    np.testing.assert_allclose(*said, rtol=0.0, atol=1e-5 * float(np.abs(said[0]).max()) + 1e-8)
    came = series.changes()[301:, 0]
    assert np.corrcoef(said[0][:-1, 0], came)[0, 1] > 0.3  # what two others taught it holds here, too


def test_a_series_that_moves_ten_times_as_far_is_forecast_to_move_ten_times_as_far(taught):
    noise = FOLLOWING * 0.1
    calm, wild = (series_of(followed(size * noise), volume=True) for size in (1.0, 10.0))
    calm, wild = (
        dataclasses.replace(one, **dict.fromkeys(("open", "high", "low"), one.close), single_price=True)
        for one in (calm, wild)
    )
    config = dataclasses.replace(CONTEXT, trainer=dataclasses.replace(CONTEXT.trainer, epochs=1))
    said = [encode(fit_panel(one, config, ROWS, seed=1)["one"], one).forecast[20:] for one in (calm, wild)]
    np.testing.assert_allclose(10.0 * said[0], said[1], rtol=0.0, atol=0.05 * float(np.abs(said[1]).max()))


def test_a_training_begins_with_the_weights_and_goes_on_from_there(taught):
    series, before = series_of(followed(FOLLOWING)), load_panel(taught)["a"].model.state_dict()
    nowhere, on = (
        fit_panel(series, served(taught, epochs=1, learning_rate=rate, weight_decay=0.0), ROWS, seed=3)["one"]
        for rate in (1e-30, 1e-3)
    )
    weights = [fitted.model.state_dict() for fitted in (nowhere, on)]
    assert all(torch.equal(weights[0][name], before[name]) for name in before)
    assert not all(torch.equal(weights[1][name], before[name]) for name in before)
    assert len(on.history) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"horizon": 5}, "its model.horizon was 3, and is 5 here"),
        ({"hidden_size": 9}, "its model.hidden_size was 6, and is 9 here"),
        ({"scaling": "rows"}, "its model.scaling was context, and is rows here"),
    ],
)
def test_other_sizes_are_refused_in_a_sentence(taught, changes, words):
    with pytest.raises(ValueError, match=f"model.pretrained must be a forecaster that .*: {words}$"):
        fit_panel(noise_series(), with_model(served(taught), **changes), ROWS, seed=1)


def test_other_columns_are_refused_by_name(taught):
    with pytest.raises(ValueError, match="its columns and those of this series differ in volume_z"):
        fit_panel(noise_series(volume=False), served(taught), ROWS, seed=1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: dataclasses.replace(CONTEXT, trainer=TrainerConfig(epochs=0)), "at least 1 without model.pretrained"),
        (lambda: ModelConfig(scaling="context", head="bins"), "head must not be bins with scaling=context"),
        (lambda: ModelConfig(scaling="context", linear_base=True), "linear_base must be false with scaling=context"),
        (
            lambda: ForecasterConfig(
                features=dataclasses.replace(CONTEXT.features, identity=True),
                model=CONTEXT.model,
                trainer=CONTEXT.trainer,
            ),
            "features.identity must be left out with model.scaling=context",
        ),
    ],
)
def test_what_a_window_scaled_by_itself_leaves_no_place_for_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
