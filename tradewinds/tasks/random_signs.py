"""Bars whose every move has a random sign: a world of the same sizes of moves in which no direction can be known."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.records import Forecasts
from tradewinds.request.schema import Config

Array = NDArray[np.float64]


def unknowable(config: Config, parts: Parts, rng: np.random.Generator) -> Parts:
    """Return what was loaded with the sign of every move drawn anew; columns stand as they were.

    A bar moves twice, over the night and from its open to its close: each move, a log return or a difference by the
    series' target, is multiplied by a fair coin, and a day that is turned around has its high and low turned with it.
    Sizes stay where they were, of volatility and volume too. Prices are those an owner lived through, and dividends and
    splits are over. All instruments share their coins.
    """
    series = parts.series.series.adjusted()
    return dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=_turned(series, rng)))


def _turned(series: Series, rng: np.random.Generator) -> Series:
    multiplies = series.is_price
    open_, high, low, close = (
        np.log(price) if multiplies else price for price in (series.open, series.high, series.low, series.close)
    )
    night_coin, day_coin = 2.0 * rng.integers(0, 2, (2, len(close), 1)) - 1.0
    night, day = open_[1:] - close[:-1], close - open_
    nights = np.concatenate([np.zeros_like(open_[:1]), night_coin[1:] * night])
    moves = nights + day_coin * day
    last = np.cumsum(moves, axis=0) + open_[0]
    first = last - day_coin * day
    up, down = high - open_, low - open_
    turned = day_coin < 0.0
    prices = {
        "open": first,
        "high": np.maximum(first + np.where(turned, -down, up), np.maximum(first, last)),
        "low": np.minimum(first + np.where(turned, -up, down), np.minimum(first, last)),
        "close": last,
    }
    if series.single_price:
        prices = dict.fromkeys(prices, last)
    if multiplies:
        prices = {name: np.exp(price) for name, price in prices.items()}
    return dataclasses.replace(series, **prices)


def forecast_luck(forecasts: Forecasts) -> dict[str, Array]:
    """Return by model (N, H) each forecast times what came: positive where the direction was right.

    As the scores had it: what came is the error of the naive forecast of no change, whose own luck is none.
    """
    if forecasts.gains:
        return dict(forecasts.gains)
    truth = forecasts.errors_ahead["naive"]
    return {name: (truth - error) * truth for name, error in forecasts.errors_ahead.items() if name != "naive"}
