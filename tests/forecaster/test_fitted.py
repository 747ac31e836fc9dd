"""The fitted forecaster: blind to the future, the same for the same seed, the same after a walk through the disk."""

import dataclasses
import json
import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from forecaster import hidden_states
from forecaster.baselines.dlinear import _decomposition, dlinear, fit_dlinear
from forecaster.baselines.naive_and_ridge import (
    drift,
    fit_ridge,
    naive,
    ridge_forecast,
    ridge_forecast_by_row,
    seasonal_naive,
)
from forecaster.data.datamodule import window_rows
from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster, load_forecaster
from forecaster.hidden_states import Stream, embed, encode, load_hidden_states

from markets import KINDS, OF_ALL_KINDS, noise_series, series_of, small_config
from reference_lstm import ReferenceLSTM

ROWS = range(0, 250)


@pytest.fixture(scope="module")
def series():
    return noise_series(400)


@pytest.fixture(scope="module")
def fitted(series):
    return fit_forecaster(series, small_config(), ROWS, seed=1)


@pytest.fixture(scope="module", params=KINDS)
def any_fitted(request, series):
    """A fitted forecaster of every kind in turn."""
    return fit_forecaster(series, small_config(request.param), ROWS, seed=1)


def changed_after(series, t, factor=1.5):
    values = {name: np.array(getattr(series, name)) for name in ("open", "high", "low", "close", "volume")}
    for column in values.values():
        column[t + 1 :] *= factor
    return dataclasses.replace(series, **values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5), st.integers(1, 8), st.integers(0, 2**31))
@settings(max_examples=15)
def test_the_six_equations_are_torch_s_lstm(dtype, batch, length, features, units, seed):
    rng = torch.Generator().manual_seed(seed)
    lstm = nn.LSTM(features, units, batch_first=True, dtype=dtype)
    for weights in lstm.parameters():
        weights.data = torch.randn(weights.shape, generator=rng, dtype=dtype)
    context = torch.randn(batch, length, features, generator=rng, dtype=dtype)
    theirs, (hidden, cell) = lstm(context)
    ours, (own_hidden, own_cell) = ReferenceLSTM(lstm)(context)
    for one, two in ((ours, theirs), (own_hidden, hidden[0]), (own_cell, cell[0])):
        torch.testing.assert_close(one, two, rtol=0.0, atol=1e-6)


def test_the_reference_reads_only_what_it_explains():
    with pytest.raises(ValueError, match="one layer, one direction"):
        ReferenceLSTM(nn.LSTM(2, 3, num_layers=2, batch_first=True))


def test_nothing_after_its_rows_can_reach_the_fitted_forecaster(series, any_fitted):
    fitted = any_fitted
    other = fit_forecaster(changed_after(series, ROWS.stop - 1), fitted.config, ROWS, seed=1)
    for name, weights in fitted.model.state_dict().items():
        torch.testing.assert_close(other.model.state_dict()[name], weights, rtol=0, atol=0)
    np.testing.assert_array_equal(other.mean, fitted.mean)
    np.testing.assert_array_equal(other.ridge, fitted.ridge)
    assert other.target_scale == fitted.target_scale


def test_fit_rows_and_stop_rows_share_no_label():
    rows = window_rows(range(0, 300), first_row=20, context_length=10, horizon=7, stop_fraction=0.2)
    assert rows.fit[-1] + 7 == rows.stop[0]
    assert rows.fit[0] == 29
    assert rows.stop[-1] + 7 == 299


@given(st.integers(0, 398))
@settings(max_examples=12)
def test_the_future_cannot_reach_a_hidden_state(series, any_fitted, t):
    before, after = encode(any_fitted, series), encode(any_fitted, changed_after(series, t))
    np.testing.assert_array_equal(before.hidden_state[: t + 1], after.hidden_state[: t + 1])
    np.testing.assert_array_equal(before.forecast[: t + 1], after.forecast[: t + 1])


def test_the_present_reaches_a_hidden_state(series, any_fitted):
    before, after = encode(any_fitted, series), encode(any_fitted, changed_after(series, 300))
    assert (before.hidden_state[301] != after.hidden_state[301]).all()


