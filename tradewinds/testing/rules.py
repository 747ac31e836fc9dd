"""How a check speaks, what it compares, and the small made-up series that it hands to whom it checks."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series

Array = NDArray[np.float64]
BARS = 160


class ConformanceError(AssertionError):
    """A plug-in does not hold its contract; the message is one sentence for its author."""


def need(holds: bool, sentence: str) -> None:
    """Raise a `ConformanceError` unless a law holds."""
    if not holds:
        raise ConformanceError(sentence)


@contextmanager
def told(what: str, cure: str) -> Iterator[None]:
    """Say of what fails inside, in one sentence, what it was and what to do."""
    try:
        yield
    except ConformanceError:
        raise
    except Exception as error:
        raise ConformanceError(f"{what} failed with {type(error).__name__}: {error}; {cure}") from error


def same(one: Any, other: Any) -> bool:
    """Whether two arrays are of one shape and equal, NaN where NaN is."""
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other, equal_nan=True))


def near(one: Any, other: Any) -> bool:
    """Whether two arrays are of one shape and equal but for rounding."""
    return np.shape(one) == np.shape(other) and bool(np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True))


def made_series(bars: int = BARS, *, seed: int = 0) -> Series:
    """Return a random walk of daily bars of one instrument, with volume: more bars never change the earlier ones."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(0.0, 1.0, (bars, 5))  # (T, 5)
    close = 100.0 * np.exp(np.cumsum(0.01 * draws[:, 0]))
    opened = np.append(100.0, close[:-1]) * np.exp(0.002 * draws[:, 1])
    high = np.maximum(opened, close) * np.exp(0.003 * np.abs(draws[:, 2]))
    low = np.minimum(opened, close) * np.exp(-0.003 * np.abs(draws[:, 3]))
    return Series(
        name="made up",
        instruments=("one",),
        index=pd.date_range("2015-01-01", periods=bars, freq="D", tz="UTC"),
        bar_length=pd.Timedelta(days=1),
        bars_per_year=365.25,
        season_bars=7,
        open=opened[:, None],
        high=high[:, None],
        low=low[:, None],
        close=close[:, None],
        volume=np.exp(10.0 + draws[:, 4:]),
    )


def another_end(series: Series, row: int) -> Series:
    """Return the series with other prices after a row: all that may differ at or before it is a leak."""
    rng = np.random.default_rng(row)
    moves = np.ones_like(series.close)
    moves[row + 1 :] = np.exp(np.cumsum(rng.normal(0.0, 0.05, series.close[row + 1 :].shape), axis=0))
    prices = {name: getattr(series, name) * moves for name in ("open", "high", "low", "close")}
    return dataclasses.replace(series, **prices)


def check_repeats(noun: str, call: Callable[[Series], Array], series: Series) -> None:
    """Refuse what says something else when it is asked again, another series in between."""
    before = call(series)
    call(made_series(len(series.index), seed=1) if not len(series.exogenous.columns) else series.rows(range(60)))
    need(
        same(before, call(series)),
        f"{noun} said something else of the same series after it had met another; it must keep nothing between calls, "
        "and draw no random numbers",
    )
