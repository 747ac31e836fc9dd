"""A market of many assets: whose features are whose, who may be acted on, who is gone, and what is refused."""

import dataclasses

import numpy as np
import pytest

from trading_env import Market

BARS, ASSETS = 6, 2


def market_of(**columns):
    close = np.full((BARS, ASSETS), 100.0)
    values = {"open": close, "close": close, "features": np.ones((BARS, 5)), "instruments": ("XX", "YY")}
    return Market(**{**values, "bars_per_year": 252.0, **columns})


def gone(row, asset=1):
    flags = np.zeros((BARS, ASSETS), dtype=bool)
    flags[row, asset] = True
    return flags


def test_the_first_columns_are_blocks_of_the_assets_and_the_last_of_each_is_availability():
    features = np.arange(BARS * 5, dtype=np.float32).reshape(BARS, 5)
    features[:, [1, 3]] = 1.0
    features[2, [2, 3]] = 0.0
    market = market_of(features=features, asset_features=2, forecast_columns=range(1))
    np.testing.assert_array_equal(market.blocks[:, 1, 0], features[:, 2])
    assert market.available[:, 1].tolist() == [True, True, False, True, True, True]
    assert market_of().blocks is None
    assert market_of().available is None


def test_a_part_of_a_market_keeps_its_lots():
    lots = np.array([1.0, 100.0])
    market = market_of(lots=lots, missing=np.logical_or.accumulate(gone(3)), delisted=gone(3))
    part = market.rows(range(2, 5))
    np.testing.assert_array_equal(part.lots, lots)
    np.testing.assert_array_equal(part.delisted, gone(3)[2:5])


def test_a_market_begins_with_a_bar_as_it_was_seen_and_carries_its_marks_from_there():
    close = np.tile([[100.0, 50.0]], (BARS, 1))
    halted = gone(1) | gone(2)
    market = market_of(open=close, close=close, missing=halted).rows(range(1, BARS))
    seen = {**market.seen(0), "close": np.array([99.0, 40.0])}
    begun = market.begun(seen)
    assert begun.close[:, 1].tolist() == [40.0, 40.0, 50.0, 50.0, 50.0]
    assert begun.close[:, 0].tolist() == [99.0, 100.0, 100.0, 100.0, 100.0]
    assert begun.open[1].tolist() == [100.0, 40.0]
    np.testing.assert_array_equal(begun.missing, market.missing)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"asset_features": 3}, "asset_features must fit 2 times into the 5 features, was 3"),
        ({"asset_features": -1}, "asset_features must fit 2 times into the 5 features, was -1"),
        (
            {"asset_features": 2, "forecast_columns": range(3)},
            r"forecast_columns must be a range with step 1 within \[0, 2\], the features of an asset, was range",
        ),
        ({"forecast_columns": range(6)}, r"within \[0, 5\], the features, was range\(0, 6\)"),
        (
            {"asset_features": 2, "features": np.full((BARS, 5), 0.5)},
            r"features of XX must end with 1 where it may be acted on, else be 0 throughout, were \[0.5 0.5\] at row 0",
        ),
        (
            {"asset_features": 2, "features": np.tile([1.0, 1.0, 7.0, 0.0, 1.0], (BARS, 1))},
            r"features of YY must end with 1 where it may be acted on, else be 0 throughout, were \[7. 0.\] at row 0",
        ),
        ({"delisted": gone(3)}, "YY must be missing from the bar on where it is delisted, was traded at row 3"),
        (
            {"delisted": gone(3), "missing": np.logical_or.accumulate(gone(3)) & ~gone(5)},
            "YY must be missing from the bar on where it is delisted, was traded at row 5",
        ),
        ({"borrow": np.full((BARS, ASSETS), -1.0)}, "borrow must be finite and at least 0, in basis points a year"),
        ({"borrow": np.ones(BARS)}, r"borrow must be \(T, A\) = \(6, 2\), was \(6,\)"),
        ({"lots": np.ones(3)}, r"lots must be \(A,\) = \(2,\), was \(3,\)"),
        ({"lots": np.array([1.0, -1.0])}, "lots must be finite and at least 0 units; 0 is no lot, was -1.0"),
    ],
)
def test_columns_that_cannot_be_are_refused_by_name_and_law(columns, message):
    with pytest.raises(ValueError, match=message):
        market_of(**columns)


def test_a_market_of_one_asset_has_the_columns_of_one():
    market = dataclasses.replace(market_of(), open=np.ones((BARS, 1)), close=np.ones((BARS, 1)), instruments=("XX",))
    assert market.asset_features == 0
    assert market.delisted is market.borrow is market.lots is None