def test_a_bar_s_state_does_not_depend_on_how_many_bars_follow(series, any_fitted):
    whole, cut = encode(any_fitted, series), encode(any_fitted, series.rows(range(0, 317)))
    np.testing.assert_array_equal(cut.hidden_state, whole.hidden_state[:317])
    np.testing.assert_array_equal(cut.forecast, whole.forecast[:317])


@pytest.mark.parametrize("rows", [range(317, 400), range(0, 5), range(399, 400)])
def test_a_bar_s_state_does_not_depend_on_which_others_are_asked_for(rows, series, any_fitted, monkeypatch):
    monkeypatch.setattr(hidden_states, "BATCH", 64)
    whole, part = encode(any_fitted, series), encode(any_fitted, series, rows)
    told = slice(rows.start, rows.stop)
    np.testing.assert_array_equal(part.hidden_state[told], whole.hidden_state[told])
    np.testing.assert_array_equal(part.forecast[told], whole.forecast[told])
    joined = part.preceded_by(whole.until(rows.start))
    np.testing.assert_array_equal(joined.hidden_state[: rows.stop], whole.hidden_state[: rows.stop])
    np.testing.assert_array_equal(joined.fit_end, whole.fit_end)


def test_fit_end_is_found_by_time_when_history_is_cut(series, fitted):
    whole, later = encode(fitted, series), encode(fitted, series.rows(range(100, 400)))
    assert whole.fit_end[0] == fitted.fit_end == ROWS.stop - 1 - 3
    assert later.fit_end[0] == fitted.fit_end - 100


def test_the_same_seed_gives_the_same_weights_and_leaves_the_caller_s_randomness_alone(series, fitted):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the caller's legacy generator is what is watched
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    again = fit_forecaster(series, small_config(), ROWS, seed=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    for name, weights in fitted.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], weights)
    other = fit_forecaster(series, small_config(), ROWS, seed=2)
    assert any(not torch.equal(other.model.state_dict()[n], w) for n, w in fitted.model.state_dict().items())


def test_a_forecaster_comes_back_from_the_disk_as_it_was(any_fitted, series, tmp_path):
    fitted = any_fitted
    fitted.save(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    loaded = load_forecaster(tmp_path)
    assert loaded.config == fitted.config
    loaded.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == written
    states = encode(fitted, series)
    np.testing.assert_array_equal(encode(loaded, series).hidden_state, states.hidden_state)
    states.save(tmp_path)
    back = load_hidden_states(tmp_path)
    assert back.index.equals(states.index)
    assert back.first_row == states.first_row
    for name in ("hidden_state", "forecast", "fit_end"):
        np.testing.assert_array_equal(getattr(back, name), getattr(states, name))


def test_a_forecaster_of_a_release_that_knows_more_is_refused_by_what_is_not_known_here(fitted, tmp_path):
    fitted.save(tmp_path)
    file = tmp_path / "forecaster.json"
    facts = json.loads(file.read_text(encoding="utf-8"))
    facts["config"]["model"]["warp"] = 3
    file.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(ValueError, match=r"what this release does not know \(model\.warp\): another release made it; "):
        load_forecaster(tmp_path)


def test_training_says_nothing_and_leaves_nothing(series, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    told = []
    fit_forecaster(series, small_config(epochs=2), ROWS, seed=1, progress=lambda *news: told.append(news))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert [(done, total) for done, total, _ in told] == [(1, 2), (2, 2)]
    assert set(told[0][2]) == {"fit_loss", "stop_loss"}


def test_the_weights_kept_are_those_of_the_best_epoch(series):
    config = small_config(epochs=12, learning_rate=0.05, patience=3)
    fitted = fit_forecaster(series, config, ROWS, seed=1)
    losses = [epoch["stop_loss"] for epoch in fitted.history]
    best = int(np.argmin(losses))
    assert len(losses) < 12
    assert len(losses) == best + 1 + 3
    shorter = fit_forecaster(series, small_config(epochs=best + 1, learning_rate=0.05, patience=3), ROWS, seed=1)
    assert torch.equal(shorter.model.network.decoder.weight, fitted.model.network.decoder.weight)


def test_a_series_with_other_columns_is_refused(series, fitted):
    with pytest.raises(
        ValueError, match=r"must have the features the forecaster was fitted on; they differ in \['volume_z'"
    ):
        encode(fitted, noise_series(400, volume=False))


def test_a_series_shorter_than_a_context_is_refused(fitted):
    with pytest.raises(ValueError, match="the series has 15 bars; one context needs"):
        encode(fitted, noise_series(15))


def test_too_few_rows_to_stop_on_are_refused(series):
    with pytest.raises(ValueError, match="too few to fit and to stop"):
        fit_forecaster(series, small_config(), range(0, 25), seed=1)


def test_the_seasonal_naive_forecast_repeats_the_last_season():
    r = np.arange(20.0)
    forecast = seasonal_naive(r, np.array([9, 2]), 7, 5)
    np.testing.assert_array_equal(forecast[0], [5, 6, 7, 8, 9, 5, 6])
    np.testing.assert_array_equal(forecast[1][:2], [0.0, 0.0])  # r[-2] does not exist
    assert not naive(3, 2).any()


def test_ridge_finds_a_linear_law():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 4))
    law = rng.normal(size=(4, 2))
    y = x @ law + 0.3
    weights = fit_ridge(x[:400], y[:400], x[400:], y[400:])
    np.testing.assert_allclose(weights, np.vstack([law, [0.3, 0.3]]), atol=1e-3)
    np.testing.assert_allclose(ridge_forecast(weights, x), y, atol=1e-2)


