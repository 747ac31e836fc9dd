"""A panel whose histories begin, pause and end where they do: what is learned of it, and what is said of it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.data.panel import all_ahead, build_panel_features, whole_contexts
from forecaster.evaluation.scores import score_forecasts
from forecaster.fitted import fit_forecaster, fit_panel, load_panel, save_panel
from forecaster.hidden_states import Stream, encode, last_forecast
from forecaster.panel_states import encode_panel, load_panel_states
from forecaster.training.instruments import OWN_ROWS
from forecaster.training.training_set import training_set

from markets import noise_series, ragged_panel, small_config, with_model

ROWS, BARS = range(0, 250), 400
LISTS, ENDS, HALT, LATE = 60, 120, range(150, 156), 300  # of `b`, of `c`, of `d`; `e` lists after the forecaster's rows


@pytest.fixture(scope="module")
def panel():
    return ragged_panel(
        BARS, lists={"b": LISTS, "e": LATE}, ends={"c": ENDS}, halts={"d": HALT}, instruments=tuple("abcde")
    )


@pytest.fixture(scope="module")
def fitted(panel):
    return fit_panel(panel, small_config(), ROWS, seed=1)


@pytest.fixture(scope="module")
def states(panel, fitted):
    return encode_panel(fitted, panel)


def windows_learned(lessons):
    """Pairs of an instrument and a decision row, of the fit and of the stop rows."""
    return [lessons.data.pairs(rows) for rows in (lessons.data.rows.fit, lessons.data.rows.stop)]


def test_the_features_of_a_series_are_built_once_in_a_row_and_nobody_can_change_them(panel):
    config = small_config().features
    tables, other = build_panel_features(panel, config), dataclasses.replace(config, volume_bars=7)
    assert build_panel_features(panel, config) is tables
    with pytest.raises(ValueError, match="read-only"):
        tables[0].values[-1, 0] = 0.0
    assert build_panel_features(panel, other)[0].values.tobytes() != tables[0].values.tobytes()
    again = build_panel_features(dataclasses.replace(panel), config)
    assert again is not tables
    np.testing.assert_array_equal(again[0].values, tables[0].values)


def test_nothing_is_learned_outside_an_instrument_s_own_history(panel):
    config = small_config()
    lessons = training_set(panel, config, ROWS)
    length, horizon = config.model.context_length, config.model.horizon
    first = np.where(panel.traded.any(axis=0), panel.traded.argmax(axis=0), BARS)
    for instrument, row in windows_learned(lessons):
        assert (row - length + 1 >= first[instrument] + 10).all()  # ten bars of warm-up
        assert panel.traded[row, instrument].all()
        for ahead in range(1, horizon + 1):
            assert panel.has_change[row + ahead, instrument].all()
    instrument, row = windows_learned(lessons)[0]
    assert row[instrument == 1].min() == LISTS + 10 + length - 1
    assert row[instrument == 2].max() == ENDS - 1 - horizon
    over_the_halt = row[(instrument == 3) & (row > HALT.stop) & (row - length < HALT.start)]
    assert len(over_the_halt)  # a halt within the context is no obstacle
    assert not (instrument == 4).any()


def test_labels_and_features_of_the_windows_are_the_instruments_own(panel):
    lessons = training_set(panel, small_config(), ROWS)
    instrument, row = lessons.data.pairs(lessons.data.rows.fit)
    assert np.isfinite(lessons.data.features[instrument, row]).all()
    scale = np.array([part.facts["target_scale"] for part in lessons.parts])
    labels = lessons.data.labels((instrument, row)) * scale[instrument, None]
    np.testing.assert_allclose(labels[:, 0], panel.changes()[row + 1, instrument], rtol=1e-5, atol=1e-9)


def test_an_instrument_s_scales_are_its_own_rows_and_the_panel_s_where_it_has_too_few(panel, fitted):
    own = training_set(panel, small_config(), ROWS)
    names = panel.instruments
    rows = {name: part.rows for name, part in zip(names, own.parts, strict=True)}
    assert all(rows[name].enough for name in "abcd")
    assert len(rows["e"].fit) == 0
    assert rows["c"].stop[0] - rows["c"].fit[-1] == 3  # it ended before the stop rows: its last fit rows stop it
    for name in "abcd":
        truth = np.concatenate([panel.changes()[rows[name].fit + k, names.index(name)] for k in (1, 2, 3)])
        assert fitted[name].target_scale == pytest.approx(truth.std())
        assert fitted[name].naive_mae == pytest.approx(np.abs(truth).mean())
    pooled = np.concatenate([part.fit_target.ravel() for part in own.parts])
    assert fitted["e"].target_scale == pytest.approx(pooled.std())
    bars = np.concatenate([own.tables[number].values[part.rows.bars] for number, part in enumerate(own.parts)])
    np.testing.assert_allclose(fitted["e"].mean, bars.mean(axis=0))
    np.testing.assert_allclose(fitted["e"].std, bars.std(axis=0))


def test_the_pooled_rivals_of_a_panel_of_one_are_its_own(monkeypatch):
    """With its own rows as the panel's, ridge and DLinear are what they would be by themselves, up to their units."""
    series = dataclasses.replace(noise_series(300), traded=np.ones((300, 1), dtype=bool))
    alone = fit_panel(series, small_config(), ROWS, seed=1)["one"]
    monkeypatch.setattr("forecaster.training.instruments.OWN_ROWS", 10**6)
    pooled = fit_panel(series, small_config(), ROWS, seed=1)["one"]
    np.testing.assert_allclose(pooled.mean, alone.mean)
    np.testing.assert_allclose(pooled.dlinear, alone.dlinear, rtol=1e-6, atol=1e-12)
    assert pooled.target_scale == pytest.approx(alone.target_scale)
    assert pooled.ridge.shape == alone.ridge.shape


