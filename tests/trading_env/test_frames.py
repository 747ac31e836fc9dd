"""A table of prices is an environment: the market it holds, at the costs that are asked."""

import time

import numpy as np
import pandas as pd
import polars
import pytest
from gymnasium.utils.env_checker import check_env

from trading_env import TradingVectorEnv, make_env, market_of

INDEX = pd.bdate_range("2024-01-01", periods=40, tz="UTC", name="date")


@pytest.fixture
def bars():
    close = 50.0 + np.arange(40.0)
    return pd.DataFrame({"open": close - 0.5, "close": close, "mood": np.linspace(-1.0, 1.0, 40)}, index=INDEX)


def test_one_account_is_an_environment_that_gymnasium_accepts(bars):
    check_env(make_env(bars, ["mood"]), skip_render_check=True)


def test_pandas_polars_and_arrays_are_one_market(bars):
    tables = (bars, polars.from_pandas(bars.reset_index()), {name: bars[name].to_numpy() for name in bars})
    times = ({}, {"time": "date"}, {"bars_per_year": 261.0})
    markets = [market_of(table, ["mood"], **more) for table, more in zip(tables, times, strict=True)]
    for market in markets:
        np.testing.assert_array_equal(market.open[:, 0], bars["open"])
        np.testing.assert_array_equal(market.close[:, 0], bars["close"])
        np.testing.assert_allclose(market.features[:, 0], bars["mood"], rtol=1e-6)
        assert market.bars_per_year == pytest.approx(261.0, abs=10.0)
    np.testing.assert_array_equal(markets[0].index, markets[1].index)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("times", ["moments", "texts", "days", "zone", "texts of a zone", "naive objects"])
def test_columns_in_capitals_and_a_column_of_dates_are_found(bars, times, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")  # which is nobody's business
    time.tzset()
    table = bars.reset_index().rename(columns={"open": "Open", "close": "CLOSE", "date": "Date"})
    kinds = {
        "moments": INDEX.tz_localize(None),
        "texts": INDEX.strftime("%Y-%m-%d"),
        "days": INDEX.date,
        "zone": INDEX.tz_convert("Asia/Tokyo"),
        "texts of a zone": INDEX.tz_convert("Asia/Tokyo").astype(str),
        "naive objects": pd.Series(list(INDEX.tz_localize(None).to_pydatetime()), dtype=object),
    }
    market = market_of(table.assign(Date=kinds[times]), ["mood"])
    np.testing.assert_array_equal(market.open[:, 0], bars["open"])
    np.testing.assert_array_equal(market.index, INDEX.tz_localize(None).to_numpy())
    monkeypatch.undo()
    time.tzset()


def test_a_buyer_at_the_open_without_costs_earns_what_the_prices_say(bars):
    free = {name: 0.0 for name in ("fee_bps", "half_spread_bps", "slippage_bps")}
    env = make_env(bars, costs=free, rules={"exposures": [0.0, 1.0]})
    env.reset()
    ended, equity = False, 1.0
    while not ended:
        _, _, stopped, ended, info = env.step(1)
        ended, equity = ended or stopped, info["equity"]
    assert equity == pytest.approx(bars["close"].iloc[-1] / bars["open"].iloc[1], rel=1e-12)


def test_several_columns_of_closes_are_several_assets(bars):
    wide = pd.DataFrame({"A": bars["close"], "B": bars["close"][::-1].to_numpy()})
    env = make_env(wide, close=["A", "B"], num_envs=3, rules={"actions": "long_weights"})
    assert isinstance(env, TradingVectorEnv)
    assert env.single_action_space.shape == (2,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"features": ["mud"]}, "the table has no column 'mud'; it has open, close, mood"),
        ({"close": "price"}, "the table has no column 'price'"),
        ({"costs": {"fee": 1.0}}, "costs.fee is no setting; there are fee_bps, half_spread_bps"),
        ({"costs": {"fee_bps": -1.0}}, "costs.fee_bps must be greater than or equal to 0, was -1.0"),
        ({"rules": {"lever": 1.0}}, "rules.lever is no setting; there are kind, actions"),
        ({"features": "mood"}, r"features must be a list of columns, such as \['mood'\], was 'mood'"),
        ({"rules": {"costs": {"fee_bps": 1.0}}}, "rules must not hold costs: give costs and reward beside it"),
        ({"reward": 2.0}, "reward must be a mapping of settings by name, was 2.0"),
        ({"time": "when"}, "the table has no column 'when'"),
        ({"time": "mood"}, "column mood must hold moments, held float64"),
        ({"close": []}, r"close must name a column, or several, each once, was \[\]"),
        ({"close": ["close", "close"]}, r"or several, each once, was \['close', 'close'\]"),
        ({"num_envs": 2.5}, "num_envs must be a whole number or None, was 2.5"),
        ({"episode_bars": "all"}, "episode_bars must be a whole number or None, was 'all'"),
        ({"starts": "random"}, "starts is of a vector environment, and num_envs was None"),
    ],
)
def test_what_cannot_be_is_refused(bars, options, words):
    with pytest.raises(ValueError, match=words):
        make_env(bars, **options)


def test_rows_out_of_order_are_not_traded(bars):
    with pytest.raises(ValueError, match="times must increase, row 1 at 2024-01-01T00:00:00"):
        make_env(bars.iloc[[1, 0, *range(2, 40)]])


@pytest.mark.parametrize("frame", [None, [1.0, 2.0], pd.Series([1.0, 2.0]), polars.LazyFrame({"close": [1.0]})])
def test_what_is_no_table_is_refused(frame):
    with pytest.raises(ValueError, match=r"a market is made of a table of pandas or polars, or a mapping, was given "):
        make_env(frame)


def test_one_bar_is_no_market(bars):
    with pytest.raises(ValueError, match="a market needs at least 2 bars, the table has 1"):
        make_env(bars[:1])


def test_a_table_without_times_is_asked_for_the_bars_of_a_year(bars):
    with pytest.raises(ValueError, match="the table has no times; give bars_per_year"):
        make_env(bars.reset_index(drop=True))


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (
            INDEX.strftime("%d/%m/%Y"),
            "has no times: column date holds such as '01/01/2024', make moments of it",
        ),
        (INDEX.tz_localize(None).where(INDEX.day != 3), "row 2 has no time; fill it in, or leave the row out"),
        (INDEX.tz_localize(None).to_period("D"), "times are periods, and no moments; take their starts"),
    ],
)
def test_what_is_no_moment_is_not_taken_for_one(bars, times, words):
    with pytest.raises(ValueError, match=words):
        market_of(bars.reset_index().assign(date=times))


def test_a_bar_without_a_price_is_named(bars):
    with pytest.raises(ValueError, match="column close has no price at row 7; fill it, or leave the row out"):
        make_env(bars.assign(close=bars["close"].mask(np.arange(40) == 7)))