def by_hand(r, level, *, calibration, rows, horizon):
    """Quantiles (N, H) of the naive forecast of returns r, in units of volatility and moved by every known outcome."""
    squares = np.concatenate(([r[1]], r[1:])) ** 2
    weights = [0.97 ** np.arange(t, -1, -1.0) for t in range(len(r))]
    vol = np.array([np.sqrt((weight * squares[: len(weight)]).sum() / weight.sum()) for weight in weights])
    quantiles = np.zeros((len(rows), horizon))
    for h in range(1, horizon + 1):
        known = np.sort([r[t + h] / vol[t] for t in calibration])
        rank = (np.floor if level < 0.5 else np.ceil)(round((len(known) + 1) * level, 9))
        shift = np.median(known) if level == 0.5 else known[int(np.clip(rank, 1, len(known))) - 1]
        for n, t in enumerate(rows):
            if n >= h:
                below = r[t] < quantiles[n - h, h - 1]
                shift += 0.025 * np.abs(known).mean() * (level - below)
            quantiles[n, h - 1] = shift * vol[t]
    return quantiles


def test_scores_have_their_closed_forms(fitted, series):
    states = encode(fitted, series)
    scores = score_forecasts(fitted, series, states, calibration_rows=range(260, 320), rows=range(325, 400))
    r = series.log_return()[:, 0]
    truth = np.stack([r[t + 1 : t + 4] for t in range(325, 397)])
    naive_score = scores.table["naive"]
    assert naive_score["change_mae"] == pytest.approx(np.abs(truth).mean())
    assert naive_score["change_rmse"] == pytest.approx(np.sqrt((truth**2).mean()))
    assert naive_score["change_mase"] == pytest.approx(np.abs(truth).mean() / fitted.naive_mae)
    assert naive_score["n"] == truth.size
    assert naive_score["change_direction_accuracy"] is None
    assert "no direction" in naive_score["change_direction_accuracy_reason"]
    assert 0.7 < naive_score["change_coverage"] <= 1.0
    pinball = []
    for level in np.arange(0.05, 0.96, 0.05).round(2):
        quantile = by_hand(r, level, calibration=range(260, 317), rows=range(325, 397), horizon=3)
        error = truth - quantile
        pinball.append(np.where(error > 0, level * error, (level - 1) * error).mean())
    assert naive_score["change_crps"] == pytest.approx(2 * np.mean(pinball))
    assert naive_score["change_pinball"] == pytest.approx(np.mean(pinball))
    np.testing.assert_allclose(scores.errors["naive"], truth)


