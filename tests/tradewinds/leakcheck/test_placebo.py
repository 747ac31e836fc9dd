"""Worlds in which nothing can be known: what they keep, what was planted and shows there, and who passes."""

import dataclasses
import re
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from placebo_plants import (
    energy_out_of_nothing,
    half_of_tomorrow,
    issued_a_bar_later,
    labels_of_the_bar_already_known,
    read_a_bar_late,
    ridge_fitted_on_all_days,
    threshold_chosen_on_the_test_rows,
)

import forecaster.evaluation.scores
import tradewinds.leakcheck.probes as tradewinds_probes
import tradewinds.tasks.account.backtest
import tradewinds.tasks.account.rivals
from forecaster.hidden_states import encode
from tradewinds.core.console import Silent
from tradewinds.core.resources import resource_dir
from tradewinds.data.assemble.loaded import LoadedSeries, Parts
from tradewinds.leakcheck.placebo import Placebo, placebo_of_run, placebos
from tradewinds.leakcheck.still import still
from tradewinds.pipeline import steps
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import task_of
from tradewinds.tasks.account.placebo import costless, strategy_luck
from tradewinds.tasks.random_signs import unknowable as with_random_signs
from tradewinds.tasks.storage.placebo import day_rows, places
from tradewinds.tasks.storage.placebo import unknowable as with_random_days

from markets import noise_series
from planting import WORDS, prepared_of, request, series
from story import write_bars

BARS = 240


def bars_of(target="log_return", num_bars=BARS, seed=3):
    made = noise_series(num_bars, seed=seed)
    if target == "difference":
        prices = dict.fromkeys(("open", "high", "low", "close"), 10.0 * np.log(made.close))
        made = dataclasses.replace(made, **prices, single_price=True, target="difference")
    return Parts(LoadedSeries(made))


def prepared_bars(*words, target="log_return", num_bars=BARS):
    return prepared_of(request(*words), bars_of(target, num_bars))


def power(days=64, target="log_return"):
    """Hourly prices from a local midnight on, by a clock that is turned in their midst, another shape every day."""
    rng = np.random.default_rng(2)
    index = pd.date_range("2021-10-04T05:00", periods=24 * days + 1, freq="h", tz="UTC").as_unit("ns")
    swing = np.repeat(rng.normal(12.0, 6.0, days), 24) * np.sin(np.arange(24 * days) * np.pi / 12.0)
    price = 60.0 + np.repeat(rng.normal(0.0, 4.0, days), 24) + swing + rng.normal(0.0, 2.0, 24 * days)
    price = np.maximum(np.append(price, 60.0), 1.0)[:, None]
    made = noise_series(24 * days + 1, bar_length="1h", volume=False)
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    bars = dataclasses.replace(
        made,
        **prices,
        index=index,
        exogenous=pd.DataFrame(index=index),
        single_price=True,
        target=target,
        season_bars=24,
    )
    return Parts(LoadedSeries(bars))


def prepared_power(*words, target="log_return"):
    brief = (
        "env=battery", "agent=planner", "env.actions=power", "agent.steps=200", "agent.validate_every=100",
        "agent.num_envs=4", "rollout.observe=[hidden_state,forecasts]", "rollout.standard_errors=0.0",
        "model.horizon=25", "model.context_length=5", "model.hidden_size=3", "trainer.epochs=2",
        "features.volatility_bars=[3]", "split.embargo_bars=24", "split.forecaster=0.40", "split.agent=0.1",
        "split.validation=0.1", "split.test=0.4", "backtest.random_draws=1",
    )  # fmt: skip
    (plain,) = compose_requests([*brief, *words], [resource_dir("conf")], multirun=False)
    config = request_from(plain)
    return prepared_from(config, task_of(config), power(target=target))


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """A storage unit's request by target, with fitted models."""
    folder = tmp_path_factory.mktemp("unit")
    made = {target: prepared_power(target=target) for target in ("log_return", "difference")}
    return {target: (one, steps.fit(one, folder / target, Silent())) for target, one in made.items()}


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    prepared = prepared_bars()
    return prepared, steps.fit(prepared, tmp_path_factory.mktemp("account"), Silent())


def leak_in(prepared, models, worlds):
    """What some worlds say of models that are not fitted anew."""
    placebo = Placebo(prepared)
    for _ in range(worlds):
        world = placebo.world()
        placebo.play(world, dataclasses.replace(models, states=encode(models.forecaster, world.series)))
    return placebo.leak() or placebo.blindness()


def leak_after_fits(prepared, folder):
    notes = []
    models = steps.fit(prepared, folder / "true", Silent())
    leaks = (question() for _, question in placebos(prepared, models, folder, notes))
    return next((leak for leak in leaks if leak is not None), None)


# --- what the worlds are


