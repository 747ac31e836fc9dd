"""The market as the ledger reads it: what happens between the close of bar t and that of t + 1, for any t at once.

The last row repeats its own prices: no bar follows it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.state import Moment
from trading_env.market import Market

Column = NDArray[Any]


class LedgerColumns:
    """The columns of one market under one set of rules.

    Args:
        market: T bars of A assets.
        config: which columns matter, and in which bar an order fills.

    Attributes:
        close: (T,) closing prices of one asset, else (T, A).
        plain: whether the market has no events, volumes or stops that the rules would look at.

    Raises:
        ValueError: `next_open` is asked of a market of one price a bar, or the market lacks what a cost needs.
    """

    def __init__(self, market: Market, config: TradingConfig) -> None:
        _check(market, config)
        costs, here = config.costs, config.execution == "same_close"
        tradable = market.tradable
        volume = market.volume if costs.slippage_bps_per_volume_percent or config.volume_cap else None
        filled: Callable[[Column], Column] = _whole if here else _following
        columns: dict[str, Column | None] = {
            "close_next": _following(market.close),
            "open_next": _following(market.open),
            "close_now": market.close,
            "split": _following(market.splits) if _any(market.splits, 1.0) else None,
            "dividend": _following(market.dividends) if _any(market.dividends, 0.0) else None,
            "funding": _following(market.funding) if _any(market.funding, 0.0) else None,
            "volatility": market.volatility if costs.slippage_per_volatility else None,
            "volume": None if volume is None else filled(np.where(volume > 0.0, volume, 1.0)),
            "tradable": None if tradable is None else filled(tradable),
            "borrow": None if market.borrow is None else _following(market.borrow) * (1e-4 / market.bars_per_year),
            "delisted": _following(market.delisted) if _any(market.delisted, 0.0) else None,
        }
        flat = market.close.shape[1] == 1
        drifts = config.maintenance and (config.rebalance == "on_change" or tradable is not None)
        looks_back = here or drifts or config.maintenance_margin > 0.0
        self.read = tuple(name for name in columns if columns[name] is not None and (looks_back or name != "close_now"))
        self.ahead = tuple(name for name in self.read if name != "close_now")
        self.first = self.read == Moment._fields[: len(self.read)]  # told by place, which is faster than by name
        self.plain = all(column is None for column in list(columns.values())[3:])
        self.columns = {
            name: np.ascontiguousarray(column[:, 0] if flat else column)
            for name, column in columns.items()
            if column is not None
        }
        self.close = self.columns["close_now"]
        self.items = [self.columns[name].item for name in self.read]

    def at(self, rows: NDArray[np.int64], close: Column | None = None) -> Moment:
        """Return what happens after each of (N,) rows: (N,) of one asset, else (N, A); `close` of them, if known."""
        columns = self.columns
        now = {} if close is None else {"close_now": close}
        names = self.read if close is None else self.ahead
        return Moment(**now, **{name: columns[name].take(rows, axis=0, mode="clip") for name in names})

    def after(self, row: int) -> Moment:
        """Return what happens after one row: Python's numbers of one asset, else (A,)."""
        if self.close.ndim == 1:
            if self.first:
                return Moment(*[item(row) for item in self.items])
            return Moment(**{name: self.columns[name].item(row) for name in self.read})
        return Moment(**{name: self.columns[name][row] for name in self.read})


def _check(market: Market, config: TradingConfig) -> None:
    faults = []
    if market.single_price and config.execution == "next_open":
        faults.append("execution must be next_close for a market of one price a bar, was next_open")
    if config.costs.slippage_per_volatility and market.volatility is None:
        faults.append("slippage_per_volatility needs the market's volatility, which it lacks; give it or set 0")
    if config.costs.slippage_bps_per_volume_percent and market.volume is None:
        faults.append("slippage_bps_per_volume_percent needs the market's volume, which it lacks; give it or set 0")
    if config.volume_cap is not None and market.volume is None:
        faults.append("volume_cap needs the market's volume, which it lacks; give it or set null")
    if faults:
        raise ValueError("; ".join(faults))


def _whole(column: Column) -> Column:
    return column


def _following(column: Column | None) -> Column:
    assert column is not None
    return np.concatenate([column[1:], column[-1:]])


def _any(column: Column | None, none: float) -> bool:
    return column is not None and bool((column[1:] != none).any())
