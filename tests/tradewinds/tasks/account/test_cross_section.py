"""The rules that stand beside an agent of several assets: nothing of tomorrow, within the caps, as their names say."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewinds.tasks.account import cross_section
from tradewinds.tasks.account.cross_section import (
    KnownPast,
    bought_once,
    capped,
    least_variance,
    momentum,
    rules_of,
    tenths,
)
from trading_agent.planner.mean_variance import shrunk_covariance
from trading_env import Market, TradingConfig, run_ledger

LONG, BOTH = TradingConfig(actions="long_weights"), TradingConfig(actions="long_short_weights")
BARS, ASSETS = 90, 12


def universe_of(rng, config=LONG, *, bars_per_year=40.0):
    returns = rng.normal(0.0, 0.01, (BARS, ASSETS))
    traded = rng.random((BARS, ASSETS)) > 0.1
    returns[~traded] = np.nan
    monthly = np.arange(60) % 5 == 0
    return KnownPast(returns, traded, bars_per_year, range(30, 90), monthly, config)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(31, 88), st.sampled_from([LONG, BOTH]))
def test_no_rule_reads_a_later_bar(seed, row, config):
    rng = np.random.default_rng(seed)
    one = universe_of(rng, config)
    returns, traded = one.returns.copy(), one.traded.copy()
    returns[row + 1 :] = rng.normal(0.0, 0.05, returns[row + 1 :].shape)
    traded[row + 1 :] = rng.random(traded[row + 1 :].shape) > 0.5
    other = dataclasses.replace(one, returns=returns, traded=traded)
    told = rng.normal(size=(60, ASSETS))
    changed = told.copy()
    changed[row + 1 - 30 :] = rng.normal(size=changed[row + 1 - 30 :].shape)
    ours, theirs = rules_of(one, {"forecast_tenths": told}), rules_of(other, {"forecast_tenths": changed})
    for name, weights in ours.items():
        assert np.array_equal(weights[: row + 1 - 30], theirs[name][: row + 1 - 30]), name


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([None, 0.05, 0.3]), st.booleans())
def test_every_rule_keeps_the_caps(seed, asset_cap, shorts):
    actions = "long_short_weights" if shorts else "long_weights"
    rng = np.random.default_rng(seed)
    universe = universe_of(rng, TradingConfig(actions=actions, asset_cap=asset_cap))
    told = np.where(rng.random((60, ASSETS)) > 0.2, rng.normal(size=(60, ASSETS)), np.nan)
    for name, weights in rules_of(universe, {"forecast_tenths": told, "ridge_tenths": -told}).items():
        assert np.abs(weights).sum(axis=1).max() <= 1.0 + 1e-9, name
        assert np.abs(weights).max() <= (asset_cap or 1.0) + 1e-9, name
        assert shorts or weights.min() >= -1e-12, name


def test_weights_change_on_the_first_bar_of_a_month_only():
    universe = universe_of(np.random.default_rng(0))
    for name, weights in rules_of(universe, {"forecast_tenths": np.zeros((60, ASSETS))}).items():
        changed = np.flatnonzero(np.any(np.diff(weights, axis=0) != 0.0, axis=1)) + 1
        if not name.endswith("tenths"):
            assert set(changed.tolist()) <= set(np.flatnonzero(universe.monthly).tolist()), name
            assert len(changed) > 2, name


def test_equal_weights_are_restored_each_month_though_they_are_told_again():
    returns = np.zeros((60, 2))
    monthly = np.arange(60) % 20 == 0
    universe = KnownPast(returns, np.ones_like(returns, dtype=bool), 252.0, range(60), monthly, LONG)
    weights = rules_of(universe, {"forecast_tenths": np.zeros((60, 2))})["equal_weight_monthly"]
    assert weights == pytest.approx(0.5, abs=1e-15)
    close = np.column_stack([np.exp(0.01 * np.arange(60)), np.ones(60)])
    market = Market(open=close, close=close, features=np.zeros((60, 1)), bars_per_year=252.0, instruments=("a", "b"))
    held = run_ledger(market, weights, LONG).exposure[:, 0, 0]
    assert held[[21, 41]] == pytest.approx(0.5, abs=0.006)  # a bar after it was restored
    assert held[[20, 40]].min() > 0.54


@pytest.mark.parametrize("each", [1.0, 0.05])
@pytest.mark.parametrize("common", [0.0, 0.01])
def test_looking_among_a_few_finds_the_least_variance_of_all(monkeypatch, each, common):
    rng = np.random.default_rng(3)
    own = rng.normal(0.0, 0.01, (80, 60)) * rng.uniform(0.5, 2.0, 60)
    returns = own + rng.normal(0.0, 1.0, (80, 1)) * common * rng.uniform(0.2, 1.8, 60)
    covariance = shrunk_covariance(returns, np.ones(returns.shape, dtype=bool))
    of_all = least_variance(covariance, 1.0, each)
    monkeypatch.setattr(cross_section, "TOGETHER", 4)
    of_few = least_variance(covariance, 1.0, each)
    assert of_few.sum() == pytest.approx(1.0, abs=1e-3)
    assert of_few.max() <= each + 1e-9
    for weights in (of_all, of_few):  # no other weights of these caps are better by more than the solver leaves:
        risk = covariance @ weights
        cheapest = np.zeros(60)
        cheapest[np.argsort(risk)[: round(1.0 / each)]] = each
        assert risk @ weights - risk @ cheapest <= 3e-3 * (risk @ weights)  # a bound, as variance is convex
    assert of_few @ covariance @ of_few == pytest.approx(of_all @ covariance @ of_all, rel=1e-3)


def test_momentum_is_the_year_but_its_last_month():
    returns = np.zeros((BARS, ASSETS))
    returns[50:60, 0] = 0.01
    returns[88, 1] = 0.5  # within the last month: it does not count
    universe = KnownPast(returns, np.ones_like(returns, dtype=bool), 60.0, range(80, 90), np.ones(10, dtype=bool), LONG)
    score = momentum(universe, 89)
    assert score[0] == pytest.approx(0.1)
    assert score[1] == 0.0


def test_the_top_tenth_is_bought_and_the_bottom_tenth_sold_where_it_may_be():
    score = np.append(np.arange(20.0), np.nan)
    returns = np.zeros((3, 21))
    for config, sold in ((LONG, 0.0), (BOTH, -0.25)):
        universe = KnownPast(returns, returns == 0.0, 252.0, range(3), np.ones(3, dtype=bool), config)
        weights = tenths(universe, score)
        bought = 0.5 if config is LONG else 0.25
        assert weights[[18, 19]].tolist() == [bought, bought]
        assert weights[[0, 1]].tolist() == [sold, sold]
        assert not weights[2:18].any()
        assert weights[20] == 0.0
        assert not tenths(universe, np.full(21, np.nan)).any()


def test_what_a_cap_leaves_goes_to_the_others():
    universe = universe_of(np.random.default_rng(0), TradingConfig(actions="long_weights", asset_cap=0.4))
    weights = capped(np.array([8.0, 1.0, 1.0]), universe)
    assert weights == pytest.approx([0.4, 0.3, 0.3])


def test_who_holds_buys_what_trades_on_the_first_day():
    universe = universe_of(np.random.default_rng(1))
    weights = bought_once(universe)
    there = universe.traded[30]
    assert weights[0] == pytest.approx(there / there.sum())
    assert np.array_equal(weights, np.repeat(weights[:1], 60, axis=0))