@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_random_signs_keep_the_size_of_every_move_and_nothing_of_its_direction(target):
    parts = bars_of(target, 2000)
    before, after = parts.series.series, with_random_signs(None, parts, np.random.default_rng(0)).series.series
    level = np.log if target == "log_return" else np.asarray
    day = [level(one.close) - level(one.open) for one in (before, after)]
    night = [level(one.open[1:]) - level(one.close[:-1]) for one in (before, after)]
    for ours, theirs in (day, night):
        np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-9)
        moved = np.abs(ours) > 1e-9
        assert not moved.any() or abs((np.sign(ours) == np.sign(theirs))[moved].mean() - 0.5) < 0.06
    np.testing.assert_allclose(level(before.high) - level(before.low), level(after.high) - level(after.low), atol=1e-9)
    np.testing.assert_array_equal(before.index, after.index)
    if before.volume is not None:
        np.testing.assert_array_equal(before.volume, after.volume)


def test_random_signs_are_of_the_prices_an_owner_lived_through_and_leave_columns_in_place():
    parts = Parts(LoadedSeries(series()))
    after = with_random_signs(None, parts, np.random.default_rng(0)).series.series
    assert after.dividends is None
    lived = parts.series.series.adjusted()
    np.testing.assert_allclose(
        np.abs(np.log(after.close / after.open)), np.abs(np.log(lived.close / lived.open)), atol=1e-9
    )
    pd.testing.assert_frame_equal(after.exogenous, parts.series.series.exogenous)


def test_random_days_keep_the_prices_of_every_day_and_the_days_on_which_clocks_are_turned(unit):
    prepared, _ = unit["log_return"]
    before = prepared.parts.series.series
    after = with_random_days(prepared.config, prepared.parts, np.random.default_rng(0)).series.series
    rows = day_rows(before.index, prepared.config.env, before.bar_length)
    assert len(rows) == 63  # of 64, and one of them has 25 hours
    ours, theirs = before.close[rows, 0], after.close[rows, 0]
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))
    assert not np.array_equal(ours, theirs)
    others = np.setdiff1d(np.arange(len(before.close)), rows)
    np.testing.assert_array_equal(before.close[others], after.close[others])


def test_the_place_of_a_day_among_those_to_come_is_any_with_the_same_probability():
    """All orders in which five days can come; losses that tie among them."""
    losses = np.array([0.0, 1.0, 1.0, 2.0, 5.0])
    rng = np.random.default_rng(0)
    luck = np.array([places(np.tile(losses[list(order)], (5, 1)), rng)[:, 0] for order in permutations(range(5))])
    assert np.abs(luck.mean(axis=0)).max() < 0.25
    assert abs((luck[:, 0] > 0.0).mean() - (luck[:, 0] < 0.0).mean()) < 0.2
    certain = [places(np.tile(np.array(order, dtype=float), (4, 1)), rng)[0, 0] for order in permutations(range(4))]
    np.testing.assert_allclose(sorted(certain), np.repeat([-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0], 6))


def test_what_a_strategy_gains_from_a_move_it_loses_from_the_opposite_one(account):
    """To the last digit, though a price that doubles gains more than one that halves loses."""
    prepared, _ = account
    parts, config = prepared.parts, costless(prepared.config)
    bars = parts.series.series
    turned = {
        "open": bars.close / (bars.close / bars.open) ** -1,
        "close": bars.open * (bars.open / bars.close),
    }
    high = np.maximum(bars.open, turned["close"]) * 1.01
    low = np.minimum(bars.open, turned["close"]) / 1.01
    last = len(bars.close) - 1
    changed = {name: getattr(bars, name).copy() for name in ("open", "high", "low", "close")}
    changed["close"][last], changed["high"][last], changed["low"][last] = turned["close"][last], high[last], low[last]
    earned = []
    for one in (bars, dataclasses.replace(bars, **changed)):
        world = prepared_from(config, prepared.task, Parts(LoadedSeries(one)), prepared.split)
        test = world.split.test
        decisions = pd.DataFrame({"target": 1.0, "next_bar": 0.0, "forecast_1": 0.0}, index=world.series.index[test])
        played = world.task.outcome(world, decisions).record
        earned.append(strategy_luck(played, "agent")[:, 0])
    np.testing.assert_allclose(earned[0][:-1], earned[1][:-1], rtol=1e-12)
    assert earned[0][-1] == pytest.approx(-earned[1][-1], rel=1e-9)


# --- who passes


@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_forecasts_and_accounts_fitted_anew_are_found_to_know_nothing(target, tmp_path):
    assert leak_after_fits(prepared_bars("leakcheck.placebos=4", target=target), tmp_path) is None


@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_a_storage_unit_is_found_to_know_nothing(target, unit):
    prepared, models = unit[target]
    assert still(prepared, models) is None
    assert leak_in(prepared, models, 2) is None


# --- what shows


def test_labels_of_the_bar_already_known_are_found_where_they_are_learned(monkeypatch, tmp_path):
    labels_of_the_bar_already_known(monkeypatch)
    leak = leak_after_fits(prepared_bars("leakcheck.placebos=3"), tmp_path)
    assert (leak.probe, leak.stage) == ("placebo", "scores")
    assert re.search("where nothing can be known, the forecast by (lstm|ridge)", leak.what)


