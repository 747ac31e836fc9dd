"""Orders: from what somebody really holds to what the agent wants held, and what of that cannot be traded now.

Inventory come as a table of symbols and units, with cash as a symbol of its own. Prices are the raw ones of the last
bar, since nobody can buy an adjusted share. Must not know any agent.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from trading_env import TradingConfig

Array = NDArray[np.float64]
CASH = "cash"
FILLED = {"next_open": "the next bar's open", "next_close": "the next bar's close", "same_close": "this bar's close"}
LEFT = "it is not among the instruments of this request: nothing is decided about it"


@dataclass(frozen=True)
class Inventory:
    """What somebody holds: units by symbol, and cash in the currency of the prices."""

    units: Mapping[str, float]
    cash: float


def read_holdings(path: str) -> Inventory:
    """Read a CSV of the columns `symbol` and `units`; the symbol `cash` stands for money.

    Raises:
        RequestError: the file is not there, or a row of it says nothing that could be held.
    """
    if not Path(path).is_file():
        raise RequestError(f"signal.holdings must name a CSV of the columns symbol and units, was '{path}'")
    table = pd.read_csv(path, dtype=str, skipinitialspace=True)
    table.columns = table.columns.str.strip().str.lower()
    if list(table.columns[:2]) != ["symbol", "units"]:
        raise RequestError(
            f"{path} must have the columns symbol and units, and one row `{CASH},` with the money; it has "
            f"{', '.join(table.columns)}"
        )
    units: dict[str, float] = {}
    for line, (symbol, text) in enumerate(zip(table["symbol"].str.strip(), table["units"], strict=True), 2):
        value = pd.to_numeric(text, errors="coerce")
        if not isinstance(symbol, str) or not symbol or not np.isfinite(value):
            told = f"were '{symbol}' and '{text}'"
            raise RequestError(f"{path}, line {line}: a symbol and a number of units are needed, {told}")
        if symbol in units:
            raise RequestError(f"{path}, line {line}: {symbol} stands there twice; add the two up")
        units[symbol] = float(value)
    names = [name for name in units if name.lower() == CASH]
    if not names:
        raise RequestError(f"{path} must have a row `{CASH},` with the money, 0 if there is none: a share is of all")
    cash = sum(units.pop(name) for name in names)
    return Inventory(units, cash)


def orders_of(raw: Series, targets: Array, holdings: Inventory, rules: TradingConfig) -> dict[str, Any]:
    """Return the orders that bring holdings to target exposures, by instrument.

    Args:
        raw: the bars as they were traded; the last one's close is the price of every order.
        targets: (A,) target exposures, as fractions of what the holdings are worth.
        holdings: what is held.
        rules: lots, the least order, the share of volume.

    Returns:
        `equity`, what all is worth; `orders`, one for each instrument that is held or wanted: units held, wanted and to
        be bought (negative: sold), their value, and `not_traded`, why not or not all of it, or None.

    Raises:
        RequestError: nothing is left to trade with.
    """
    price = raw.close[-1]
    held = np.array([holdings.units.get(name, 0.0) for name in raw.instruments])
    equity = holdings.cash + float(held @ price)
    if not equity > 0.0:
        raise RequestError(f"signal.holdings come to {equity:g} in all; there is nothing to hold a share of")
    orders = [
        _order(raw, asset, float(targets[asset]), float(held[asset]), equity, rules)
        for asset in range(len(price))
        if held[asset] or targets[asset]
    ]
    strangers = sorted(set(holdings.units) - set(raw.instruments))
    orders += [{"instrument": name, "units_held": holdings.units[name], "not_traded": LEFT} for name in strangers]
    return {"equity": equity, "cash": holdings.cash, "orders": orders}


def _order(raw: Series, asset: int, target: float, held: float, equity: float, rules: TradingConfig) -> dict[str, Any]:
    price = float(raw.close[-1, asset])
    wanted = target * equity / price
    lot = rules.lot
    if lot:
        wanted = math.trunc(wanted / lot * (1.0 + 1e-12)) * lot
    units, reason = wanted - held, _reason(raw, asset, wanted, held, price, rules)
    most = _most_units(raw, asset, rules)
    if reason is not None:
        units = 0.0
    elif abs(units) > most:
        reason = f"not all: it is more than env.volume_cap={rules.volume_cap:g} of the last bar's volume"
        units = math.copysign(most, units)
    return {
        "instrument": raw.instruments[asset],
        "target_exposure": target,
        "price": price,
        "units_held": held,
        "units_wanted": wanted,
        "units_to_buy": units,
        "value": units * price,
        "not_traded": reason,
    }


def _reason(raw: Series, asset: int, wanted: float, held: float, price: float, rules: TradingConfig) -> str | None:
    """Say why an instrument cannot be traded at all; None if it can."""
    if raw.delisted is not None and raw.delisted[:, asset].any():
        return "it is delisted"
    if raw.traded is not None and not raw.traded[-1, asset]:
        rows = np.flatnonzero(raw.traded[:, asset])
        return f"it has not traded since {raw.index[rows[-1]]:%Y-%m-%d}" if len(rows) else "it has never traded"
    if 0.0 < abs(wanted - held) * price < rules.min_notional and wanted != 0.0:
        return f"the order is less than env.min_notional={rules.min_notional:g}"
    return None


def _most_units(raw: Series, asset: int, rules: TradingConfig) -> float:
    if rules.volume_cap is None or raw.volume is None:
        return math.inf
    return rules.volume_cap * float(raw.volume[-1, asset])
