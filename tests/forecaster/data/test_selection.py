"""What a network reads: what helps, and nothing that does not; a season is seen through; no row knows another."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import FeatureConfig
from forecaster.data.datamodule import WindowData, WindowRows
from forecaster.data.features import build_features
from forecaster.data.selection import Reading, everything, selected_reading, stepwise
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import encode
from forecaster.training.linear_base import LinearBase, base_inputs, fit_selected
from forecaster.training.module import LSTMForecaster

from markets import series_of, small_config

BARS = 3_000


def standard(values):
    return (values - values.mean(axis=0)) / values.std(axis=0)


def select(table, change, season=(), means=None):
    return selected_reading(standard(table), change, season=season, plain=len(table[0]), means=means or {})


@given(st.integers(0, 10_000))
def test_what_forecasts_is_selected_whatever_noise_stands_beside_it(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(BARS, 20))
    change = 0.2 * table[:, 7] + rng.normal(size=BARS)
    assert 7 in select(table, change).columns


def test_of_noise_nothing_is_selected_and_then_all_is_read():
    chosen = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        chosen.append(stepwise(rng.normal(size=(BARS, 20)), rng.normal(size=BARS)))
    assert sum(map(bool, chosen)) <= 3
    assert select(rng.normal(size=(BARS, 5)), rng.normal(size=BARS)) == everything(5)


def test_a_random_walk_is_seldom_taken_for_one_that_returns():
    walks = np.random.default_rng(3).normal(size=(100, BARS)).cumsum(axis=1)
    taken = [bool(stepwise(walk[:-1, None], np.diff(walk))) for walk in walks]
    assert sum(taken) <= 4


def test_a_column_is_read_without_the_season_that_hides_what_it_says():
    rng = np.random.default_rng(5)
    day = np.arange(BARS) * 2 * np.pi / 365.2425
    season = np.column_stack([np.sin(day), np.cos(day)])
    anomaly = rng.normal(size=BARS)
    table = np.column_stack([rng.normal(size=BARS), 8.0 * season[:, 0] + anomaly, season])
    reading = select(table, 0.3 * anomaly + rng.normal(size=BARS), season=(2, 3))
    assert reading.columns == (0, 1)
    read = reading.read(standard(table))
    assert np.corrcoef(read[:, 1], anomaly)[0, 1] > 0.99


def test_beside_a_mean_the_column_it_is_the_mean_of_is_read():
    rng = np.random.default_rng(6)
    column = rng.normal(size=BARS)
    mean = np.convolve(column, np.ones(5) / 5)[:BARS]
    table = np.column_stack([rng.normal(size=BARS), column, mean])
    assert select(table, 0.5 * mean + rng.normal(size=BARS), means={2: 1}).columns == (0, 1, 2)


@given(st.integers(0, 98))
def test_a_row_is_read_alike_to_the_last_bit_whatever_rows_stand_beside_it(row):
    rng = np.random.default_rng(7)
    scaled = rng.normal(size=(99, 6))
    reading = Reading((0, 3), (4, 5), ((0.0, 0.0), (0.3, -0.7)))
    np.testing.assert_array_equal(reading.read(scaled)[row], reading.read(scaled[row : row + 1])[0])


def test_two_candidates_that_say_the_same_are_not_both_selected():
    rng = np.random.default_rng(8)
    signal = rng.normal(size=BARS)
    table = np.column_stack([signal, signal, rng.normal(size=BARS)])
    assert len(stepwise(table, 0.3 * signal + rng.normal(size=BARS))) == 1


def returning(bars=1_500, kappa=0.1):
    """Log returns of a log price that returns to its level."""
    rng = np.random.default_rng(9)
    price = np.zeros(bars)
    for t in range(1, bars):
        price[t] = (1.0 - kappa) * price[t - 1] + rng.normal(0.0, 0.01)
    return np.diff(price, prepend=0.0)


@pytest.fixture(scope="module")
def fitted():
    config = small_config(epochs=1)
    config = type(config)(features=FeatureConfig(selection=True), model=config.model, trainer=config.trainer)
    return fit_forecaster(series_of(returning(), volume=False), config, range(0, 1_200), seed=1)


def test_a_price_that_returns_to_its_level_is_read_with_its_level(fitted):
    names = [fitted.feature_names[column] for column in fitted.reading.columns]
    assert names[0] == "log_return"
    assert "level" in names
    assert len(names) < len(fitted.feature_names) / 2


def test_a_forecaster_that_selects_says_the_same_after_it_was_saved(fitted, tmp_path):
    fitted.save(tmp_path)
    series = series_of(returning(), volume=False)
    np.testing.assert_array_equal(encode(load_forecaster(tmp_path), series).forecast, encode(fitted, series).forecast)


def test_the_network_starts_from_the_regression_that_selected_or_from_nothing(fitted):
    """One epoch of each start was tried; the weights kept are those of the least stop loss."""
    assert len(fitted.history) == 2
    kept = min(range(2), key=lambda start: fitted.history[start]["stop_loss"])
    assert (fitted.model.base is None) == (kept == 1)


def test_where_nothing_was_selected_there_is_one_start():
    config = small_config(epochs=1)
    config = type(config)(features=FeatureConfig(selection=True), model=config.model, trainer=config.trainer)
    noise = np.random.default_rng(11).normal(0.0, 0.01, 1_500)
    plain = fit_forecaster(series_of(noise, volume=False), config, range(0, 1_200), seed=1)
    assert plain.reading.selected == ()
    assert plain.model.base is None
    assert len(plain.history) == 1


def test_the_regression_of_the_selected_features_is_that_of_the_last_bar_alone():
    rng = np.random.default_rng(12)
    features = rng.normal(size=(2, 400, 3)).astype(np.float32)
    target = 0.5 * np.roll(features[:, :, 2], 1, axis=1) + rng.normal(0.0, 0.1, (2, 400)).astype(np.float32)
    rows = WindowRows(np.arange(20, 300), np.arange(310, 390))
    data = WindowData(features, np.zeros((2, 1), np.float32), target, rows, context_length=8, horizon=2)
    base = fit_selected(data, (2,))
    weights = base.weights.numpy()  # (8 + 3 + 1, 2): 8 changes, two features of the last bar, a static
    assert np.flatnonzero(weights[:, 0]).tolist() == [9, 11]
    assert weights[9, 0] == pytest.approx(0.5, abs=0.02)
    assert weights[9, 1] == pytest.approx(0.0, abs=0.02)
    context = np.stack([features[0, row - 7 : row + 1] for row in (50, 60)])
    context = torch.from_numpy(np.concatenate([context, np.zeros((2, 8, 1), np.float32)], axis=2))
    told = base_inputs(context).numpy() @ weights[:-1] + weights[-1]
    np.testing.assert_allclose(told[:, 0], 0.5 * features[0, [50, 60], 2], atol=0.05)
    least, most = base.limits.numpy()[:, 0]
    assert (least, most) == pytest.approx(
        (0.5 * features[:, rows.fit, 2].min(), 0.5 * features[:, rows.fit, 2].max()), abs=0.1
    )


def test_a_regression_says_no_more_of_what_it_never_met_than_on_the_fit_rows(fitted):
    base = LinearBase(torch.tensor([[2.0]] * 8 + [[0.0]]), torch.tensor([[-1.0], [1.0]]))
    config = small_config(context_length=8, horizon=1)
    model = LSTMForecaster(config.model, config.trainer, 1, base=base).eval()
    for value, said in ((0.01, 0.16), (50.0, 1.0), (-50.0, -1.0)):
        assert model(torch.full((1, 8, 1), value))[0].item() == pytest.approx(said)


def test_a_season_is_not_made_up_from_a_part_of_the_year():
    days = np.arange(300)
    returns = 0.001 * np.sin(2 * np.pi * days / 365.2425) + np.random.default_rng(13).normal(0.0, 1e-5, 300)
    config = small_config(epochs=1)
    config = type(config)(features=FeatureConfig(selection=True), model=config.model, trainer=config.trainer)
    reading = fit_forecaster(series_of(returns, volume=False), config, range(0, 250), seed=1).reading
    table = build_features(series_of(returns, volume=False), FeatureConfig(selection=True))
    assert reading.season == ()
    assert not {*reading.columns} & {*table.season}


def test_what_can_only_be_selected_stands_behind_what_is_always_read():
    series = series_of(returning(), volume=False)
    plain = build_features(series, FeatureConfig())
    more = build_features(series, FeatureConfig(selection=True))
    assert more.names[: more.plain] == plain.names
    assert "level" in more.names[more.plain :]
    np.testing.assert_array_equal(more.values[:, : more.plain], plain.values)