def test_an_instrument_whose_bars_never_knew_a_column_is_scaled_by_the_panel(panel):
    """`c` is gone before the column has its first value."""
    late = pd.DataFrame({"late": np.where(np.arange(BARS) > ENDS, np.sin(np.arange(BARS)), np.nan)}, index=panel.index)
    told = dataclasses.replace(panel, exogenous=late, missing=("late",))
    parts = dict(zip(panel.instruments, training_set(told, small_config(), ROWS).parts, strict=True))
    assert parts["c"].rows.enough
    np.testing.assert_array_equal(parts["c"].facts["mean"], parts["e"].facts["mean"])
    assert not np.array_equal(parts["a"].facts["mean"], parts["e"].facts["mean"])


def test_an_instrument_that_never_moved_is_forecast_in_the_panel_s_unit(panel):
    """It has no unit of its own; in one of 1 it was forecast to fall by as much as hundreds of usual bars."""
    still = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close")}
    for values in still.values():
        values[:, 1] = 50.0
    fitted = fit_panel(dataclasses.replace(panel, **still), small_config(), ROWS, seed=1)
    assert fitted["b"].target_scale == fitted["e"].target_scale < 0.02


def test_a_series_that_always_trades_is_fitted_as_one_that_does_not_say(panel):
    series = noise_series(BARS)
    traded = dataclasses.replace(series, traded=np.ones((BARS, 1), dtype=bool))
    plain, told = (fit_forecaster(each, small_config(), ROWS, seed=1) for each in (series, traded))
    for name, weights in plain.model.state_dict().items():
        np.testing.assert_array_equal(told.model.state_dict()[name].numpy(), weights.numpy())
    for name in ("mean", "std", "ridge", "dlinear", "target_scale", "naive_mae"):
        np.testing.assert_array_equal(getattr(told, name), getattr(plain, name))
    one = encode_panel({"one": plain}, series)
    alone = encode(plain, series)
    assert one.instrument("one").first_row == alone.first_row
    np.testing.assert_array_equal(one.instrument("one").hidden_state, alone.hidden_state)


def test_it_speaks_where_an_instrument_trades_with_a_whole_context_behind_it(panel, states):
    first = np.array([0, LISTS, 0, 0, LATE]) + 10 + 8 - 1
    wanted = (np.arange(BARS)[:, None] >= first) & panel.traded
    np.testing.assert_array_equal(states.available, wanted)
    for values in (states.hidden_state, states.forecast):
        np.testing.assert_array_equal(np.isfinite(values).all(axis=2), wanted)
        assert np.isnan(values[~wanted]).all()
    assert not states.available[HALT.start : HALT.stop, 3].any()