def test_the_value_ahead_is_scored_in_percent_of_the_price_at_the_decision(fitted, series):
    states = encode(fitted, series)
    scores = score_forecasts(fitted, series, states, calibration_rows=range(260, 320), rows=range(325, 400))
    price, naive_score, ridge = series.close[:, 0], scores.table["naive"], scores.table["ridge"]
    moved = np.abs([[100.0 * (price[t + h] / price[t] - 1.0) for h in (1, 2, 3)] for t in range(325, 397)])
    assert naive_score["value_mae"] == pytest.approx(moved.mean())
    assert naive_score["value_rmse"] == pytest.approx(np.sqrt((moved**2).mean()))
    assert naive_score["value_mae_last"] == pytest.approx(moved[:, -1].mean())
    assert naive_score["value_mae_by_horizon"] == pytest.approx(moved.mean(axis=0))
    ahead = price[325:397, None] * np.exp(np.cumsum(scores.forecasts["ridge"], axis=1))
    reached = np.stack([price[t + 1 : t + 4] for t in range(325, 397)])
    assert ridge["value_mae"] == pytest.approx((100.0 * np.abs(reached - ahead) / price[325:397, None]).mean())


@pytest.mark.parametrize(
    ("calibration", "rows", "message"),
    [
        (range(0, 60), range(305, 350), "calibration rows must come before the scored ones and after row 17"),
        (range(310, 360), range(305, 350), "calibration rows must come before the scored ones"),
    ],
)
def test_scores_calibrated_on_the_wrong_rows_are_refused(calibration, rows, message, fitted, series):
    with pytest.raises(ValueError, match=message):
        score_forecasts(fitted, series, encode(fitted, series), calibration_rows=calibration, rows=rows)


def test_scores_of_another_series_are_refused(fitted, series):
    states = encode(fitted, series)
    with pytest.raises(ValueError, match="must share one time index"):
        score_forecasts(
            fitted, series.rows(range(50, 400)), states, calibration_rows=range(260, 300), rows=range(305, 350)
        )


def test_a_training_that_diverges_is_refused_with_its_cure(series):
    with pytest.raises(ValueError, match=r"training diverged: its loss was never a finite number; lower trainer\.lear"):
        fit_forecaster(series, small_config(learning_rate=1e20), ROWS, seed=1)


def test_ctrl_c_is_handed_on(series):
    def press(*_):
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_forecaster(series, small_config(), ROWS, seed=1, progress=press)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_column_that_hardly_varies_does_not_explode(series):
    rate = pd.DataFrame({"rate": np.r_[np.full(300, 1013.27), np.full(100, 1014.27)]})
    stepped = dataclasses.replace(series, exogenous=rate.set_axis(series.index))
    fitted = fit_forecaster(stepped, small_config(epochs=1), ROWS, seed=1)
    assert encode(fitted, stepped).hidden_state[320:].std(axis=0).min() > 0.0


def test_rows_outside_the_series_and_bars_of_another_length_are_refused(series, fitted):
    with pytest.raises(ValueError, match="rows must lie within the 400 bars of the series"):
        fit_forecaster(series, small_config(), range(0, 500), seed=1)
    with pytest.raises(ValueError, match="the series must have bars of 1 days 00:00:00, as it was fitted on"):
        encode(fitted, noise_series(400, bar_length="1h"))


def test_scores_never_look_past_their_rows(fitted, series):
    states = encode(fitted, series)
    before = score_forecasts(fitted, series, states, calibration_rows=range(260, 300), rows=range(305, 350))
    moved = changed_after(series, 349)
    after = score_forecasts(
        fitted, moved, encode(fitted, moved), calibration_rows=range(260, 300), rows=range(305, 350)
    )
    assert before.table == after.table


def test_rows_without_a_whole_label_are_refused(fitted, series):
    with pytest.raises(ValueError, match=r"rows \[300, 302\) hold no label of 3 bars"):
        score_forecasts(fitted, series, encode(fitted, series), calibration_rows=range(260, 300), rows=range(300, 302))


@pytest.mark.parametrize("kind", OF_ALL_KINDS)
def test_a_sine_is_forecast_better_than_by_any_baseline_of_no_change(kind):
    r = 0.01 * np.sin(np.arange(660) * 2 * np.pi / 11)
    series = series_of(r, volume=False)
    config = small_config(kind, context_length=24, horizon=2, epochs=25, hidden_size=16, learning_rate=1e-2)
    fitted = fit_forecaster(series, config, range(0, 440), seed=1)
    scores = score_forecasts(
        fitted, series, encode(fitted, series), calibration_rows=range(450, 520), rows=range(530, 660)
    )
    assert scores.table[kind]["change_mae"] < 0.15 * scores.table["naive"]["change_mae"]


