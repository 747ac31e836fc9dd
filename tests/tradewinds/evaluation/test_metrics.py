"""Every metric against empyrical on dated returns, at the edges where such libraries stumble; docs/metrics.md, 2."""

import math
from datetime import timedelta

import empyrical
import numpy as np
import pandas as pd
import pytest

from tradewinds.evaluation.metrics import simple_returns, strategy_metrics
from trading_env import CostConfig, LedgerRun, Market, TradingConfig, run_ledger

FREE = CostConfig(fee_bps=0, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0)


def bars(count, start="2021-01-01", freq="D", tz="UTC"):
    return pd.date_range(start, periods=count, freq=freq, tz=tz)


def noise(count, scale=0.01):
    return np.random.default_rng(count).normal(0.0005, scale, count)


def grown(*returns):
    """Equity from an opening of 1 on."""
    return np.cumprod(1.0 + np.concatenate([[0.0], *returns]))


HOLES = np.where(np.arange(300) % 7 == 0, 0.0, noise(300))
CASES = {  # equity, its bars, bars per year
    "never trades": (np.ones(400), bars(400), 252.0),
    "ruin": (np.append(grown([-0.1, -0.5, -0.8]), np.zeros(200)), bars(204), 252.0),
    "one row": (grown([0.02]), bars(2), 252.0),
    "first-day loss": (grown([-0.05], noise(300)), bars(302), 252.0),
    "hourly": (grown(noise(2000, 0.003)), bars(2001, freq="h"), 8766.0),
    "all positive": (grown([1.2], np.abs(noise(300))), bars(302), 252.0),
    "bars without trade": (grown(HOLES), bars(301), 252.0),
    "constant": (grown(np.full(300, 0.001)), bars(301), 252.0),
    "another zone": (grown(noise(250)), bars(251, "2021-03-01", tz="America/New_York"), 252.0),
    "leap year": (grown(noise(366)), bars(367, "2020-01-01"), 366.0),
}


def path_of(equity):
    column = equity[:, None]
    zero, cube = np.zeros_like(column), np.zeros((*column.shape, 1))
    flat = {field: zero for field in LedgerRun.__dataclass_fields__}
    cubes = {"units": cube, "exposure": cube, "settled_units": cube, "settled_value": cube}
    return LedgerRun(**{**flat, **cubes, "equity": column, "cash": column, "fill_price": cube[:, 0]})


def measured(name):
    equity, index, per_year = CASES[name]
    span = (index[-1] - index[0]).to_pytimedelta()
    return strategy_metrics(path_of(equity), 0, [], bars_per_year=per_year, span=span)


def dated(name):
    equity, index, _ = CASES[name]
    return pd.Series(simple_returns(equity), index=index[1:])


@pytest.mark.parametrize("name", CASES)
def test_ratios_are_empyrical_s_to_a_trillionth_or_null_with_a_reason(name):
    metrics, returns, per_year = measured(name), dated(name), CASES[name][2]
    theirs = {
        "sharpe_annual_ddof1_arithmetic": empyrical.sharpe_ratio(returns, annualization=per_year),
        "volatility_annual_ddof1": empyrical.annual_volatility(returns, annualization=per_year),
        "sortino_annual_all_bars": empyrical.sortino_ratio(returns, annualization=per_year),
        "max_drawdown_from_start_capital": -empyrical.max_drawdown(returns),
        "total_return": empyrical.cum_returns_final(returns),
    }
    for metric, theirs_value in theirs.items():
        if metrics[metric] is None:
            assert metrics[f"{metric}_reason"]
            varies = returns.std(ddof=1) > 1e-12 and (metric != "sortino_annual_all_bars" or (returns < 0.0).any())
            assert not varies, f"{metric} is {theirs_value} by empyrical"
        else:
            assert metrics[metric] == pytest.approx(theirs_value, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_no_metric_is_ever_infinite_or_not_a_number(name):
    for metric, value in measured(name).items():
        if metric.endswith("_reason"):
            assert isinstance(value, str)
            assert value
        else:
            assert value is None or math.isfinite(value), metric
            assert value is not None or f"{metric}_reason" in measured(name), metric


@pytest.mark.parametrize(
    ("name", "metric", "value"),
    [
        ("never trades", "sharpe_annual_ddof1_arithmetic", None),  # vectorbt: inf
        ("never trades", "total_return", 0.0),
        ("never trades", "cagr_365_25", 0.0),
        ("ruin", "max_drawdown_from_start_capital", 1.0),
        ("ruin", "total_return", -1.0),
        ("ruin", "cagr_365_25", None),
        ("one row", "sharpe_annual_ddof1_arithmetic", None),
        ("one row", "volatility_annual_ddof1", None),
        ("one row", "cagr_365_25", None),  # ffn: divides by zero
        ("first-day loss", "max_drawdown_from_start_capital", 0.05),  # ffn and vectorbt miss the first day
        ("all positive", "max_drawdown_from_start_capital", 0.0),  # quantstats: 0.9999
        ("all positive", "sortino_annual_all_bars", None),
        ("constant", "sharpe_annual_ddof1_arithmetic", None),
        ("constant", "volatility_annual_ddof1", 0.0),
    ],
)
def test_the_edges_have_the_values_they_must_have(name, metric, value):
    found = measured(name)[metric]
    if metric.startswith("max_drawdown") and name == "first-day loss":
        assert found >= value
    else:
        assert found == (value if value is None else pytest.approx(value, abs=1e-12))


def test_a_leap_year_is_a_year_of_its_days():
    equity = CASES["leap year"][0]
    years = 366 / 365.25
    assert measured("leap year")["cagr_365_25"] == pytest.approx(equity[-1] ** (1.0 / years) - 1.0, rel=1e-12)


def test_a_return_that_is_not_a_number_never_reaches_a_metric():
    """A market refuses it: empyrical would skip it, and annualise what is left as if nothing were missing."""
    close = np.array([[1.0], [np.nan], [1.1]])
    with pytest.raises(ValueError, match="close must be positive and finite, was nan at row 1"):
        Market(open=close, close=close, features=np.zeros((3, 1)), bars_per_year=252.0)


def test_buy_and_hold_of_an_hourly_market_is_annualised_by_its_own_bars():
    close = 100.0 * np.cumprod(1.0 + noise(500, 0.004))[:, None]
    market = Market(open=close, close=close, features=np.zeros((500, 1)), bars_per_year=8766.0)
    path = run_ledger(market, np.ones((500, 1)), TradingConfig(costs=FREE, execution="same_close"))
    metrics = strategy_metrics(path, 0, [], bars_per_year=8766.0, span=timedelta(hours=499))
    returns = pd.Series(close[:, 0]).pct_change().dropna()
    expected = returns.mean() / returns.std(ddof=1) * math.sqrt(8766.0)
    assert metrics["sharpe_annual_ddof1_arithmetic"] == pytest.approx(expected, rel=1e-9)
