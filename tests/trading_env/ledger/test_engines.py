"""Two independent engines count the same money: vectorbt and backtesting.py, on random target paths.

They are oracles of the dev extra and never imported by the packages; a test skips where its engine is not installed.
"""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from trading_env import CostConfig, Market, TradingConfig, run_ledger, run_units

BARS, FEE, CAPITAL = 300, 10.0, 1_000_000.0
COSTS = CostConfig(fee_bps=FEE, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)
CONFIG = TradingConfig(costs=COSTS, capital=CAPITAL)


def world(seed):
    """Prices by the hour, and a position in {-1, 0, 1} that is now and then another."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, BARS)))
    open_ = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 0.002, BARS))
    index = pd.date_range("2024-01-01", periods=BARS, freq="h")
    prices = pd.DataFrame({"Open": open_, "Close": close}, index=index)
    prices["High"], prices["Low"] = prices.max(axis=1), prices.min(axis=1)
    prices["Volume"] = 1.0
    market = Market(open=open_[:, None], close=close[:, None], features=np.zeros((BARS, 1)), bars_per_year=8_760.0)
    position = np.repeat(rng.integers(-1, 2, BARS), rng.integers(1, 6))[:BARS].astype(float)
    position[0] = 0.0  # backtesting.py does not hear a signal on its first bar
    return market, prices, position


def orders_of(vbt, prices, size, kind):
    """A target of vectorbt fills in the bar it stands in: ours stands one bar later, and only where it changes."""
    changed = np.concatenate([[True], np.diff(size) != 0.0])
    shifted = np.concatenate([[np.nan], np.where(changed, size, np.nan)[:-1]])
    portfolio = vbt.Portfolio.from_orders(
        prices["Close"],
        size=shifted,
        size_type=kind,
        price=prices["Open"],
        fees=FEE * 1e-4,
        init_cash=CAPITAL,
        freq="h",
    )
    return portfolio.value().to_numpy() / CAPITAL


@pytest.mark.parametrize("seed", range(20))
def test_vectorbt_counts_the_same_money_for_fixed_units(seed):
    vbt = pytest.importorskip("vectorbt")
    market, prices, position = world(seed)
    theirs = orders_of(vbt, prices, position * 1_000.0, "targetamount")
    np.testing.assert_allclose(run_units(market, position * 1_000.0, CONFIG).equity, theirs, rtol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_vectorbt_counts_the_same_money_for_target_weights(seed):
    vbt = pytest.importorskip("vectorbt")
    market, prices, position = world(seed)
    theirs = orders_of(vbt, prices, position * 0.8, "targetpercent")
    np.testing.assert_allclose(run_ledger(market, position[:, None] * 0.8, CONFIG).equity[:, 0], theirs, rtol=1e-9)


@pytest.mark.parametrize("rebalance", ["on_change", "every_bar"])
@pytest.mark.parametrize("seed", range(10))
def test_vectorbt_counts_the_same_money_for_weights_of_several_assets_on_one_cash(seed, rebalance):
    """Long and short weights of four assets, each new now and then; one equity sizes all orders of a bar."""
    vbt, rng, assets = pytest.importorskip("vectorbt"), np.random.default_rng(seed), 4
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, (BARS, assets)), axis=0))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.002, close.shape))
    weights = rng.uniform(-0.2, 0.2, close.shape)
    for asset in range(assets):
        weights[:, asset] = np.repeat(weights[:, asset], rng.integers(1, 6))[:BARS]
    market = Market(
        open=open_, close=close, features=np.zeros((BARS, 1)), bars_per_year=8_760.0, instruments=tuple("abcd")
    )
    new = np.vstack([np.ones((1, assets), bool), np.diff(weights, axis=0) != 0.0])
    asked = np.where(new, weights, np.nan) if rebalance == "on_change" else weights
    index = pd.date_range("2024-01-01", periods=BARS, freq="h")
    portfolio = vbt.Portfolio.from_orders(
        pd.DataFrame(close, index=index),
        size=np.vstack([np.full((1, assets), np.nan), asked[:-1]]),
        size_type="targetpercent",
        price=open_,
        val_price=open_,
        fees=FEE * 1e-4,
        init_cash=CAPITAL,
        cash_sharing=True,
        group_by=True,
        call_seq="auto",
        freq="h",
    )
    path = run_ledger(market, weights, dataclasses.replace(CONFIG, rebalance=rebalance))
    np.testing.assert_allclose(path.equity[:, 0], portfolio.value().to_numpy() / CAPITAL, rtol=1e-9)
    np.testing.assert_allclose(path.units[:, 0], portfolio.assets().to_numpy() / CAPITAL, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("seed", range(20))
def test_backtesting_py_counts_the_same_money_for_fixed_units(seed):
    backtesting = pytest.importorskip("backtesting")
    market, prices, position = world(seed)
    target = (position * 1_000).astype(int)

    class Follow(backtesting.Strategy):
        def init(self):
            pass

        def next(self):
            wanted = target[len(self.data) - 1] - target[len(self.data) - 2]
            if wanted > 0:
                self.buy(size=int(wanted))
            elif wanted < 0:
                self.sell(size=int(-wanted))

    ran = backtesting.Backtest(prices, Follow, cash=CAPITAL, commission=FEE * 1e-4, trade_on_close=False).run()
    theirs = ran["_equity_curve"]["Equity"].to_numpy() / CAPITAL
    np.testing.assert_allclose(run_units(market, target.astype(float), CONFIG).equity, theirs, rtol=1e-9)
