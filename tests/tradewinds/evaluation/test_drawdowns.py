"""What an equity curve is told as: months that compound to the total, and drawdowns by hand."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.evaluation.drawdowns import monthly_returns, worst_drawdowns
from tradewinds.evaluation.inference import equity_band, profit_band

curves = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=300).map(
    lambda returns: np.concatenate(([1.0], np.cumprod(1.0 + np.array(returns))))
)


def days(count, first="2021-11-20"):
    return pd.date_range(first, periods=count, freq="D", tz="UTC")


@given(curves)
def test_months_compound_to_the_total(equity):
    months = [value for year in monthly_returns(equity, days(len(equity))).values() for value in year]
    assert np.prod([1.0 + value for value in months if value is not None]) == pytest.approx(equity[-1])


def test_a_month_counts_from_the_last_bar_of_the_month_before():
    index = pd.DatetimeIndex(["2021-12-30", "2021-12-31", "2022-01-03", "2022-03-01"], tz="UTC")
    months = monthly_returns(np.array([1.0, 1.1, 1.21, 1.331]), index)
    assert months["2021"] == [None] * 11 + [pytest.approx(0.1)]
    assert months["2022"] == [pytest.approx(0.1), None, pytest.approx(0.1), *[None] * 9]


def test_an_account_that_was_ruined_returns_nothing_afterwards():
    months = monthly_returns(np.array([1.0, 0.0, 0.0]), pd.DatetimeIndex(["2022-01-31", "2022-02-01", "2022-03-01"]))
    assert months["2022"][:3] == [0.0, -1.0, 0.0]


def test_drawdowns_by_hand():
    equity = np.array([1.0, 2.0, 1.0, 1.5, 2.0, 3.0, 2.4, 2.7])
    first, second = worst_drawdowns(equity, days(8, "2022-01-01"))
    assert first["depth"] == pytest.approx(0.5)
    assert [first[key][:10] for key in ("peak", "trough", "recovery")] == ["2022-01-02", "2022-01-03", "2022-01-05"]
    assert first["bars"] == 3
    assert second["depth"] == pytest.approx(0.2)
    assert second["recovery"] is None
    assert second["bars"] == 2


@given(curves)
def test_the_worst_drawdown_is_the_maximum_drawdown_and_none_is_missing(equity):
    drawdowns = worst_drawdowns(equity, days(len(equity)), count=1000)
    deepest = 1.0 - (equity / np.maximum.accumulate(equity)).min()
    assert max((fall["depth"] for fall in drawdowns), default=0.0) == pytest.approx(deepest, abs=1e-12)
    assert [fall["depth"] for fall in drawdowns] == sorted((fall["depth"] for fall in drawdowns), reverse=True)
    assert sum(fall["recovery"] is None for fall in drawdowns) == (equity[-1] < equity.max())


def test_equity_that_never_fell_has_no_drawdown():
    assert worst_drawdowns(np.array([1.0, 1.0, 1.2]), days(3)) == []


def test_the_band_of_luck_starts_at_the_opening_and_holds_most_curves_of_its_own_kind():
    rng = np.random.default_rng(1)
    growth = rng.normal(0.0, 0.01, (200, 500))
    curves = np.exp(np.concatenate([np.zeros((200, 1)), growth.cumsum(axis=1)], axis=1))
    band = equity_band(curves[0], days(501), seed=3)
    assert band.iloc[0].tolist() == [1.0, 1.0]
    assert (band["low"] <= band["high"]).all()
    drift = curves[0][-1] ** (np.arange(501) / 500)  # of the curve whose returns are reordered
    inside = [
        band["low"].iloc[-1] <= curve[-1] / curves[0][-1] * drift[-1] <= band["high"].iloc[-1] for curve in curves
    ]
    assert 0.6 <= np.mean(inside) <= 1.0
    pd.testing.assert_frame_equal(band, equity_band(curves[0], days(501), seed=3))


def test_the_band_of_profits_is_the_spread_of_their_sums():
    profits = pd.Series(np.random.default_rng(3).normal(5.0, 2.0, 400), index=days(400))
    band = profit_band(profits, seed=1)
    assert band.index.equals(profits.index)
    middle = band.mean(axis=1).to_numpy()
    np.testing.assert_allclose(middle[-1], profits.sum(), rtol=0.05)
    width = (band["high"] - band["low"]).to_numpy()
    assert width[-1] == pytest.approx(2 * 1.96 * 2.0 * 400**0.5, rel=0.3)
    assert width[0] < width[-1] / 5.0
    assert profit_band(profits[:19], seed=1).empty


def test_the_band_of_a_long_span_takes_fewer_draws_and_little_memory():
    equity = np.exp(np.append(0.0, np.random.default_rng(2).normal(0.0, 1e-4, 300_000).cumsum()))
    index = pd.date_range("2020-01-01", periods=len(equity), freq="min", tz="UTC")
    tracemalloc.start()
    band = equity_band(equity, index, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(band) == 400
    assert peak < 30 * equity.nbytes


@pytest.mark.parametrize("equity", [np.ones(100), np.linspace(1.0, 2.0, 10)])
def test_no_band_where_nothing_moved_or_too_little_is_known(equity):
    assert len(equity_band(equity, days(len(equity)), seed=1)) == 0
