"""The ledger with every option: laws on markets that have everything in them, then answers known in closed form."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, closed_trades, final_equity, run_ledger

from decimal_ledger import decimal_equity
from full_games import FREE, full_games, full_market, random_rules

COLUMNS = [
    field.name
    for field in dataclasses.fields(run_ledger(full_market(0, 3), np.zeros((3, 1)), TradingConfig()))
    if field.name not in ("fill_price", "splits", "fill_splits", "close")
]


def market_of(close, open_=None, **more):
    close = np.atleast_2d(np.asarray(close, dtype=float).T).T
    open_ = close if open_ is None else np.asarray(open_, dtype=float).reshape(close.shape)
    names = tuple("abcdefgh"[: close.shape[1]])
    more = {name: np.asarray(value, dtype=float).reshape(close.shape) for name, value in more.items()}
    return Market(
        open=open_, close=close, features=np.zeros((len(close), 1)), bars_per_year=252.0, instruments=names, **more
    )


@settings(max_examples=150)
@given(full_games())
def test_the_ledger_with_every_option_equals_a_decimal_account(game):
    market, targets, rules = game
    path = run_ledger(market, targets, rules)
    np.testing.assert_allclose(path.equity[:, 0], decimal_equity(market, targets[:, 0], rules), rtol=1e-9, atol=1e-9)


@settings(max_examples=20)
@given(full_games(num_accounts=40))
def test_what_a_crowd_ends_with_is_the_last_row_of_its_records(game):
    np.testing.assert_array_equal(final_equity(*game), run_ledger(*game).equity[-1])
    market, targets, rules = game
    np.testing.assert_array_equal(final_equity(market, targets[:, :2], rules), run_ledger(*game).equity[-1, :2])


@settings(max_examples=60)
@given(full_games(num_accounts=3))
def test_cash_and_units_at_their_prices_are_the_equity_and_no_money_is_made(game):
    market, targets, rules = game
    path = run_ledger(market, targets, rules)
    value = (path.units * market.close[:, None, :]).sum(axis=2)
    np.testing.assert_allclose(path.cash + value, path.equity, rtol=1e-9, atol=1e-9)
    splits = np.ones_like(market.close) if market.splits is None else market.splits
    before = np.concatenate([path.units[:1], path.units[:-1]])
    after = path.units + path.settled_units
    if rules.execution == "same_close":
        bought = after / splits[:, None] - before
    else:
        bought = after - before * splits[:, None]
    flow = (bought * path.fill_price[:, None, :]).sum(axis=2) + path.fee + path.spread + path.slippage
    held = path.borrow + path.financing + path.funding - path.dividends
    expected = np.concatenate([path.cash[:1], path.cash[:-1]]) - flow - held
    expected[0] = 1.0
    living = ~(path.settled_units != 0.0).any(axis=2) & (path.equity > rules.ruin_equity)
    np.testing.assert_allclose(path.cash[living], expected[living], rtol=1e-9, atol=1e-9)


@settings(max_examples=60)
@given(full_games(num_accounts=40))
def test_one_account_and_a_crowd_agree_to_the_last_bit_under_every_option(game):
    market, targets, rules = game
    together = run_ledger(market, targets, rules)
    for account in (0, 17, 39):
        alone = run_ledger(market, targets[:, account : account + 1], rules)
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(together, name)[:, account], getattr(alone, name)[:, 0], err_msg=name)


@pytest.mark.parametrize("execution", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
@pytest.mark.parametrize("volatility", [0.02, 0.3])  # nobody is ruined; many are
def test_the_plain_loop_and_the_ledger_s_own_step_agree_to_the_last_bit(execution, rebalance, volatility):
    rng = np.random.default_rng(4)
    close = np.exp(np.cumsum(rng.normal(0, volatility, 60)))
    market = market_of(close, close * np.exp(rng.normal(0, 0.01, 60)))
    costs = CostConfig(fee_bps=7, borrow_bps_per_year=900, financing_bps_per_year=700)
    rules = TradingConfig(execution=execution, rebalance=rebalance, leverage_cap=2.5, costs=costs)
    targets = np.repeat(rng.choice([-2.5, -1.0, 0.0, 1.0, 2.5], size=(20, 40, 1)), 3, axis=0)
    crowd = run_ledger(market, targets, rules)  # more than FEW: arrays, by `carry`
    for account in range(40):
        alone = run_ledger(market, targets[:, account], rules)  # the loop
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(crowd, name)[:, account], getattr(alone, name)[:, 0], err_msg=name)


@settings(max_examples=60)
@given(full_games(num_accounts=2), st.integers(0, 19))
def test_the_future_of_everything_cannot_reach_the_past(game, t):
    market, targets, rules = game
    t = min(t, len(market) - 1)
    portfolio = market.delisted is not None
    other = full_market(10_001, len(market), market.close.shape[1], portfolio=portfolio)
    names = ["open", "close", "volume", "volatility", "dividends", "splits", "funding", "missing"]
    columns = {}
    for name in names + ["delisted", "borrow"] * portfolio:
        columns[name] = getattr(market, name).copy()
        columns[name][t + 1 :] = getattr(other, name)[t + 1 :]
    if portfolio:  # who is gone stays away
        columns["missing"] |= np.logical_or.accumulate(columns["delisted"], axis=0)
    before = run_ledger(market, targets, rules)
    after = run_ledger(dataclasses.replace(market, **columns), targets, rules)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(before, name)[: t + 1], getattr(after, name)[: t + 1], err_msg=name)


def test_three_hundred_assets_are_added_up_the_same_way_alone_and_in_a_crowd():
    market, rng = full_market(5, 12, 300), np.random.default_rng(6)
    rules = random_rules(rng, maintenance_margin=0.37, lot=0.0)
    targets = rng.normal(0, 1 / 300, size=(12, 5, 300))
    together = run_ledger(market, targets, rules)
    for account in range(5):
        alone = run_ledger(market, targets[:, account], rules)
        np.testing.assert_array_equal(together.equity[:, account], alone.equity[:, 0])


def test_a_dividend_is_paid_in_cash_to_the_long_and_by_the_short():
    market = market_of([100.0, 100.0, 96.0], dividends=[0.0, 0.0, 4.0])
    for target, paid in ((1.0, 0.04), (-1.0, -0.04)):
        path = run_ledger(market, np.full((3, 1), target), TradingConfig(costs=FREE))
        np.testing.assert_allclose(path.dividends[2, 0], paid)
        np.testing.assert_allclose(path.equity[2, 0], 1.0, rtol=1e-12)


def test_a_split_changes_units_and_nothing_else():
    market = market_of([100.0, 100.0, 25.0, 25.0], splits=[1.0, 1.0, 4.0, 1.0])
    path = run_ledger(market, np.ones((4, 1)), TradingConfig(costs=FREE))
    np.testing.assert_allclose(path.units[:, 0, 0], [0.0, 0.01, 0.04, 0.04])
    np.testing.assert_array_equal(path.equity[:, 0], np.ones(4))
    closing = run_ledger(market, np.array([[1.0], [0.0], [0.0], [0.0]]), TradingConfig(costs=FREE))
    assert [(trade.entry_row, trade.exit_row, trade.profit) for trade in closed_trades(closing)] == [(1, 2, 0.0)]


def test_the_long_pays_a_positive_funding_rate_and_the_short_receives_it():
    market = market_of([100.0] * 3, funding=[0.0, 0.001, 0.001])
    for target, equity in ((1.0, 0.998), (-1.0, 1.002)):
        path = run_ledger(market, np.full((3, 1), target), TradingConfig(costs=FREE))
        np.testing.assert_allclose(path.equity[2, 0], equity, rtol=1e-12)


def test_slippage_grows_with_the_volatility_known_when_the_order_was_sent():
    costs = dataclasses.replace(FREE, slippage_per_volatility=0.5)
    market, rules = market_of([100.0] * 3, volatility=[0.02, 9.0, 9.0]), TradingConfig(leverage_cap=1.1, costs=costs)
    path = run_ledger(market, np.ones((3, 1)), rules)
    np.testing.assert_allclose(path.slippage[:, 0], [0.0, 0.01, 0.0])


def test_slippage_grows_with_the_share_of_the_fill_bar_s_volume():
    costs = dataclasses.replace(FREE, slippage_bps_per_volume_percent=10.0)
    market = market_of([100.0] * 3, volume=[1.0, 50_000.0, 1.0])
    path = run_ledger(market, np.ones((3, 1)), TradingConfig(costs=costs, capital=100_000.0))
    np.testing.assert_allclose(path.slippage[1, 0], 2 * 10e-4)  # 1,000 units are 2 % of the volume


def test_no_slippage_takes_more_than_the_price():
    costs = dataclasses.replace(FREE, slippage_bps_per_volume_percent=1_000.0)
    path = run_ledger(market_of([100.0] * 2, volume=[1.0, 1.0]), -np.ones((2, 1)), TradingConfig(costs=costs))
    np.testing.assert_allclose(path.slippage[1, 0], 0.99)


@pytest.mark.parametrize(("target", "lots"), [(1.0, 33.0), (-1.0, -33.0), (0.5, 16.0), (0.02, 0.0)])
def test_units_are_whole_lots_rounded_toward_zero(target, lots):
    rules = TradingConfig(costs=FREE, lot=3.0, capital=10_000.0)
    path = run_ledger(market_of([100.0] * 2), np.full((2, 1), target), rules)
    np.testing.assert_allclose(path.units[1, 0, 0] * 10_000.0, 3.0 * lots)


def test_an_order_that_is_too_small_waits_and_one_that_closes_does_not():
    targets = np.array([[1.0], [0.99], [0.90], [0.06], [0.0], [0.01], [0.0]])
    rules = TradingConfig(costs=FREE, min_notional=500.0, capital=10_000.0)
    market = market_of([100.0] * 4 + [100.0, 70.0, 70.0])  # at 70 what is held is worth 420
    path = run_ledger(market, targets, rules)
    np.testing.assert_allclose(path.units[:, 0, 0], [0.0, 0.01, 0.01, 0.009, 0.0006, 0.0, 0.0])


def test_a_margin_call_closes_all_at_the_next_fill_and_leaves_the_account_alive():
    rules = TradingConfig(exposures=(-1.0, 0.0), costs=FREE, maintenance_margin=0.3)
    path = run_ledger(market_of([100.0, 100.0, 160.0, 160.0, 160.0]), -np.ones((5, 1)), rules)
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0, 0.4, 0.4, 0.4])
    assert path.called[:, 0].tolist() == [False, False, False, True, False]  # 0.4 < 0.3 x 1.6
    assert path.units[3, 0, 0] == 0.0
    np.testing.assert_allclose(path.exposure[4, 0, 0], -1.0)  # what is still asked for is bought again, a bar later


def test_a_missing_bar_is_not_traded_and_keeps_its_mark():
    market = market_of([100.0, np.nan, 120.0, 150.0], missing=[False, True, False, False])
    path = run_ledger(market, np.ones((4, 1)), TradingConfig(costs=FREE))
    np.testing.assert_array_equal(path.units[:2, 0, 0], [0.0, 0.0])
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0, 1.0, 1.25])  # the order waited for bar 2


def test_a_delisted_asset_keeps_its_last_mark_and_cannot_be_left():
    market = market_of([100.0, 100.0, 80.0, np.nan, np.nan], missing=[False, False, False, True, True])
    path = run_ledger(market, np.array([[1.0], [1.0], [0.0], [0.0], [0.0]]), TradingConfig(costs=FREE))
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0, 0.8, 0.8, 0.8])
    assert (path.units[1:, 0, 0] == 0.01).all()


def test_a_mark_carried_over_a_split_is_split_too():
    market = market_of([100.0, 100.0, np.nan, 50.0], missing=[0, 0, 1, 0], splits=[1.0, 1.0, 2.0, 1.0])
    path = run_ledger(market, np.ones((4, 1)), TradingConfig(costs=FREE))
    np.testing.assert_allclose(path.equity[:, 0], np.ones(4))


def test_a_bar_without_volume_is_not_traded():
    path = run_ledger(market_of([100.0] * 4, volume=[5.0, 0.0, 5.0, 5.0]), np.ones((4, 1)), TradingConfig(costs=FREE))
    assert (path.units[:, 0, 0] > 0.0).tolist() == [False, False, True, True]


def test_two_assets_share_one_cash_and_one_ruin():
    close = np.array([[100.0, 50.0], [100.0, 50.0], [10.0, 51.0], [10.0, 99.0]])
    path = run_ledger(market_of(close), np.full((4, 1, 2), [1.0, 1.0]), TradingConfig(costs=FREE, leverage_cap=2.0))
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0, 0.12, 1.08])
    np.testing.assert_allclose(path.cash[1:, 0], [-1.0, -1.0, -1.0])


@pytest.mark.parametrize(
    ("more", "rules", "message"),
    [
        ({"volume": [1.0, -1.0]}, {}, "volume must be finite and at least 0, was -1.0 at row 1"),
        ({"volatility": [np.nan, 1.0]}, {}, "volatility must be finite and at least 0, was nan at row 0"),
        (
            {"splits": [1.0, 0.0]},
            {},
            "splits must be finite and positive; 1 is none, 2 is two new units for one, was 0",
        ),
        ({"dividends": [1.0, np.inf]}, {}, "dividends must be finite and at least 0, was inf at row 1"),
        ({"funding": [1.0, np.nan]}, {}, "funding must be finite and a fraction of the value held, was nan at row 1"),
        ({}, {"slippage_per_volatility": 0.1}, "needs the market's volatility, which it lacks; give it or set 0"),
        ({}, {"slippage_bps_per_volume_percent": 1}, "needs the market's volume, which it lacks; give it or set 0"),
    ],
)
def test_what_money_cannot_be_counted_from_is_refused(more, rules, message):
    with pytest.raises(ValueError, match=message):
        run_ledger(market_of([1.0, 1.0], **more), np.zeros((2, 1)), TradingConfig(costs=CostConfig(**rules)))


def test_a_price_that_is_no_number_is_refused_and_says_how_to_mark_a_missing_bar():
    message = "close must be positive and finite, was nan at row 1; mark bars that were not traded as missing"
    with pytest.raises(ValueError, match=message):
        market_of([1.0, np.nan])