@pytest.mark.parametrize("plant", [issued_a_bar_later, read_a_bar_late], ids=lambda plant: plant.__name__)
def test_a_forecast_fresher_than_it_says_is_found(plant, monkeypatch, account):
    plant(monkeypatch)
    leak = leak_in(*account, 2)
    assert (leak.probe, leak.stage) == ("placebo", "scores")
    assert "forecasts are taken for others than they are" in leak.what


def test_a_threshold_chosen_on_the_test_rows_is_found(monkeypatch, account):
    threshold_chosen_on_the_test_rows(monkeypatch)
    leak = leak_in(*account, 24)
    assert (leak.probe, leak.stage) == ("placebo", "equity")
    assert "the strategy agent" in leak.what


@pytest.mark.parametrize("target", ["log_return", "difference"])
def test_a_plan_that_sees_half_of_tomorrow_is_found(target, monkeypatch, unit):
    half_of_tomorrow(monkeypatch)
    leak = leak_in(*unit[target], 3)
    assert (leak.probe, leak.stage) == ("placebo", "scores")
    assert "the forecast by lstm" in leak.what


def test_regressions_fitted_on_the_days_they_forecast_are_found(monkeypatch, unit):
    ridge_fitted_on_all_days(monkeypatch)
    leak = leak_in(*unit["log_return"], 3)
    assert (leak.probe, leak.stage) == ("placebo", "scores")
    assert "the forecast by ridge" in leak.what


def test_energy_out_of_nothing_is_found_at_a_price_that_never_moves(monkeypatch, unit):
    energy_out_of_nothing(monkeypatch)
    leak = still(*unit["log_return"])
    assert (leak.probe, leak.stage) == ("placebo", "equity")
    assert "drawn actions had earned" in leak.what


def test_money_out_of_nothing_is_found_at_a_price_that_never_moves(monkeypatch, account):
    """A cost whose sign is wrong."""
    original = tradewinds.tasks.account.backtest.run_ledger

    def generous(market, targets, config):
        path = original(market, targets, config)
        return dataclasses.replace(path, equity=path.equity + 4.0 * np.cumsum(path.fee, axis=0))

    monkeypatch.setattr(tradewinds.tasks.account.backtest, "run_ledger", generous)
    assert still(*account).stage == "equity"


# --- that it can see


def test_a_placebo_that_cannot_see_a_forecast_that_knows_all_says_so(monkeypatch, account):
    """Scores that forget the forecast would find nothing, ever."""
    original = forecaster.evaluation.scores._forecasts

    def forgetful(fitted, series, states, classical, rows):
        said = original(fitted, series, states, classical, rows)
        return said | {fitted.config.model.kind: said["naive"]}

    monkeypatch.setattr(forecaster.evaluation.scores, "_forecasts", forgetful)
    leak = leak_in(*account, 2)
    assert leak.what.startswith("the placebo is blind and says nothing: a forecast that knows all")


def test_a_placebo_whose_strategies_ignore_the_forecast_says_so(monkeypatch, account):
    rivals = tradewinds.tasks.account.rivals
    monkeypatch.setattr(rivals, "sign_targets", lambda forecast, config: 0.0 * forecast[:, None])
    monkeypatch.setattr(rivals, "planned_targets", lambda forecast, config, year: 0.0 * forecast[:, :1])
    leak = leak_in(*account, 2)
    assert leak.what.startswith("the placebo is blind and says nothing: no strategy on a forecast that knows all")


def test_an_order_that_fills_when_its_only_forecast_is_over_is_no_blindness(tmp_path):
    prepared = prepared_bars("model.horizon=1", "env.execution=next_close")
    assert leak_in(prepared, steps.fit(prepared, tmp_path, Silent()), 2) is None


# --- in a run, and by command


def test_a_run_s_own_models_are_played_on_its_last_bars(monkeypatch, account, unit):
    for prepared, models in (account, unit["log_return"]):
        leak, worlds = placebo_of_run(prepared, models, prepared.split.test)
        assert leak is None
        assert worlds >= 3
    prepared, models = account
    assert placebo_of_run(prepared, models, range(prepared.split.test.start, prepared.split.test.start + 7)) == (
        None,
        0,
    )
    issued_a_bar_later(monkeypatch)
    half_of_tomorrow(monkeypatch)
    monkeypatch.setattr(tradewinds.leakcheck.placebo, "OF_DAYS", (6, 24))  # the market of this test has few days
    for prepared, models in (account, unit["log_return"]):
        leak, _ = placebo_of_run(prepared, models, prepared.split.test)
        assert leak.probe == "placebo"


def test_the_command_says_who_knew_what_and_ends_with_three(tradewinds, tmp_path, monkeypatch):
    write_bars(tmp_path / "mine.csv", 200)
    few = ("leakcheck.bars=200", "leakcheck.cuts=10", "leakcheck.placebos=2", "leakcheck.audit=false")
    labels_of_the_bar_already_known(monkeypatch)
    monkeypatch.setattr(tradewinds_probes, "_rescoring", lambda *arguments: [])  # which names it first
    answer = tradewinds("leakcheck", "series=csv", "series.path=mine.csv", *WORDS, *few)
    assert answer.status == 3
    assert "(probe placebo): where nothing can be known, the forecast by " in answer.err