@pytest.mark.parametrize("kind", ["lstm", "seq2seq", "mlstm", "segment_lstm"])
def test_one_instrument_of_a_panel_is_said_what_it_would_be_said_alone(panel, kind):
    fitted = fit_panel(panel, small_config(kind, epochs=1), ROWS, seed=1)
    states = encode_panel(fitted, panel)
    for name in panel.instruments:
        alone, together = encode(fitted[name], panel.instrument(name)), states.instrument(name)
        np.testing.assert_array_equal(together.hidden_state, alone.hidden_state)
        np.testing.assert_array_equal(together.forecast, alone.forecast)
        np.testing.assert_array_equal(together.fit_end, alone.fit_end)
        assert together.first_row == alone.first_row


def test_an_instrument_with_gaps_is_streamed_and_scored_where_it_trades(panel):
    relative = dataclasses.replace(panel, target="relative_return")
    fitted = fit_panel(relative, small_config(epochs=1), ROWS, seed=1)
    for name in "bd":
        series = relative.instrument(name)
        states = encode(fitted[name], series)
        state, forecast = Stream(fitted[name], series.rows(range(0, BARS - 1))).push(series.rows(range(BARS - 1, BARS)))
        np.testing.assert_allclose(state, states.hidden_state[-1], atol=1e-5)
        np.testing.assert_allclose(forecast, states.forecast[-1], atol=1e-5)
        np.testing.assert_array_equal(last_forecast(fitted[name], series).shape, (3,))
    scored, before = range(140, 200), range(90, 140)
    scores = score_forecasts(fitted["d"], series, states, calibration_rows=before, rows=scored)
    halted = {row for bar in HALT for row in range(bar - 3, bar + 1)}
    assert scores.decisions.tolist() == [row for row in range(140, 197) if row not in halted]
    assert np.isfinite(scores.table["lstm"]["value_mae"])
    truth = relative.changes()[scores.decisions[:, None] + np.arange(1, 4), 3]
    np.testing.assert_array_equal(scores.errors["naive"], truth)


def test_a_state_does_not_depend_on_who_else_is_there(panel, fitted, states):
    two = dataclasses.replace(
        panel, instruments=("d", "a"), **{name: column[:, [3, 0]] for name, column in panel.columns().items()}
    )
    fewer = encode_panel(fitted, two)
    np.testing.assert_array_equal(fewer.hidden_state, states.hidden_state[:, [3, 0]])


@given(st.integers(ROWS.stop, BARS - 2))
@settings(max_examples=10)
def test_the_future_of_any_instrument_reaches_no_earlier_state_of_any(panel, fitted, states, t):
    """Prices change, one instrument lists earlier than it did, another ends."""
    columns = {name: column.copy() for name, column in panel.columns().items()}
    for name in ("open", "high", "low", "close"):
        columns[name][t + 1 :] *= 1.5
    columns["traded"][t + 1 :, 0] = False
    columns["traded"][t + 1 :, 4] = True
    other = dataclasses.replace(panel, **columns)
    after = encode_panel(fitted, other)
    np.testing.assert_array_equal(after.hidden_state[: t + 1], states.hidden_state[: t + 1])
    cut = encode_panel(fitted, panel.rows(range(0, t + 1)))
    np.testing.assert_array_equal(cut.hidden_state, states.hidden_state[: t + 1])
    np.testing.assert_array_equal(cut.fit_end, states.fit_end[: t + 1])


def test_what_comes_after_the_forecaster_s_rows_leaves_the_fit_as_it_is(panel, fitted):
    columns = {name: column.copy() for name, column in panel.columns().items()}
    for name in ("open", "high", "low", "close"):
        columns[name][ROWS.stop :] *= 1.5
    columns["traded"][ROWS.stop :, 4] = True
    again = fit_panel(dataclasses.replace(panel, **columns), small_config(), ROWS, seed=1)
    for name, weights in fitted["a"].model.state_dict().items():
        np.testing.assert_array_equal(again["a"].model.state_dict()[name].numpy(), weights.numpy())
    for name in panel.instruments:
        np.testing.assert_array_equal(again[name].ridge, fitted[name].ridge)
        np.testing.assert_array_equal(again[name].mean, fitted[name].mean)


