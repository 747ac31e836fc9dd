"""The currencies that the European Central Bank quotes, as a universe: US dollars for one unit, by way of the euro.

A currency that joined the euro is delisted, paid out at its fixed rate; one that was redenominated is one history with
a split; one that the bank suspended and took up again was halted. What anybody earned by holding one also depends on
its interest, which no rate holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from forecaster.data.instruments import DAY
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.instruments import Facts, Whole, series_of
from tradewinds.data.assemble.loaded import LoadedSeries
from tradewinds.data.assemble.universe import tell_universe, universe_of
from tradewinds.data.checks.bars import Array, Bars, checked, cut
from tradewinds.data.config import UNPRICED, SampleConfig, settled
from tradewinds.data.readers.origin import Origin
from tradewinds.data.rules import DataConfig

SIDECAR = "ecb_euro_rates_daily"
BASE, DOLLAR = "EUR", "USD"
REDENOMINATED = {"RON": ("ROL", 10_000.0), "TRY": ("TRL", 1_000_000.0)}  # old units that became one new one
NAMES = (
    "EUR JPY CYP CZK GBP HUF LVL MTL PLN RON SEK SIT SKK CHF ISK NOK HRK RUB TRY AUD BRL CAD CNY IDR ILS INR KRW MXN "
    "MYR NZD PHP SGD THB ZAR"
).split()
FACTS = Facts(name="currencies", bar_length=DAY, bars_per_year=256.0, season_bars=5, price_unit="USD")
DELISTED_AFTER = 20  # days without a rate, up to the end
LEAST = 3  # bars of an instrument
NOTES = (
    "Source: European Central Bank, euro foreign exchange reference rates; dollars for one unit are computed of them",
    "reference rates of about 14:15 Central European Time: nobody deals at them, and the interest on a currency, "
    "earned or owed, is not in them",
)

Columns = Callable[[str, list[str]], tuple[pd.DataFrame, dict[str, str | int]]]  # of a file in data/


def load_currencies(config: SampleConfig, shipped: Columns) -> LoadedSeries:
    """Load the currencies that the request names.

    Args:
        config: which, and the span.
        shipped: reads columns of a file in data/, which is proven by its sha256.

    Raises:
        RequestError: there is none of that name, or none has bars in the span.
    """
    for name in config.instruments:
        if name not in NAMES:
            raise RequestError(
                f"series.instruments of currencies must be some of {', '.join(NAMES)}, was '{name}'; prices are in "
                f"{DOLLAR}"
            )
    older = [REDENOMINATED[name][0] for name in config.instruments if name in REDENOMINATED]
    columns = [DOLLAR, *(name for name in (*config.instruments, *older) if name != BASE)]
    rates, source = shipped(SIDECAR, columns)
    rates = rates.iloc[cut(pd.DatetimeIndex(rates.index), config.first, config.last, config.name)]
    parts = {name: _bars(rates, name, str(source["file"])) for name in config.instruments}
    short = tuple(name for name, bars in parts.items() if len(bars.index) < LEAST)
    rules, positive = DataConfig(), config.target not in UNPRICED
    bars = {
        name: checked(part, rules=rules, length=DAY, positive=positive)[0]
        for name, part in parts.items()
        if name not in short
    }
    if not bars or (len(bars) == 1 and config.target == "relative_return"):
        raise RequestError(
            f"{', '.join(short)} of currencies have no rate between series.first={config.first} and "
            f"series.last={config.last}; choose others, or another span"
        )
    series, _ = series_of(bars, replace(FACTS, target=settled(config.target)), Whole(DELISTED_AFTER))
    universe = universe_of(bars, series, too_short=short, delisted_after=DELISTED_AFTER)
    notes = (*NOTES, *(tell_universe(universe) if len(bars) > 1 else []))
    return LoadedSeries(series, notes, (source,), "Europe/Berlin", universe=universe)


def _bars(rates: pd.DataFrame, name: str, file: str) -> Bars:
    dollars = rates[DOLLAR].to_numpy(dtype=np.float64)
    price = _price(rates, name, dollars)
    splits = np.ones(len(price))
    if name in REDENOMINATED:
        old, number = REDENOMINATED[name]
        before = _price(rates, old, dollars)
        first = int(np.argmax(np.isfinite(price))) if np.isfinite(price).any() else len(price)
        if 0 < first < len(price):
            splits[first] = 1.0 / number
        price = np.where(np.isfinite(price), price, before)
    columns: Mapping[str, Array] = {"close": price, "splits": splits}
    origin = Origin.counted(f"{file}, {name}", len(price), first=2)
    quoted = np.isfinite(price)
    return Bars(pd.DatetimeIndex(rates.index), dict(columns), origin).take(quoted)


def _price(rates: pd.DataFrame, name: str, dollars: Array) -> Array:
    """(T,) dollars for one unit, NaN where there is no rate; a rate is units for one euro."""
    return dollars if name == BASE else dollars / rates[name].to_numpy(dtype=np.float64)
