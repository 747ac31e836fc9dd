"""Networks of days: they learn what can be known, each by itself, and a walk taken up anywhere comes to the same."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster.config import FeatureConfig, ForecasterConfig, ModelConfig, RecalibrationConfig, TrainerConfig
from forecaster.day_ahead.days import day_table
from forecaster.day_ahead.ensemble import STATE, DayEnsemble, Teaching
from forecaster.day_ahead.fitted import FIRST, fit_days, load_days
from forecaster.day_ahead.inputs import day_inputs
from forecaster.day_ahead.networks import DayNetworks
from forecaster.day_ahead.perceptrons import WIDTH, DayPerceptrons
from forecaster.day_ahead.waypoint import read_waypoint, waypoint_bytes
from forecaster.hidden_states import load_hidden_states

from markets import power_series
from reference_lstm import ReferenceLSTM

FITTED, DAYS = 24 * 100, 130
LESSONS = Teaching(
    windows=(60, 60, 60),
    units=(0, 0, 0),
    batch_size=16,
    dropout=0.2,
    weight_decay=0.01,
    gradient_clip=1.0,
    loss="mae",
    recent_days=21,
    recent_share=0.5,
)


def market(days=DAYS, *, seed=0, drift=0.0):
    """Prices that a load makes, which is announced the day before; `drift` by the day moves what it makes of them."""
    rng, bars = np.random.default_rng(seed), 24 * 140
    index = pd.date_range("2021-01-01", periods=bars, freq="h", tz="UTC")
    load = rng.normal(0.0, 1.0, bars + 48)
    profile = np.tile(10.0 * np.sin(np.arange(24) * np.pi / 12.0), 140)
    price = 30.0 + profile + (5.0 + drift * np.arange(bars) / 24.0) * load[:bars] + 0.5 * rng.normal(size=bars)
    ahead = pd.DataFrame({"load": load}, index=pd.date_range(index[0], periods=bars + 48, freq="h"))
    series = power_series(index, price, ahead=ahead, lead=pd.Timedelta(hours=24))
    return series.rows(range(24 * days))


def settings(*, every=1, members=2, steps=2, epochs=4, perceptrons=0):
    return ForecasterConfig(
        features=FeatureConfig(),
        model=ModelConfig(kind="day_lstm", context_length=72, horizon=25, hidden_size=4, dropout=0.1),
        trainer=TrainerConfig(members=members, epochs=epochs, batch_size=16, loss="mae", learning_rate=1e-2),
        recalibration=RecalibrationConfig(
            every_days=every,
            windows_days=(60, 28),
            scales_days=(28,),
            steps=steps,
            learning_rate=1e-3,
            recent_days=14,
            perceptrons=perceptrons,
        ),
    )


def errors(series, states, rows):
    gates = np.flatnonzero(np.isfinite(states.forecast[:, 0]))
    gates = gates[(gates >= rows.start) & (gates < rows.stop - 24)]
    paths = series.close[gates] + states.forecast[gates, :24].astype(np.float64).cumsum(axis=1)
    truth = np.stack([series.close[gate + 1 : gate + 25, 0] for gate in gates])
    return np.abs(paths - truth).mean()


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in ("hidden_state", "forecast", "label_end")
    )


def test_a_member_is_the_lstm_of_the_reference_implementation():
    torch.manual_seed(0)
    ensemble, units = DayEnsemble((3, 4, 2), 5, LESSONS, seed=1), 5
    tokens, flat = torch.randn(3, 2, 6, 3), torch.randn(3, 2, 4)
    told, state = ensemble._speak(ensemble.weights, tokens, flat, None)
    sizes = [rows * columns for rows, columns in ensemble.shapes.values()]
    for member in range(3):
        pieces = ensemble.weights[member].split(sizes)
        part = {name: piece.view(*shape) for (name, shape), piece in zip(ensemble.shapes.items(), pieces, strict=True)}
        order = torch.tensor(
            [*range(2 * units), *range(3 * units, 4 * units), *range(2 * units, 3 * units)]
        )  # i, f, g, o
        lstm = torch.nn.LSTM(3, units, batch_first=True)
        with torch.no_grad():
            lstm.weight_ih_l0.copy_(part["read"].T[order])
            lstm.weight_hh_l0.copy_(part["carry"].T[order])
            lstm.bias_ih_l0.copy_(part["gates"][0][order])
            lstm.bias_hh_l0.zero_()
            _, (hidden, _) = ReferenceLSTM(lstm)(tokens[member])
            expected = hidden @ part["head"] + part["bias"] + flat[member] @ part["linear"]
        torch.testing.assert_close(state[member], hidden, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(told[member], expected, atol=1e-5, rtol=1e-5)


def test_a_perceptron_is_two_layers_and_a_linear_map():
    torch.manual_seed(0)
    ensemble = DayPerceptrons((3, 4, 2), 5, LESSONS, seed=1)
    flat = torch.randn(3, 6, 4)
    told, _ = ensemble._speak(ensemble.weights, torch.zeros(3, 6, 7, 3), flat, None)
    part = ensemble._parts(ensemble.weights)
    for member in range(3):
        layers = torch.nn.Sequential(
            torch.nn.Linear(4, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU()
        )
        with torch.no_grad():
            for layer, name in ((layers[0], "first"), (layers[2], "second")):
                layer.weight.copy_(part[name][member].T)
                layer.bias.copy_(part[f"{name}_bias"][member][0])
            expected = layers(flat[member]) @ part["head"][member] + flat[member] @ part["linear"][member]
        torch.testing.assert_close(told[member], expected, atol=1e-5, rtol=1e-5)


def test_perceptrons_stand_beside_the_members_leave_them_as_they_are_and_are_taken_up_with_them(tmp_path):
    series = market()
    alone = fit_days(series, settings(), range(FITTED), seed=3).encode(series)
    fitted = fit_days(series, settings(perceptrons=2), range(FITTED), seed=3)
    both = fitted.encode(series)
    np.testing.assert_array_equal(both.hidden_state, alone.hidden_state)
    assert np.nanmax(np.abs(both.forecast - alone.forecast)) > 0.1
    fitted.save(tmp_path)
    fitted.save_walk(tmp_path)
    later = range(24 * 129 - 1, len(series.index))
    taken_up = load_days(tmp_path, tmp_path).encode(series, later)
    np.testing.assert_array_equal(taken_up.forecast[later.start :], both.forecast[later.start :])


@pytest.mark.parametrize("kind", [DayEnsemble, DayPerceptrons])
def test_members_do_not_touch_each_other(kind):
    inputs = day_inputs(day_table(market()), tokens=3, scales_days=(28,))
    ensembles = [kind(inputs.sizes, 4, LESSONS, seed=1) for _ in range(2)]
    with torch.no_grad():
        ensembles[1].weights[0] += 1.0
    for ensemble in ensembles:
        ensemble.fit(inputs, 90, first=FIRST, steps=5, rates=(1e-2, 1e-3))
    one, other = (ensemble.weights for ensemble in ensembles)
    assert torch.equal(one[1:], other[1:])
    assert not torch.equal(one[0], other[0])
    assert not torch.equal(one[1], one[2])


def test_a_step_is_adamw_on_the_gradient_clipped_by_member():
    inputs = day_inputs(day_table(market()), tokens=3, scales_days=(28,))
    ensemble = DayEnsemble(inputs.sizes, 4, LESSONS, seed=1)
    before, gradient = ensemble.weights.clone(), torch.randn_like(ensemble.weights)
    expected = []
    for member in range(3):
        weight = torch.nn.Parameter(before[member].clone())
        optimiser = torch.optim.AdamW([weight], lr=1e-2, weight_decay=0.01)
        weight.grad = gradient[member].clone()
        torch.nn.utils.clip_grad_norm_([weight], 1.0)
        optimiser.step()
        expected.append(weight.detach())
    ensemble._step(gradient, 1e-2)
    torch.testing.assert_close(ensemble.weights, torch.stack(expected), atol=1e-6, rtol=1e-5)


def test_a_walk_in_two_parts_or_from_a_file_is_the_walk(tmp_path):
    series = market()
    once = fit_days(series, settings(), range(FITTED), seed=3)
    whole = once.encode(series)
    fitted = fit_days(series, settings(), range(FITTED), seed=3)
    first = fitted.encode(series.rows(range(24 * 115)))
    second = fitted.encode(series, range(24 * 115, len(series.index)))
    assert same(second.preceded_by(first), whole)
    fitted.save(tmp_path)
    fitted.save_walk(tmp_path)
    later = range(24 * 129 - 1, len(series.index))
    loaded = load_days(tmp_path, tmp_path)
    assert len(loaded.kept) == 1
    assert loaded.goes_on(market(DAYS + 1), len(series.index))
    assert not loaded.goes_on(market(DAYS + 1), len(series.index) - 25)
    taken_up, from_the_fit = loaded.encode(series, later), load_days(tmp_path).encode(series, later)
    for one in (taken_up, from_the_fit):
        np.testing.assert_array_equal(one.forecast[later.start :], whole.forecast[later.start :])
    whole.save(tmp_path)
    assert same(load_hidden_states(tmp_path), whole)


def test_a_walk_is_not_taken_up_where_the_past_has_changed():
    series = market()
    fitted = fit_days(series, settings(), range(FITTED), seed=3)
    fitted.encode(series)
    price = series.close.copy()
    price[24 * 110] += 1.0
    revised = dataclasses.replace(series, open=price, high=price, low=price, close=price)
    longer = market(DAYS + 1)
    price = np.concatenate([price, longer.close[len(price) :]])
    assert fitted.goes_on(longer, len(series.index))
    assert not fitted.goes_on(
        dataclasses.replace(longer, open=price, high=price, low=price, close=price), len(series.index)
    )
    fresh = fit_days(series, settings(), range(FITTED), seed=3).encode(revised)
    assert same(fitted.encode(revised), fresh)


@pytest.mark.parametrize("every", [1, 7, None])
def test_no_refit_knows_the_day_that_it_is_for(every):
    series = market()
    fitted = fit_days(series, settings(every=every), range(FITTED), seed=3)
    states = fitted.encode(series)
    cut = 24 * 120  # the first bar of a day: all after it is another
    price = series.close.copy()
    price[cut:] = 300.0 - 3.0 * price[cut:]
    other = fitted.encode(dataclasses.replace(series, open=price, high=price, low=price, close=price))
    gate = cut - 1
    np.testing.assert_array_equal(states.forecast[: gate + 1], other.forecast[: gate + 1])
    np.testing.assert_array_equal(states.hidden_state[: gate + 1], other.hidden_state[: gate + 1])
    assert not np.array_equal(states.forecast[gate + 24], other.forecast[gate + 24])
    if every is None:
        assert states.label_end is None
        assert states.fit_end[-1] + 25 <= FITTED
    else:
        spoken = np.flatnonzero(np.isfinite(states.forecast[:, 0]))
        spoken = spoken[spoken >= FITTED]
        behind = spoken - states.label_end[spoken]
        assert (behind.min(), behind.max()) == (0, 24 * (every - 1))


def test_what_is_announced_is_read_and_a_market_that_moves_is_followed():
    still, moving = market(), market(drift=0.2)
    judged = range(FITTED, 24 * DAYS)
    silent = dataclasses.replace(still, future_covariates=(), exogenous=pd.DataFrame(index=still.index))
    told, untold = (
        errors(still, fit_days(one, settings(epochs=60), range(FITTED), seed=3).encode(one), judged)
        for one in (still, silent)
    )
    assert told < 0.8 * untold
    plain = settings(epochs=60, steps=16)
    once = dataclasses.replace(plain, recalibration=dataclasses.replace(plain.recalibration, every_days=None))
    missed = [
        errors(moving, fit_days(moving, one, range(FITTED), seed=3).encode(moving), judged) for one in (plain, once)
    ]
    assert missed[0] < missed[1]


def test_too_few_days_and_other_series_are_refused():
    series = market()
    with pytest.raises(ValueError, match=r"hold 5 days to learn from, after 35 that are only read, and need 14"):
        fit_days(series, settings(), range(24 * 40), seed=3)
    fitted = fit_days(series, settings(epochs=1), range(FITTED), seed=3)
    with pytest.raises(ValueError, match="days of UTC and the target level, as it was fitted on, had"):
        fitted.encode(dataclasses.replace(series, day_zone="Europe/Oslo"))
    bare = dataclasses.replace(series, future_covariates=(), exogenous=pd.DataFrame(index=series.index))
    with pytest.raises(ValueError, match="the features it was fitted on; they differ in"):
        fitted.encode(bare)
    assert sorted([*STATE, "kernels.settings"]) == sorted(fitted.fitted.state)


def test_a_walk_that_was_cut_off_is_handed_out_on_its_way_and_taken_up_to_the_same_bit(tmp_path):
    series, bytes_kept = market(), []
    whole = fit_days(series, settings(), range(FITTED), seed=3).encode(series)
    fitted = fit_days(series, settings(), range(FITTED), seed=3)
    fitted.encode(series, keep=lambda states: bytes_kept.append(waypoint_bytes(fitted.kept[0], states)))
    assert len(bytes_kept) == 1  # of thirty days, as weights are kept every 28
    (tmp_path / "walk").write_bytes(bytes_kept[0])
    waypoint, earlier = read_waypoint(tmp_path / "walk")
    known = len(earlier.index)
    assert 0 < known < len(series.index)
    fresh = fit_days(series, settings(), range(FITTED), seed=3)
    assert fresh.take_up(waypoint, series)
    assert fresh.encode(series, range(known, len(series.index))).preceded_by(earlier).index.equals(series.index)
    assert same(fresh.encode(series, range(known, len(series.index))).preceded_by(earlier), whole)
    assert not fit_days(series, settings(), range(FITTED), seed=3).take_up(waypoint, market(seed=1))
    (tmp_path / "walk").write_bytes(bytes_kept[0][:1000])
    with pytest.raises(ValueError, match="is damaged"):
        read_waypoint(tmp_path / "walk")


@pytest.mark.parametrize(("start", "hours"), [("2020-12-10 23:00", 23), ("2021-07-14 22:00", 25)])
def test_refits_over_a_night_on_which_clocks_change_are_one_walk_and_read_nothing_of_their_own_day(start, hours):
    series = local_market(start)
    table = day_table(series)
    changed = int(np.flatnonzero(table.length != 24)[0])
    assert table.length[changed] == hours
    fitted_rows = range(int(table.first[100]))  # the clocks change on the eighth day after
    whole = fit_days(series, settings(), fitted_rows, seed=3).encode(series)
    for day in (changed, changed + 1):  # taken up before that day, and on the morning after
        gate = int(table.first[day]) - 1
        fitted = fit_days(series, settings(), fitted_rows, seed=3)
        earlier = fitted.encode(series.rows(range(gate + 1)))
        assert same(fitted.encode(series, range(gate + 1, len(series.index))).preceded_by(earlier), whole)
        price = series.close.copy()
        price[gate + 1 :] = 300.0 - 3.0 * price[gate + 1 :]
        other = dataclasses.replace(series, open=price, high=price, low=price, close=price)
        told = fit_days(other, settings(), fitted_rows, seed=3).encode(other)
        assert same(told.until(gate + 1), whole.until(gate + 1))
        assert whole.label_end[gate] == gate  # all was learned up to the last bar before that day
        assert not np.array_equal(told.forecast[table.first[day + 1] - 1], whole.forecast[table.first[day + 1] - 1])
    path = whole.forecast[table.first[changed] - 1]
    assert np.isfinite(path).all()
    assert (path[hours:] == 0.0).all()


def local_market(start, days=112, zone="Europe/Amsterdam"):
    """Prices of the hours of a local clock from a local midnight on, of as many bars as `days` of 24 hours."""
    rng, bars = np.random.default_rng(4), 24 * days
    index = pd.date_range(start, periods=bars, freq="h", tz="UTC")
    hour = np.asarray(index.tz_convert(zone).hour)
    return power_series(index, 30.0 + 10.0 * np.sin(hour * np.pi / 12.0) + rng.normal(0.0, 3.0, bars), zone=zone)


def test_kinds_weigh_alike_and_each_is_the_mean_of_its_members():
    inputs = day_inputs(day_table(market()), tokens=3, scales_days=(28,))
    networks = DayNetworks(settings(members=3, perceptrons=2), inputs.sizes, 3)
    kinds, state = networks.forecast(inputs, 120, 118)
    lstms, perceptrons = (one.forecast(inputs, 120) for one in networks.ensembles.values())
    assert networks.kernels is not None
    kernels = networks.kernels.forecast(inputs, 120, 118)
    np.testing.assert_array_equal(kinds, [one.mean(axis=0) for one in (lstms[0], perceptrons[0], kernels)])
    np.testing.assert_array_equal(state, lstms[1][0])
    again = DayNetworks(settings(members=3, perceptrons=2), inputs.sizes, 3, networks.state())
    np.testing.assert_array_equal(again.forecast(inputs, 120, 118)[0], kinds)


def test_an_artifact_of_before_kernels_is_read_without_them(tmp_path):
    series, plain = market(), settings(epochs=1)
    config = dataclasses.replace(plain, recalibration=dataclasses.replace(plain.recalibration, kernels=False))
    fitted = fit_days(series, config, range(FITTED), seed=3)
    fitted.save(tmp_path)
    facts = json.loads((tmp_path / "forecaster.json").read_text(encoding="utf-8"))
    del facts["config"]["recalibration"]["kernels"]
    (tmp_path / "forecaster.json").write_text(json.dumps(facts), encoding="utf-8")
    assert same(load_days(tmp_path).encode(series), fitted.encode(series))