def test_prices_before_a_listing_are_never_read(panel, fitted):
    columns = {name: column.copy() for name, column in panel.columns().items()}
    for name in ("open", "high", "low", "close"):
        columns[name][:LISTS, 1] = 77.0
    again = fit_panel(dataclasses.replace(panel, **columns), small_config(), ROWS, seed=1)
    np.testing.assert_array_equal(again["b"].mean, fitted["b"].mean)
    for name, weights in fitted["a"].model.state_dict().items():
        np.testing.assert_array_equal(again["a"].model.state_dict()[name].numpy(), weights.numpy())


def test_states_come_back_from_the_disk_as_they_were(panel, states, fitted, tmp_path, monkeypatch):
    monkeypatch.setattr("forecaster.panel_states.BLOCK", 700)
    for kept in (states, encode_panel(quantile_panel(panel), panel)):
        kept.save(tmp_path)
        back = load_panel_states(tmp_path)
        assert back.index.equals(kept.index)
        assert back.instruments == kept.instruments
        for name in ("hidden_state", "forecast", "fit_end", "available"):
            np.testing.assert_array_equal(getattr(back, name), getattr(kept, name))
        assert (back.quantiles is None) == (kept.quantiles is None)
        if kept.quantiles is not None:
            np.testing.assert_array_equal(back.quantiles, kept.quantiles)
    save_panel(fitted, tmp_path)
    loaded = load_panel(tmp_path)
    assert loaded["a"].model is loaded["e"].model
    np.testing.assert_array_equal(encode_panel(loaded, panel).hidden_state, states.hidden_state)


def quantile_panel(panel):
    config = with_model(small_config(epochs=1), head="quantile")
    return fit_panel(panel, config, ROWS, seed=1)


def test_some_rows_are_said_what_all_are(panel, fitted, states):
    last = encode_panel(fitted, panel, rows=range(BARS - 1, BARS))
    np.testing.assert_allclose(last.hidden_state[-1], states.hidden_state[-1], atol=1e-6)
    assert not last.available[:-1].any()
    assert states.until(200).available.shape == (200, 5)


def test_an_epoch_may_be_limited_and_its_windows_differ_from_epoch_to_epoch(panel):
    from forecaster.data.datamodule import WindowDataModule

    data = training_set(panel, small_config(), ROWS).data
    module = WindowDataModule(data, batch_size=16, seed=1, at_most=40)
    first, second = ([context for context, _ in module.train_dataloader()] for _ in range(2))
    assert sum(map(len, first)) == 40
    assert not np.array_equal(first[0].numpy(), second[0].numpy())
    stops = [np.concatenate([context for context, _ in module.val_dataloader()]) for _ in range(2)]
    np.testing.assert_array_equal(stops[0], stops[1])
    assert 20 <= len(stops[0]) <= 40
    fit_panel(panel, small_config(epochs=1, windows_per_epoch=50), ROWS, seed=1)


def test_panels_that_cannot_be_fitted_or_spoken_of_are_refused_by_name(panel, fitted):
    with pytest.raises(ValueError, match="must be one that the forecaster was fitted on, e was not"):
        encode_panel({name: fitted[name] for name in "abcd"}, panel)
    other = fit_panel(panel, small_config(epochs=1), ROWS, seed=2)
    with pytest.raises(ValueError, match="must share one network"):
        encode_panel({**fitted, "a": other["a"]}, panel)
    with pytest.raises(ValueError, match="none of 5 instruments has enough bars of its own"):
        build_panel_features(panel.rows(range(0, 3)), small_config().features)
    with pytest.raises(ValueError, match="none of 5 instruments has a whole context of 8 bars"):
        encode_panel(fitted, panel.rows(range(0, 12)))
    nobody = dataclasses.replace(panel, traded=panel.traded & (np.arange(BARS) % 3 > 0)[:, None])
    with pytest.raises(ValueError, match="hold 0 windows to fit and 0 to stop, of 5 instruments"):
        fit_panel(nobody, small_config(), ROWS, seed=1)


def test_all_ahead_are_the_bars_after_a_row_and_not_the_row_itself():
    there = np.array([[0, 1, 1, 0, 1, 1, 1]], dtype=bool).T
    assert all_ahead(there, 2)[:, 0].tolist() == [True, False, False, True, True, False, False]
    assert OWN_ROWS >= 2
    assert whole_contexts(noise_series(5), [1], 3)[:, 0].tolist() == [False, False, False, True, True]
