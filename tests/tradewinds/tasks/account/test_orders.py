"""Orders: from holdings in a file to what is wanted, with a reason for what cannot be traded."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.tasks.account.orders import LEFT, Inventory, orders_of, read_holdings
from trading_env import TradingConfig


def bars(**changes):
    index = pd.date_range("2024-01-01", periods=3, tz="UTC")
    close = np.tile([10.0, 50.0, 4.0], (3, 1))
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return Series("three", ("a", "b", "c"), index, pd.Timedelta(days=1), 252.0, 5, **{**prices, **changes})


def by_name(told):
    return {order["instrument"]: order for order in told["orders"]}


def test_orders_lead_from_what_is_held_to_what_is_wanted():
    told = orders_of(bars(), np.array([0.5, 0.0, -0.1]), Inventory({"a": 20.0, "b": 10.0}, 300.0), TradingConfig())
    assert told["equity"] == pytest.approx(1000.0)
    orders = by_name(told)
    assert orders["a"]["units_to_buy"] == pytest.approx(30.0)
    assert orders["b"]["units_to_buy"] == pytest.approx(-10.0)
    assert orders["c"]["units_to_buy"] == pytest.approx(-25.0)
    assert all(order["not_traded"] is None for order in orders.values())


def test_what_cannot_be_traded_says_why():
    traded = np.ones((3, 3), dtype=bool)
    traded[1:, 0] = traded[2:, 1] = False
    delisted = np.zeros((3, 3), dtype=bool)
    delisted[2, 1] = True
    rules = TradingConfig(volume_cap=0.1, lot=10.0)
    series = bars(traded=traded, delisted=delisted, volume=np.full((3, 3), 50.0))
    held = Inventory({"a": 5.0, "b": 2.0, "z": 1.0}, 1000.0)
    orders = by_name(orders_of(series, np.array([0.5, 0.5, 0.2]), held, rules))
    assert orders["a"]["not_traded"] == "it has not traded since 2024-01-01"
    assert orders["b"]["not_traded"] == "it is delisted"
    assert orders["z"]["not_traded"] == LEFT
    assert orders["c"]["units_wanted"] == 50.0  # 0.2 x 1150 / 4, whole tens
    assert orders["c"]["units_to_buy"] == 5.0
    assert orders["c"]["not_traded"] == "not all: it is more than env.volume_cap=0.1 of the last bar's volume"
    rules = TradingConfig(min_notional=50.0)
    small = orders_of(bars(), np.array([0.5, 0.0, 0.0]), Inventory({"a": 49.0}, 500.0), rules)
    assert by_name(small)["a"]["not_traded"] == "the order is less than env.min_notional=50"


def test_holdings_are_read_with_their_cash(tmp_path):
    path = tmp_path / "held.csv"
    path.write_text("Symbol, Units\nAAPL, 10\nCash, 2500.5\n")
    assert read_holdings(str(path)) == Inventory({"AAPL": 10.0}, 2500.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ticker,amount\nA,1\n", "must have the columns symbol and units, and one row `cash,` with the money; it has "),
        ("symbol,units\nA,many\n", "line 2: a symbol and a number of units are needed, were 'A' and 'many'"),
        ("symbol,units\nA,1\nA,2\n", "line 3: A stands there twice; add the two up"),
    ],
)
def test_bad_holdings_are_refused_by_line(tmp_path, text, words):
    path = tmp_path / "held.csv"
    path.write_text(text)
    with pytest.raises(RequestError) as refused:
        read_holdings(str(path))
    assert words in str(refused.value)
    with pytest.raises(RequestError, match=r"signal\.holdings must name a CSV"):
        read_holdings(str(tmp_path / "none.csv"))


def test_nothing_is_no_share_of_nothing():
    with pytest.raises(RequestError, match="there is nothing to hold a share of"):
        orders_of(bars(), np.zeros(3), dataclasses.replace(Inventory({}, 0.0)), TradingConfig())
