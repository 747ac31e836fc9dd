"""Laws of the ledger, answers known in closed form, and the defects of well-known environments as regressions."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_env import CostConfig, Market, TradingConfig, closed_trades, run_ledger

getcontext().prec = 50
FREE = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)
levels = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])


@st.composite
def games(draw):
    """A market of 2 to 30 bars, a path of targets, and rules."""
    num_bars = draw(st.integers(2, 30))
    moves = st.floats(-0.2, 0.2)
    close = 100.0 * np.exp(np.cumsum(draw(st.lists(moves, min_size=num_bars, max_size=num_bars))))
    gaps = np.exp(draw(st.lists(st.floats(-0.05, 0.05), min_size=num_bars, max_size=num_bars)))
    market = market_of(close, close * gaps)
    targets = np.array(draw(st.lists(levels, min_size=num_bars, max_size=num_bars)))[:, None]
    config = TradingConfig(
        execution=draw(st.sampled_from(["next_open", "next_close", "same_close"])),
        rebalance=draw(st.sampled_from(["on_change", "every_bar"])),
        ruin_equity=0.05,
        costs=CostConfig(
            fee_bps=draw(st.floats(0, 50)),
            half_spread_bps=draw(st.floats(0, 50)),
            slippage_bps=draw(st.floats(0, 50)),
            borrow_bps_per_year=draw(st.floats(0, 2000)),
            financing_bps_per_year=draw(st.floats(0, 2000)),
        ),
    )
    return market, targets, config


def market_of(close, open_=None, bars_per_year=252.0):
    close = np.asarray(close, dtype=float)[:, None]
    open_ = close if open_ is None else np.asarray(open_, dtype=float)[:, None]
    return Market(open=open_, close=close, features=np.zeros((len(close), 1)), bars_per_year=bars_per_year)


def beyond(cap, cash, units, price):
    return abs(units) * price > Decimal(cap) * Decimal("1.01") * (cash + units * price)


def cut_to(cap, units, affordable):
    most = Decimal(cap) * affordable
    return most.copy_sign(units) if abs(units) > most * Decimal(1.0 + 1e-6) else units


def slow_account(market, targets, config):
    """The same law, written a second time: one account, Decimal money, one bar after the other."""
    exact = Decimal
    rate = {name: exact(value) / 10_000 for name, value in vars(config.costs).items()}
    year = exact(market.bars_per_year)
    cash, units, held, closed = exact(1), exact(0), exact(0), False
    path = [exact(1)]

    def settle(price):
        nonlocal cash, units, held, closed
        equity = cash + units * price
        if not closed and equity <= exact(config.ruin_equity):
            equity, closed = max(equity, exact(0)), True
            cash, units, held = equity, exact(0), exact(0)
        return equity

    def trade(price, target, was_beyond):
        nonlocal cash, units, held
        equity = settle(price)
        if closed:
            return
        wanted = target * equity / price
        if config.rebalance == "on_change" and target == held:
            wanted = cut_to(config.leverage_cap, units, equity / price) if was_beyond else units
        bought = wanted - units
        move = rate["half_spread_bps"] + rate["slippage_bps"]
        paid = price * (1 + move) if bought > 0 else price * (1 - move)
        cash -= bought * paid + rate["fee_bps"] * abs(bought) * paid
        units, held = wanted, target

    def accrue(price):
        nonlocal cash
        borrow = max(-units, exact(0)) * price * rate["borrow_bps_per_year"] / year
        financing = max(-cash, exact(0)) * rate["financing_bps_per_year"] / year
        cash -= borrow + financing

    for t in range(len(market) - 1):
        now, opening, closing = (
            exact(float(x)) for x in (market.close[t, 0], market.open[t + 1, 0], market.close[t + 1, 0])
        )
        target, was_beyond = exact(float(targets[t, 0])), beyond(config.leverage_cap, cash, units, now)
        if config.execution == "next_close":
            accrue(closing)
            trade(closing, target, was_beyond)
        else:
            trade(opening if config.execution == "next_open" else now, target, was_beyond)
            accrue(closing)
        path.append(settle(closing))
    return np.array([float(equity) for equity in path])


@given(games())
def test_the_ledger_equals_a_slow_decimal_account(game):
    market, targets, config = game
    np.testing.assert_allclose(
        run_ledger(market, targets, config).equity[:, 0], slow_account(*game), rtol=1e-9, atol=1e-12
    )


@given(games())
def test_what_the_market_gave_and_what_was_paid_make_the_equity(game):
    market, targets, config = game
    path = run_ledger(market, targets, config)
    ruined = np.flatnonzero(path.equity[:, 0] <= config.ruin_equity)
    last = ruined[0] if len(ruined) else len(market)
    units, close, fill = path.units[:, 0, 0], market.close[:, 0], path.fill_price[:, 0]
    bought = np.diff(units, prepend=0.0)
    earned = np.diff(units * close, prepend=0.0) - bought * fill  # what holding earned: marks against fills, no cost
    paid = path.fee + path.spread + path.slippage + path.borrow + path.financing
    expected = 1.0 + np.cumsum(earned - paid[:, 0])
    np.testing.assert_allclose(path.equity[:last, 0], expected[:last], rtol=1e-9, atol=1e-12)


@given(games(), st.integers(0, 29))
def test_the_future_cannot_reach_the_past(game, t):
    market, targets, config = game
    t = min(t, len(market) - 1)
    changed = np.array(market.close), np.array(market.open)
    for prices in changed:
        prices[t + 1 :] *= 1.3
    later = Market(open=changed[1], close=changed[0], features=market.features, bars_per_year=market.bars_per_year)
    before, after = run_ledger(market, targets, config), run_ledger(later, targets, config)
    np.testing.assert_array_equal(before.equity[: t + 1], after.equity[: t + 1])
    np.testing.assert_array_equal(before.units[: t + 1], after.units[: t + 1])


@given(games())
def test_an_account_alone_and_the_same_account_in_a_crowd_are_equal_to_the_last_bit(game):
    market, targets, config = game
    crowd = np.stack([np.zeros_like(targets), targets, -targets, targets], axis=1)
    together = run_ledger(market, crowd, config)
    np.testing.assert_array_equal(together.equity[:, 1], run_ledger(market, targets, config).equity[:, 0])
    np.testing.assert_array_equal(together.equity[:, 1], together.equity[:, 3])


def test_buy_and_hold_without_costs_earns_the_asset_from_the_next_open():
    market = market_of([100.0, 110.0, 99.0], open_=[100.0, 104.0, 108.0])
    path = run_ledger(market, np.ones((3, 1)), TradingConfig(costs=FREE))
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 110.0 / 104.0, 99.0 / 104.0])


def test_a_fill_pays_spread_and_slippage_on_the_price_and_the_fee_on_what_was_paid():
    costs = CostConfig(fee_bps=10, half_spread_bps=20, slippage_bps=30, borrow_bps_per_year=0, financing_bps_per_year=0)
    path = run_ledger(market_of([100.0, 100.0]), np.ones((2, 1)), TradingConfig(costs=costs))
    np.testing.assert_allclose(
        [path.spread[1, 0], path.slippage[1, 0], path.fee[1, 0]], [0.002, 0.003, 0.001 * 1.005], rtol=1e-12
    )
    np.testing.assert_allclose(path.equity[1, 0], 1.0 - 0.005 - 0.001005)


def test_the_last_decision_is_never_filled():
    path = run_ledger(market_of([100.0, 100.0, 100.0]), np.array([[0.0], [0.0], [1.0]]), TradingConfig())
    assert not path.units.any()
    assert not path.fee.any()


def test_borrow_on_a_short_accrues_every_bar():  # gym-trading-env: overwritten each bar, 999.0 instead of about 900
    costs = CostConfig(
        fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=10 * 252, financing_bps_per_year=0
    )
    path = run_ledger(market_of(np.full(101, 100.0)), np.full((101, 1), -0.5), TradingConfig(costs=costs))
    np.testing.assert_allclose(path.equity[-1, 0], 1.0 - 100 * 0.0005, rtol=1e-12)


def test_a_short_earns_when_the_price_falls():  # gym-anytrading: a short is flat, price -43 % gives 1.000
    market = market_of(100.0 * np.linspace(1.0, 0.57, 50))
    path = run_ledger(market, np.full((50, 1), -1.0), TradingConfig(costs=FREE))
    first_fill = market.open[1, 0]
    np.testing.assert_allclose(path.equity[-1, 0], 2.0 - market.close[-1, 0] / first_fill, rtol=1e-12)


def test_flipping_at_a_flat_price_costs_its_fees():  # gym-anytrading: reward 0.0 while the account lost a third
    targets = np.where(np.arange(101) % 2, -1.0, 1.0)[:, None]
    costs = CostConfig(fee_bps=10, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)
    path = run_ledger(market_of(np.full(101, 50.0)), targets, TradingConfig(costs=costs))
    assert path.equity[-1, 0] < 0.83
    np.testing.assert_allclose(path.equity[-1, 0], 1.0 - path.fee.sum(), rtol=1e-12)


def test_negative_cash_pays_financing_every_bar():
    costs = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=252)
    config = TradingConfig(exposures=(0.0, 2.0), leverage_cap=2.0, costs=costs)
    path = run_ledger(market_of(np.full(3, 10.0)), np.full((3, 1), 2.0), config)
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0 - 1e-4, 1.0 - 1e-4 - (1.0 + 1e-4) * 1e-4], rtol=1e-12)


def test_on_change_holds_units_and_every_bar_restores_the_exposure():
    market, targets = market_of([100.0, 100.0, 120.0, 120.0, 90.0]), np.full((5, 1), 0.5)
    drifting = run_ledger(market, targets, TradingConfig(costs=FREE))
    restored = run_ledger(market, targets, TradingConfig(costs=FREE, rebalance="every_bar"))
    assert len(np.unique(drifting.units[1:, 0, 0])) == 1
    np.testing.assert_allclose(restored.exposure[3, 0, 0], 0.5)
    assert drifting.exposure[3, 0, 0] > 0.54


def test_a_ruined_account_is_closed_out_and_stays_so():
    market = market_of([100.0, 100.0, 250.0, 50.0, 50.0])
    path = run_ledger(market, np.full((5, 1), -1.0), TradingConfig(costs=FREE))
    assert path.equity[2:, 0].tolist() == [0.0, 0.0, 0.0]
    assert not path.units[2:].any()


@pytest.mark.parametrize("gap", [199.0, 201.0])
def test_an_account_under_water_when_its_order_fills_does_not_wait_for_a_better_close(gap):
    market = market_of([100.0] * 4, open_=[100.0, 100.0, gap, 100.0])
    path = run_ledger(market, np.array([[-1.0], [0.0], [0.0], [0.0]]), TradingConfig(costs=FREE))
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.0, max(2.0 - gap / 100.0, 0.0), max(2.0 - gap / 100.0, 0.0)])


@pytest.mark.parametrize(
    ("open_", "close", "profits"),
    [
        ([100, 100, 100, 250], [100, 100, 250, 250], [-1.5]),
        ([100, 100, 250], [100, 250, 250], [-1.5]),  # filled and ruined in one bar
    ],
)
def test_the_close_out_of_a_ruined_account_is_a_losing_trade(open_, close, profits):
    path = run_ledger(market_of(close, open_), -np.ones((len(close), 1)), TradingConfig(costs=FREE))
    assert path.equity[-1, 0] == 0.0
    np.testing.assert_allclose([trade.profit for trade in closed_trades(path)], profits)


def test_a_flip_and_a_ruin_in_one_bar_are_two_trades():
    market = market_of([100.0, 100.0, 300.0], open_=[100.0, 100.0, 110.0])
    path = run_ledger(market, np.array([[1.0], [-1.0], [0.0]]), TradingConfig(costs=FREE))
    trades = closed_trades(path)
    assert [trade.direction for trade in trades] == [1, -1]
    np.testing.assert_allclose([trade.profit for trade in trades], [0.1, 1.1 * (1 - 300.0 / 110.0)])


def test_shared_cash_serves_two_assets_and_their_costs_add_up():
    close = np.array([[100.0, 50.0], [110.0, 50.0], [110.0, 60.0]])
    market = Market(open=close, close=close, features=np.zeros((3, 1)), bars_per_year=252, instruments=("a", "b"))
    path = run_ledger(market, np.full((3, 1, 2), 0.5), TradingConfig(costs=FREE, execution="same_close"))
    np.testing.assert_allclose(path.equity[:, 0], [1.0, 1.05, 1.15])


def test_closed_trades_earn_what_the_account_earned_once_all_is_closed():
    rng = np.random.default_rng(3)
    market = market_of(100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, 200))))
    targets = rng.choice([-1.0, 0.0, 1.0], size=(200, 1))
    targets[-3:] = 0.0
    costs = CostConfig(borrow_bps_per_year=0, financing_bps_per_year=0)
    path = run_ledger(market, targets, TradingConfig(costs=costs))
    trades = closed_trades(path)
    np.testing.assert_allclose(sum(trade.profit for trade in trades), path.equity[-1, 0] - 1.0, rtol=1e-9)
    assert {trade.direction for trade in trades} == {-1, 1}
    assert all(trade.entry_row < trade.exit_row for trade in trades)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.zeros((2, 1)), r"targets must be \(T, N, A\) with T = 3 and A = 1, was \(2, 1, 1\)"),
        (np.full((3, 1), 1.5), "within the leverage cap of 1"),
        (np.full((3, 1), np.nan), "finite and together, over all assets, within the leverage cap"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets, message):
    with pytest.raises(ValueError, match=message):
        run_ledger(market_of([1.0, 1.0, 1.0]), targets, TradingConfig())


@pytest.mark.parametrize(
    ("close", "features", "message"),
    [
        ([1.0, 0.0], np.zeros((2, 1)), "close must be positive and finite, was 0.0 at row 1"),
        ([1.0, np.nan], np.zeros((2, 1)), "close must be positive and finite, was nan at row 1"),
        ([1.0, 1.0], np.full((2, 1), np.nan), "features must be finite, was nan at row 0"),
        ([1.0, 1.0], np.zeros((3, 1)), r"features must be \(T, F\) with T = 2, was \(3, 1\)"),
        ([1.0], np.zeros((1, 1)), "with T >= 2"),
    ],
)
def test_a_market_that_is_none_is_refused(close, features, message):
    close = np.array(close)[:, None]
    with pytest.raises(ValueError, match=message):
        Market(open=np.ones_like(close), close=close, features=features, bars_per_year=252)
