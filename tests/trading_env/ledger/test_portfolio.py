"""What a ledger of many assets knows beside that of one: delistings, volume caps, room, lots and borrow by asset."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, all_trades, closed_trades, cut_due, not_bounded, run_ledger

from full_games import FREE, full_games


def market_of(close, gone=None, **columns):
    """A market of (T, A) closes; `gone` names the row at whose open the first asset is delisted."""
    close = np.asarray(close, dtype=float)
    if gone is not None:
        flags = np.zeros(close.shape, dtype=bool)
        flags[gone, 0] = True
        columns |= {"delisted": flags, "missing": np.logical_or.accumulate(flags, axis=0)}
    columns = {"open": close, "instruments": tuple("abcd"[: close.shape[1]]), **columns}
    return Market(close=close, features=np.zeros((len(close), 1)), bars_per_year=252.0, **columns)


def bought(market, path, execution):
    """(T, N, A) units bought by the fill of each bar, counted as units of its own day."""
    splits = np.ones_like(market.close) if market.splits is None else market.splits
    before = np.concatenate([path.units[:1], path.units[:-1]])
    after = path.units + path.settled_units
    return after / splits[:, None] - before if execution == "same_close" else after - before * splits[:, None]


@pytest.mark.parametrize(("target", "equity"), [(0.5, 0.5 + 0.5 * 0.8 * 0.7), (-0.5, 1.5 - 0.5 * 0.8 * 0.7)])
@pytest.mark.parametrize("execution", ["next_open", "next_close", "same_close"])
def test_a_delisted_asset_is_paid_out_at_its_last_mark_less_the_loss_and_a_short_earns_it(target, equity, execution):
    market = market_of([[100.0, 1.0], [100.0, 1.0], [80.0, 1.0], [np.nan, 1.0], [np.nan, 1.0]], gone=3)
    rules = TradingConfig(costs=FREE, delisting_loss=0.3, execution=execution)
    path = run_ledger(market, np.full((5, 2), [target, 0.0]), rules)
    np.testing.assert_allclose(path.equity[3:, 0], equity)
    assert (path.units[3:] == 0.0).all()
    assert (path.fee + path.spread + path.turnover)[3:].sum() == 0.0  # nobody trades, and nothing is bought again
    (trade,) = closed_trades(path)
    assert (trade.asset, trade.exit_row, trade.direction) == (0, 3, np.sign(target))
    np.testing.assert_allclose(trade.profit, equity - 1.0)


def test_a_total_loss_of_all_that_is_held_is_a_ruin():
    market = market_of([[100.0], [100.0], [np.nan]], gone=2)
    path = run_ledger(market, np.ones((3, 1)), TradingConfig(costs=FREE, delisting_loss=1.0))
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0, 0.0], atol=1e-12)
    assert [trade.profit for trade in all_trades(path)] == [-1.0]


def test_an_asset_that_is_only_missing_is_not_paid_out():
    market = market_of([[100.0], [100.0], [np.nan]], missing=[[False], [False], [True]])
    path = run_ledger(market, np.ones((3, 1)), TradingConfig(costs=FREE, delisting_loss=1.0))
    assert path.units[2, 0, 0] > 0.0


@settings(max_examples=100)
@given(full_games(num_accounts=2))
def test_no_order_takes_more_of_a_bar_than_the_volume_cap_and_none_is_lost(game):
    market, targets, rules = game
    path = run_ledger(market, targets, rules)
    units = np.abs(bought(market, path, rules.execution)) * rules.capital
    early = rules.execution == "same_close"
    volume = np.concatenate([market.volume[:1], market.volume[:-1]]) if early else market.volume
    if rules.volume_cap is not None:
        assert (units <= rules.volume_cap * volume[:, None] * (1.0 + 1e-9) + 1e-9).all()


def test_what_a_bar_s_volume_leaves_of_an_order_waits_for_the_next_ones_and_so_it_closes():
    market = market_of(np.full((9, 1), 100.0), volume=np.full((9, 1), 40.0))
    rules = TradingConfig(costs=FREE, capital=1_000.0, volume_cap=0.1)  # four units a bar; ten are asked for
    path = run_ledger(market, np.repeat([1.0, 0.0], [4, 5])[:, None], rules)
    np.testing.assert_allclose(path.units[:, 0, 0] * 1_000.0, [0, 4, 8, 10, 10, 6, 2, 0, 0], atol=1e-9)
    assert len(closed_trades(path)) == 1


def test_an_order_that_is_taken_back_half_filled_is_sold_again():
    market = market_of(np.full((5, 1), 100.0), volume=np.full((5, 1), 40.0))
    rules = TradingConfig(costs=FREE, capital=1_000.0, volume_cap=0.1)
    path = run_ledger(market, np.array([[1.0], [0.0], [0.0], [0.0], [0.0]]), rules)
    np.testing.assert_allclose(path.units[:, 0, 0] * 1_000.0, [0, 4, 0, 0, 0], atol=1e-9)


def test_a_part_of_an_order_is_whole_lots_too():
    market = market_of(np.full((4, 1), 100.0), volume=np.full((4, 1), 48.0))
    rules = TradingConfig(costs=FREE, capital=1_000.0, volume_cap=0.1, lot=3.0)
    path = run_ledger(market, np.ones((4, 1)), rules)
    np.testing.assert_allclose(path.units[:, 0, 0] * 1_000.0, [0, 3, 6, 9])


@pytest.mark.parametrize("halted", [True, False])
def test_what_cannot_be_sold_is_not_spent_on_something_else(halted):
    """All is in a; the order is to hold b instead, and a does not trade, or in small volume, for three bars."""
    stuck = np.zeros((7, 2), dtype=bool)
    stuck[2:5, 0] = halted
    volume = np.where(np.arange(7)[:, None] * [1, 0] >= 2, 100.0 if not halted else 1e9, 1e9)
    market = market_of(np.full((7, 2), 100.0), missing=stuck, volume=volume)
    rules = TradingConfig(costs=FREE, capital=1_000.0, volume_cap=0.02)  # two units of a in a bar: a fifth
    path = run_ledger(market, np.repeat([[1.0, 0.0], [0.0, 1.0]], [1, 6], axis=0), rules)
    expected = [0, 1, 1, 1, 1, 0, 0] if halted else [0, 1, 0.8, 0.6, 0.4, 0.2, 0]
    np.testing.assert_allclose(path.exposure[:, 0, 0], expected, atol=1e-9)
    np.testing.assert_allclose(path.exposure[1:, 0, 1], 1.0 - np.array(expected[1:]), atol=1e-9)
    assert (path.cash[1:] > -1e-9).all()
    assert not path.cut.any()


@settings(max_examples=150)
@given(full_games(num_accounts=2))
def test_no_fill_carries_an_account_over_the_cap_whatever_stands_still_beside_it(game):
    """Each fill is at the close it was decided at: what is then beyond the cap was so before, or is ruined."""
    market, targets, rules = game
    market = dataclasses.replace(market, splits=None, dividends=None)  # a missing bar repeats a close by its splits
    still = np.concatenate([market.close[:1], market.close[:-1]])
    market = dataclasses.replace(market, open=still)
    rules = dataclasses.replace(rules, execution="next_open", maintenance=True, delisting_loss=0.0)
    path = run_ledger(market, targets, rules)
    price, units = market.open[1:, None], path.units + path.settled_units * (market.delisted is None)
    before, after = ((np.abs(held) * price).sum(axis=2) for held in (path.units[:-1], units[1:]))
    most = np.maximum(rules.leverage_cap * 1.01 * path.equity[:-1], before)
    assert (after <= most * (1.0 + 1e-6) + 1e-12).all()


def test_borrow_is_each_asset_s_own_and_stands_in_the_place_of_the_common_one():
    costs = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=9_000)
    rates = np.array([[0.0, 0.0], [252.0, 504.0], [252.0, 504.0]])
    market = market_of(np.full((3, 2), 100.0), borrow=rates)
    path = run_ledger(market, np.full((3, 2), [-0.5, -0.5]), TradingConfig(costs=costs))
    np.testing.assert_allclose(path.borrow[1, 0], 0.5 * 1e-4 + 0.5 * 2e-4)


def test_lots_are_each_asset_s_own_and_zero_is_none():
    market = market_of(np.full((2, 3), 100.0), lots=np.array([3.0, 0.0, 2.0]))
    rules = TradingConfig(costs=FREE, capital=1_000.0, lot=100.0)
    path = run_ledger(market, np.full((2, 3), [0.5, 0.25, -0.25]), rules)
    np.testing.assert_allclose(path.units[1, 0] * 1_000.0, [3.0, 2.5, -2.0])


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.sampled_from(["on_change", "every_bar"]))
def test_a_cut_that_is_due_is_known_at_the_close_for_many_assets(seed, rebalance):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.05, (30, 3)), axis=0))
    open_ = np.concatenate([close[:1], close[:-1]])  # so that no price is back by the fill
    market, rules = market_of(close, open=open_), TradingConfig(costs=FREE, rebalance=rebalance)
    targets = np.repeat(rng.choice([-0.33, 0.0, 0.33], size=(10, 3)), 3, axis=0)
    whole = run_ledger(market, targets, rules)
    for row in range(2, 29):
        known = run_ledger(market.rows(range(row + 1)), targets[: row + 1], rules)
        assert cut_due(known, targets[: row + 1], rules) == whole.cut[row + 1, 0]


@pytest.mark.parametrize(
    ("rules", "targets", "message"),
    [
        ({"asset_cap": 0.4}, [0.5, 0.1], "targets must each be within the asset cap of 0.4, were up to 0.5"),
        ({"net_cap": 0.2, "actions": "long_weights"}, [0.3, 0.1], "a net within 0.2, the net cap, were up to 0.4"),
        ({"leverage_cap": 1.0}, [0.6, -0.6], "together, over all assets, within the leverage cap of 1"),
    ],
)
def test_targets_beyond_a_cap_are_refused(rules, targets, message):
    with pytest.raises(ValueError, match=message):
        run_ledger(market_of(np.ones((3, 2))), np.tile(targets, (3, 1)), TradingConfig(**rules))


def test_a_volume_cap_without_volumes_is_refused():
    with pytest.raises(ValueError, match="volume_cap needs the market's volume, which it lacks; give it or set null"):
        run_ledger(market_of(np.ones((3, 1))), np.ones((3, 1)), TradingConfig(volume_cap=0.1))


def test_what_a_plan_of_perfect_knowledge_does_not_know_is_named():
    columns = {"lots": np.array([3.0]), "borrow": np.ones((3, 1)), "volume": np.ones((3, 1))}
    market = market_of([[1.0], [1.0], [np.nan]], gone=2, **columns)
    named = not_bounded(market, TradingConfig(volume_cap=0.1, lot=5.0))
    assert set(named) == {"lots", "volume_cap", "borrow", "delisted", "missing"}
    plain = market_of(np.ones((3, 1)), lots=np.zeros(1))
    assert not_bounded(plain, TradingConfig()) == ()
