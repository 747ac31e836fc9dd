"""The long-horizon protocol: its borders, its scaling, its errors, and a training that sees what it may and no more."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forecaster.benchmark.config import BenchmarkConfig
from forecaster.benchmark.protocol import repeat_last, scaled_series, score, split_rows, spread, window_starts
from forecaster.benchmark.published import PUBLISHED, published
from forecaster.benchmark.run import loss, run_horizon

ETTH_ROWS, WEATHER_ROWS = 17_420, 52_696  # of the files the papers use
SMALL = BenchmarkConfig(
    path=None,
    split="ratio",
    horizons=(12,),
    seeds=2,
    minutes=2.0,
    steps=40,
    batch_size=32,
    learning_rate=5e-3,
    weight_decay=0.0,
    average=0.9,
    validations=4,
    validation_windows=50,
    flip=True,
    processes=1,
    precision="float32",
    context_length=24,
    segment_length=6,
    hidden_size=8,
    num_layers=1,
    dropout=0.1,
    normalisation="subtract_last",
    linear_skip=False,
    channel_embedding=True,
)


def small(**settings):
    return dataclasses.replace(SMALL, **settings)


def noise(num_rows=600, columns=2, seed=0):
    return np.random.default_rng(seed).normal(size=(num_rows, columns)).cumsum(axis=0)


@pytest.mark.parametrize("context_length", [96, 336, 720])
def test_an_hourly_ett_file_has_2785_test_windows_for_96_hours_whatever_the_context(context_length):
    rows = split_rows(ETTH_ROWS, "ett_hourly")
    assert (rows.train, rows.validation, rows.test) == (range(8640), range(8640, 11520), range(11520, 14400))
    starts = window_starts(rows.test, context_length, 96)
    assert len(starts) == len(window_starts(rows.validation, context_length, 96)) == 2785
    assert starts[0] + context_length == 11520
    assert starts[-1] + context_length + 96 == 14400
    assert len(window_starts(rows.train, context_length, 96)) == 8640 - context_length - 96 + 1


def test_a_quarter_hourly_ett_file_has_four_times_the_rows_and_any_other_file_seven_one_two():
    minute = split_rows(4 * ETTH_ROWS, "ett_minute")
    assert (minute.train.stop, minute.validation.stop, minute.test.stop) == (34560, 46080, 57600)
    weather = split_rows(WEATHER_ROWS, "ratio")
    assert (weather.train.stop, weather.test.start, weather.test.stop) == (36887, 42157, WEATHER_ROWS)
    assert len(window_starts(weather.test, 720, 96)) == 10444


def test_a_file_too_short_for_its_split_or_its_windows_is_refused():
    with pytest.raises(ValueError, match=r"14400 rows, the file has 14399; use benchmark\.split=ratio"):
        split_rows(14_399, "ett_hourly")
    with pytest.raises(ValueError, match=r"rows \[700, 800\) hold no window of context_length 96 and horizon 101"):
        window_starts(split_rows(1000, "ratio").validation, 96, 101)


@given(st.integers(1, 5000), st.integers(1, 700))
def test_spread_windows_are_even_and_no_more_than_asked(count, at_most):
    chosen = spread(range(7, 7 + count), at_most)
    assert chosen[0] == 7
    assert len(chosen) <= min(count, at_most)
    assert 2 * len(chosen) > min(count, at_most)


@given(st.integers(420, 599))
def test_scaling_uses_training_rows_only(row):
    values = noise()
    before, values[row] = scaled_series(values.copy(), "ratio"), 1e6
    after = scaled_series(values, "ratio")
    np.testing.assert_array_equal(after.mean, before.mean)
    np.testing.assert_array_equal(after.std, before.std)
    train = after.values[:, :420].numpy()
    np.testing.assert_allclose(train.mean(axis=1), 0.0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=1), 1.0, atol=1e-5)


def test_a_column_that_never_moved_is_left_alone():
    series = scaled_series(np.c_[np.full(600, 3.0), noise(columns=1)], "ratio")
    assert not series.values[0].any()


def test_repeating_the_last_value_of_a_ramp_errs_by_what_the_ramp_climbs():
    horizon, series = 5, scaled_series(np.arange(1000.0)[:, None], "ratio")
    step = 1.0 / math.sqrt((700**2 - 1) / 12)  # of one row, in deviations of the training rows 0 ... 699
    starts = window_starts(series.rows.test, 8, horizon)
    table = score({"repeat_last": repeat_last(horizon)}, series, starts, context_length=8, horizon=horizon)
    assert table["repeat_last"].mse == pytest.approx(step**2 * (horizon + 1) * (2 * horizon + 1) / 6, rel=1e-4)
    assert table["repeat_last"].mae == pytest.approx(step * (horizon + 1) / 2, rel=1e-4)
    assert table["ensemble"] == table["repeat_last"]


def test_no_window_is_dropped_and_the_ensemble_is_the_mean_forecast(monkeypatch):
    monkeypatch.setattr(
        "forecaster.benchmark.protocol.SCORING_BATCH", 7
    )  # 2 columns: batches of 3 windows, the last of 1
    series, length, horizon = scaled_series(noise(), "ratio"), 10, 4
    starts = window_starts(series.rows.test, length, horizon)
    makers = {"low": lambda x, c: x[:, -1:].expand(-1, horizon) - 1.0, "high": lambda x, c: x[:, -4:] + c[:, None]}
    table = score(makers, series, starts, context_length=length, horizon=horizon)
    errors = {"low": [], "high": [], "ensemble": []}
    for column in range(2):
        for start in starts:
            window = series.values[column, start : start + length + horizon].numpy().astype(np.float64)
            low, high = np.full(horizon, window[length - 1] - 1.0), window[length - 4 : length] + column
            for name, forecast in (("low", low), ("high", high), ("ensemble", (low + high) / 2)):
                errors[name].append(forecast - window[length:])
    for name, found in errors.items():
        assert table[name].mse == pytest.approx(np.mean(np.square(found)), rel=1e-5)
        assert table[name].mae == pytest.approx(np.mean(np.abs(found)), rel=1e-5)


def test_windows_are_views_of_the_one_table():
    series = scaled_series(noise(), "ratio")
    windows = series.windows(36)
    assert windows.shape == (2, 565, 36)
    assert windows.data_ptr() == series.values.data_ptr()


@pytest.fixture(scope="module")
def result():
    return run_horizon(scaled_series(noise(), "ratio"), small(), 12, seed=3)


def test_what_comes_after_validation_cannot_reach_a_network(result):
    values = noise()
    values[480:] *= -3.0  # the test rows
    other = run_horizon(scaled_series(values, "ratio"), small(), 12, seed=3)
    assert other.validation == result.validation
    assert other.test != result.test
    assert other.steps == result.steps == (40, 40)


def test_the_same_seed_gives_the_same_scores_and_leaves_the_caller_s_randomness_alone(result):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = run_horizon(scaled_series(noise(), "ratio"), small(), 12, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert (again.validation, again.test) == (result.validation, result.test)
    assert result.test["seed_1"] != result.test["seed_2"]
    assert result.test_windows == 120 - 12 + 1


def test_networks_trained_side_by_side_are_those_trained_one_after_another(result):
    apart = run_horizon(scaled_series(noise(), "ratio"), small(processes=2), 12, seed=3)
    assert (apart.validation, apart.test, apart.steps) == (result.validation, result.test, result.steps)


@pytest.mark.parametrize(("rising", "chosen"), [(True, "subtract_last"), (False, "revin")])
def test_a_short_training_chooses_the_normalisation_on_validation_rows(rising, chosen):
    """Noise about a level is best forecast from its mean; a walk from where it stands."""
    steps = np.random.default_rng(1).normal(size=(900, 2))
    values = steps.cumsum(axis=0) if rising else steps
    config = small(normalisation="auto", seeds=1, steps=40, learning_rate=1e-3)
    done = run_horizon(scaled_series(values, "ratio"), config, 12, seed=2)
    assert done.normalisation == chosen
    assert done == run_horizon_with(values, chosen, done)


def run_horizon_with(values, normalisation, like):
    """The same request with the normalisation named: its scores are those of `like`, its times are its own."""
    config = small(normalisation=normalisation, seeds=1, steps=40, learning_rate=1e-3)
    done = run_horizon(scaled_series(values, "ratio"), config, 12, seed=2)
    return dataclasses.replace(done, seconds=like.seconds, cpu_seconds=like.cpu_seconds)


def test_the_loss_weighs_errors_of_bars_and_of_frequencies_alike():
    """A constant error e has one frequency, of e sqrt(H); of the H / 2 + 1 frequencies it is the only one."""
    error, horizon = 2.0, 16
    found = loss(torch.full((3, horizon), error), torch.zeros(3, horizon))
    assert float(found) == pytest.approx(0.5 * (error + error * math.sqrt(horizon) / (horizon // 2 + 1)))


def test_training_windows_are_turned_upside_down_half_of_the_time(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "forecaster.benchmark.run.loss", lambda forecast, target: seen.append(target) or loss(forecast, target)
    )
    rising = np.arange(1.0, 1201.0)[:, None]
    run_horizon(scaled_series(rising, "ratio"), small(seeds=1, steps=20), 12, seed=1)
    up = torch.cat([target[:, -1] > target[:, 0] for target in seen]).float().mean()
    assert 0.4 < up < 0.6


def test_training_ends_when_the_time_is_up():
    cut = run_horizon(scaled_series(noise(), "ratio"), small(minutes=0.02, steps=10**6), 12, seed=3)
    assert cut.seconds < 5.0
    assert all(1 <= steps < 10**6 for steps in cut.steps)


def test_a_pure_sine_is_forecast_almost_exactly():
    sine = np.sin(np.arange(1200) * 2 * np.pi / 24)[:, None]
    config = small(seeds=1, steps=400, hidden_size=32, context_length=48, segment_length=12, dropout=0.0, batch_size=64)
    done = run_horizon(scaled_series(sine, "ratio"), config, 24, seed=1)
    assert done.test["seed_1"].mse < 0.002
    assert done.test["repeat_last"].mse == pytest.approx(2.0, rel=0.05)  # E (sin a - sin b)^2 of unit variance


def test_a_training_that_diverges_is_refused_with_its_cure(monkeypatch):
    monkeypatch.setattr("forecaster.benchmark.run._Course.validation_error", lambda self: math.nan)
    with pytest.raises(ValueError, match=r"training diverged: .* lower benchmark\.learning_rate, was 0\.005"):
        run_horizon(scaled_series(noise(), "ratio"), small(), 12, seed=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizons": ()}, r"horizons\n.*at least 1 item"),
        ({"horizons": (96, 0)}, r"horizons\.1\n.*greater than or equal to 1 .*input_value=0"),
        ({"horizons": (96, 96)}, "horizons must be different"),
        ({"seeds": 0}, r"seeds\n.*greater than or equal to 1 .*input_value=0"),
        ({"processes": 0}, r"processes\n.*greater than or equal to 1 .*input_value=0"),
        ({"normalisation": "mean"}, r"normalisation\n.*'auto', 'none', 'subtract_last' or 'revin'.*input_value='mean'"),
        ({"minutes": 0.0}, r"minutes\n.*greater than 0 .*input_value=0.0"),
        ({"average": 1.0}, r"average\n.*less than 1 .*input_value=1.0"),
        ({"segment_length": 7}, "segment_length must divide context_length = 24 bars, was 7"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        small(**settings)


def test_the_papers_numbers_are_found_by_the_file_s_name():
    assert {row.model: row.errors[96] for row in published("ETTh1.csv.gz")}["SegRNN (GRU)"] == (0.351, 0.392)
    assert published("prices.csv") == ()
    assert all(row.errors.keys() == {96, 192, 336, 720} for rows in PUBLISHED.values() for row in rows)
