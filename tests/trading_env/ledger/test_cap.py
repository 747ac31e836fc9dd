"""The leverage cap holds for what is held, and not for orders alone: docs/accounting.md, section 5."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, cut_due, run_ledger

from full_games import FREE, full_games


def market_of(close, open_=None):
    close = np.atleast_2d(np.asarray(close, dtype=float).T).T
    open_ = close if open_ is None else np.asarray(open_, dtype=float).reshape(close.shape)
    names = tuple("abc"[: close.shape[1]])
    return Market(open=open_, close=close, features=np.zeros((len(close), 1)), bars_per_year=252.0, instruments=names)


@settings(max_examples=100)
@given(full_games(num_accounts=3))
def test_a_fill_that_cuts_leaves_the_cap_and_only_maintenance_cuts(game):
    """Exposure at the fill's own price and the equity before its costs, over all assets that were cut to together."""
    market, targets, rules = game
    path = run_ledger(market, targets, rules)
    assert rules.maintenance or not path.cut.any()
    early = rules.execution == "same_close"
    units, before = path.units + path.settled_units, np.roll(path.units, 1, axis=0)
    units, before = (units / market.splits[:, None], before) if early else (units, before * market.splits[:, None])
    price = path.fill_price[:, None, :]
    value, notional = np.abs(units) * price, (np.abs(units - before) * price).sum(axis=2)
    for t, account in np.argwhere(path.cut).tolist():
        stuck = value[t, account][~market.tradable[t - early]].sum()
        if path.turnover[t, account] and not rules.min_notional:  # of less than that an order waits
            base = notional[t, account] / path.turnover[t, account]
            assert value[t, account].sum() <= max(rules.leverage_cap * base, stuck) * (1.0 + 1e-6)


@given(st.lists(st.floats(-0.08, 0.08), min_size=5, max_size=60), st.sampled_from(["next_open", "same_close"]))
def test_a_held_short_is_never_beyond_the_cap_by_more_than_one_bar_s_move(moves, execution):
    close = 100.0 * np.cumprod(1.0 + np.array(moves))
    path = run_ledger(market_of(close), np.full((len(close), 1), -1.0), TradingConfig(execution=execution, costs=FREE))
    exposure = np.abs(path.exposure[:, 0, 0])
    worst = 1.01 * 1.08 / (1.0 - 1.01 * 0.08)  # a short that was just within it, after the worst bar
    assert exposure.max() <= worst * (1.0 + 1e-9)
    after = np.abs(path.units[1:, 0, 0]) * path.fill_price[1:, 0] / path.equity[:-1, 0]
    if execution == "same_close":
        assert after.max() <= 1.01 * (1.0 + 1e-9)


def test_without_maintenance_a_losing_short_has_no_cap_and_with_it_it_has_one():
    market = market_of(np.append(100.0, np.linspace(100.0, 145.0, 40)))
    orders = np.full((41, 1), -1.0)
    drifting = run_ledger(market, orders, TradingConfig(costs=FREE, maintenance=False))
    held = run_ledger(market, orders, TradingConfig(costs=FREE))
    assert drifting.exposure.min() < -2.5
    assert held.exposure.min() > -1.04
    assert held.cut.sum() == 19  # every second bar


@given(
    st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=60),
    st.floats(0.0, 30.0),
    st.sampled_from(["next_open", "next_close", "same_close"]),
)
def test_who_buys_and_holds_at_a_cap_of_one_trades_once_whatever_the_price_does(moves, fee, execution):
    close = np.maximum(100.0 * np.cumprod(1.0 + np.array([0.0, *moves])), 50.0)
    costs = CostConfig(fee_bps=fee, half_spread_bps=1.0, slippage_bps=1.0)
    path = run_ledger(market_of(close), np.ones((len(close), 1)), TradingConfig(execution=execution, costs=costs))
    assert np.flatnonzero(path.turnover[:, 0]).tolist() == [1]


def test_the_cut_is_paid_for_and_the_target_stays_without_a_refill():
    """Short 1 at 100; at 110 it is worth 1.1 of an equity of 0.9: at the next open, 120, 0.8 / 120 may be held."""
    market = market_of([100.0, 100.0, 110.0, 110.0, 60.0, 60.0], open_=[100.0, 100.0, 110.0, 120.0, 110.0, 60.0])
    costs = CostConfig(fee_bps=100, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)
    free = run_ledger(market, -np.ones((6, 1)), TradingConfig(costs=FREE))
    assert free.cut[:, 0].tolist() == [False, False, False, True, False, False]
    np.testing.assert_allclose(free.units[:, 0, 0] * 100, [0, -1, -1, -0.8 / 1.2, -0.8 / 1.2, -0.8 / 1.2])
    np.testing.assert_allclose(free.exposure[5, 0, 0], -0.4 / (1.6 - 0.4))  # far below the cap, and not refilled
    dear = run_ledger(market, -np.ones((6, 1)), TradingConfig(costs=costs))
    bought = np.diff(dear.units[:, 0, 0])
    np.testing.assert_allclose(dear.fee[1:, 0], 0.01 * np.abs(bought) * market.open[1:, 0])
    assert np.count_nonzero(bought) == 2