@pytest.mark.parametrize("kind", KINDS)
def test_bar_by_bar_a_stream_says_what_the_batch_says(kind):
    heat = pd.DataFrame({"heat": np.random.default_rng(3).normal(size=300)})
    series = noise_series(300, exogenous=heat)
    fitted = fit_forecaster(series, small_config(kind, epochs=1), range(0, 200), seed=0)
    states = encode(fitted, series)
    stream = Stream(fitted, series.rows(range(0, 220)))
    for row in range(220, 300):
        state, forecast = stream.push(series.rows(range(row, row + 1)))
        np.testing.assert_allclose(state, states.hidden_state[row], atol=1e-5)
        np.testing.assert_allclose(forecast, states.forecast[row], atol=1e-6)
    np.testing.assert_array_equal(embed(fitted, series), states.hidden_state)


def test_a_stream_refuses_a_bar_that_is_not_the_next_one(fitted, series):
    stream = Stream(fitted, series.rows(range(0, 300)))
    with pytest.raises(ValueError, match="index must increase strictly"):
        stream.push(series.rows(range(299, 300)))
    with pytest.raises(ValueError, match="they differ in volume"):
        stream.push(dataclasses.replace(series.rows(range(300, 301)), volume=None))


def test_drift_goes_on_as_on_average_so_far():
    r = np.array([0.0, 0.1, 0.3, -0.1])
    np.testing.assert_allclose(drift(r, np.array([1, 3]), 2), [[0.1, 0.1], [0.1, 0.1]])


def test_dlinear_recovers_a_linear_law_of_its_window():
    rng = np.random.default_rng(0)
    r = rng.normal(size=6000)
    for t in range(3, 6000):
        r[t] += 0.5 * r[t - 1] - 0.3 * r[t - 3]
    weights = fit_dlinear(r, np.arange(20, 4000), np.arange(4010, 5000), context_length=8, horizon=1)
    np.testing.assert_allclose(weights[:, 0], [0, 0, 0, 0, 0, -0.3, 0, 0.5, 0], atol=0.04)
    forecast = dlinear(weights, r, np.arange(5000, 5999))[:, 0]
    assert np.mean((r[5001:6000] - forecast) ** 2) == pytest.approx(1.0, rel=0.1)
    assert not dlinear(weights, r, np.array([3])).any()


def test_dlinear_s_parts_sum_to_the_window_and_memory_is_bounded_by_blocks(monkeypatch):
    maps = _decomposition(40)
    np.testing.assert_allclose(maps[:40] + maps[40:], np.eye(40), atol=1e-12)
    np.testing.assert_allclose(maps[:40].sum(axis=1), 1.0)
    r = np.random.default_rng(1).normal(size=500)
    whole = fit_dlinear(r, np.arange(40, 300), np.arange(310, 400), context_length=16, horizon=2)
    monkeypatch.setattr("forecaster.baselines.dlinear.BLOCK", 37)
    np.testing.assert_allclose(
        fit_dlinear(r, np.arange(40, 300), np.arange(310, 400), context_length=16, horizon=2), whole, atol=1e-10
    )


def test_a_ridge_says_no_more_of_what_it_never_met_than_on_the_fit_rows():
    weights, limits = np.array([[2.0], [0.0]]), np.array([[-1.0], [3.0]])
    features = np.array([[0.5], [1e300], [-1e300]])
    assert ridge_forecast(weights, features, limits)[:, 0].tolist() == [1.0, 3.0, -1.0]


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_row_of_ridge_says_the_same_to_the_bit_however_many_are_asked_beside_it(horizon):
    rng = np.random.default_rng(0)
    weights, features = rng.normal(size=(16, horizon)), rng.normal(size=(100, 15))
    every = ridge_forecast_by_row(weights, features)
    np.testing.assert_allclose(every, ridge_forecast(weights, features), rtol=1e-10, atol=1e-12)
    for count in range(1, 100):
        np.testing.assert_array_equal(ridge_forecast_by_row(weights, features[:count])[-1], every[count - 1])