def test_a_gap_that_brings_the_position_back_within_the_cap_spares_the_cut():
    market = market_of([100.0, 100.0, 110.0, 100.0], open_=[100.0, 100.0, 110.0, 99.0])
    path = run_ledger(market, -np.ones((4, 1)), TradingConfig(costs=FREE))
    assert path.exposure[2, 0, 0] < -1.2
    assert not path.turnover[3, 0]
    assert not path.cut[3, 0]


def test_all_assets_are_cut_pro_rata():
    close = np.array([[100.0, 50.0], [100.0, 50.0], [130.0, 50.0], [130.0, 50.0]])
    rules = TradingConfig(actions="long_short_weights", leverage_cap=1.0, costs=FREE)
    path = run_ledger(market_of(close), np.full((4, 1, 2), [-0.5, 0.5]), rules)  # equity 0.85, exposure 1.15 / 0.85
    np.testing.assert_allclose(path.exposure[2, 0], [-0.65 / 0.85, 0.5 / 0.85])
    np.testing.assert_allclose(path.exposure[3, 0], np.array([-0.65, 0.5]) / 1.15)


def test_what_does_not_trade_leaves_its_share_of_the_cut_to_the_others():
    close = np.array([[100.0, 50.0], [100.0, 50.0], [130.0, 50.0], [130.0, 50.0]])
    missing = np.array([[False, False], [False, False], [False, False], [True, False]])
    market = Market(
        open=close, close=close, features=np.zeros((4, 1)), bars_per_year=252.0, instruments=("a", "b"), missing=missing
    )
    path = run_ledger(market, np.full((4, 1, 2), [-0.5, 0.5]), TradingConfig(leverage_cap=1.0, costs=FREE))
    np.testing.assert_allclose(path.exposure[3, 0], [-0.65 / 0.85, 0.2 / 0.85])


def test_an_order_beside_what_has_drifted_may_not_take_both_beyond_the_cap():
    close = np.array([[100.0, 50.0], [100.0, 50.0], [140.0, 30.0], [140.0, 30.0]])
    targets = np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.4999], [0.5, 0.4999]])[:, None]  # the second is topped up
    path = run_ledger(market_of(close), targets, TradingConfig(leverage_cap=1.0, costs=FREE))
    np.testing.assert_allclose(np.abs(path.exposure[3, 0]).sum(), 1.0)
    np.testing.assert_allclose(path.exposure[3, 0], np.array([0.7, 0.4999]) / 1.1999)


@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
def test_an_account_that_never_nears_the_cap_is_the_same_with_maintenance_and_without(rebalance):
    rng = np.random.default_rng(3)
    market = market_of(100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, 300))))
    targets = np.repeat(rng.choice([-0.5, 0.0, 0.5], 30), 10)[:, None]
    rules = {"exposures": (-0.5, 0.0, 0.5), "leverage_cap": 3.0, "rebalance": rebalance}
    with_, without = (run_ledger(market, targets, TradingConfig(maintenance=on, **rules)) for on in (True, False))
    np.testing.assert_array_equal(with_.equity, without.equity)


def test_the_walk_looks_at_every_bar_over_the_edge_of_a_block():
    """A block without a cut, then one with: `carry` on arrays, and the plain loop, to the last bit."""
    rng = np.random.default_rng(5)
    close = 100.0 * np.exp(np.append(np.zeros(4_000), np.cumsum(rng.normal(1e-4, 2e-3, 600))))
    market, orders = market_of(close), np.full((len(close), 40, 1), -1.0)
    orders[:4_050] = 0.0
    for execution in ("next_open", "next_close", "same_close"):
        rules = TradingConfig(execution=execution)
        crowd, alone = run_ledger(market, orders, rules), run_ledger(market, orders[:, 0], rules)
        assert alone.cut.any()
        for name in ("equity", "cash", "units", "fee", "cut", "turnover"):
            np.testing.assert_array_equal(getattr(crowd, name)[:, 0], getattr(alone, name)[:, 0], err_msg=name)


@pytest.mark.parametrize("row", range(3, 20))
def test_a_cut_that_is_due_is_told_at_the_close_before_it(row):
    """What `signal` says at the last close it knows, beside what the ledger then does; the fills are at that close."""
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(8).normal(0.004, 0.02, 21)))
    orders, rules = np.full((21, 1), -1.0), TradingConfig(costs=FREE)
    whole = run_ledger(market_of(close, np.append(close[:1], close[:-1])), orders, rules)
    known = run_ledger(market_of(close[: row + 1], np.append(close[:1], close[:row])), orders[: row + 1], rules)
    assert cut_due(known, orders[: row + 1], rules) == whole.cut[row + 1, 0]
    leaves = np.append(orders[:row], [[0.0]], axis=0)
    assert not cut_due(run_ledger(market_of(close[: row + 1]), leaves, rules), leaves, rules)
