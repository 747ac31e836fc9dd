"""What perfect knowledge would have earned with several assets: the best path from one holding to the next.

Where weights are long only, together at most the equity and free of further caps, final wealth is linear in what every
part of the money does, so that the best is to hold one asset, or cash, at a time: a longest path, and a bound (to the
order of a cost squared). With shorts, or a cap on each asset, it is a good path and no bound (`unbounded_rules`).
"""

import numpy as np
from numpy.typing import NDArray

from trading_env.config import TradingConfig
from trading_env.ledger.rules import Rules
from trading_env.ledger.run import Array, fill_prices
from trading_env.market import Market

Int = NDArray[np.int64]
RUINED = -50.0  # log growth of a bar that leaves nothing


def best_holdings(market: Market, config: TradingConfig) -> Array:
    """Return (T, A) target weights of a trader who knows every price to come, within the caps.

    Args:
        market: T bars of A assets.
        config: rules and costs; weights are long only, or long and short, as its `actions` say.
    """
    sides = (1.0,) if config.actions == "long_weights" else (1.0, -1.0)
    gross = min(config.leverage_cap, 1.0) if sides == (1.0,) else config.leverage_cap
    each = gross if config.asset_cap is None else min(config.asset_cap, gross)
    slots = max(int(gross / each + 1e-9), 1)
    growth, tradable = _growth(market, config, sides, each * slots), _tradable(market, config)
    held = _one_at_a_time(growth, tradable, len(sides), _cost(config, market) * each * slots)
    if slots == 1:
        return _weights(held, sides, each, market.close.shape[1])
    return _several(growth, tradable, sides, each, slots, _cost(config, market) * each)


def unbounded_rules(config: TradingConfig) -> tuple[str, ...]:
    """Return what makes `best_holdings` no bound for several assets; mostly shorts."""
    named = {
        "shorts": config.actions != "long_weights",
        "leverage": config.leverage_cap > 1.0,
        "env.asset_cap": config.asset_cap is not None,
        "env.net_cap": config.net_cap is not None,
        "env.volume_cap": config.volume_cap is not None,
    }
    return tuple(name for name, there in named.items() if there)


def _cost(config: TradingConfig, market: Market) -> float:
    rules = Rules(config, market.bars_per_year, None)
    return rules.per_size + rules.per_value


def _growth(market: Market, config: TradingConfig, sides: tuple[float, ...], size: float) -> Array:
    """(T - 1, sides x A) log growth of equity from the fill of the order of bar t to the next fill, by what is held."""
    fills = fill_prices(market, config)
    late = config.execution != "same_close"
    price = np.concatenate([fills[1:], market.close[-1:]]) if late else market.close  # of the order of row t
    moved = price[1:] / price[:-1]
    if market.splits is not None:
        moved = moved * market.splits[1:]
    simple = np.concatenate([side * size * (moved - 1.0) for side in sides], axis=1)
    return np.asarray(np.log(np.maximum(1.0 + simple, np.exp(RUINED))))


def _tradable(market: Market, config: TradingConfig) -> NDArray[np.bool_]:
    """(T, A) whether the order of row t can fill; what was paid out at its delisting holds nobody any more."""
    there = market.tradable
    if there is None:
        return np.ones(market.close.shape, dtype=bool)
    if market.delisted is not None:
        there = there | np.logical_or.accumulate(market.delisted, axis=0)
    return there if config.execution == "same_close" else np.concatenate([there[1:], there[-1:]])


def _one_at_a_time(growth: Array, tradable: NDArray[np.bool_], sides: int, cost: float) -> Int:
    """(T,) what is held after each row's order: 0 is cash, 1 + k the k-th of `growth`'s columns; a longest path."""
    cash = np.ones((len(tradable), 1), dtype=bool)
    free = np.concatenate([cash, np.tile(tradable, sides)], axis=1)
    worth = np.full(free.shape[1], -np.inf)
    worth[0] = 0.0
    came = np.zeros(free.shape, dtype=np.int64)
    stay = np.arange(free.shape[1])
    charge = np.full(free.shape[1], cost)
    charge[0] = 0.0
    for t in range(len(growth)):
        leaving = np.where(free[t], worth - charge, -np.inf)
        best = int(leaving.argmax())
        arriving = np.where(free[t], leaving[best] - charge, -np.inf)
        came[t] = np.where(arriving > worth, best, stay)
        worth = np.maximum(arriving, worth)
        worth[1:] += growth[t]
    path = np.zeros(len(free), dtype=np.int64)
    at = int(worth.argmax())
    path[-1] = at
    for t in range(len(growth) - 1, -1, -1):
        path[t] = at
        at = int(came[t, at])
    return path


def _weights(held: Int, sides: tuple[float, ...], size: float, num_assets: int) -> Array:
    weights = np.zeros((len(held), num_assets))
    rows = np.flatnonzero(held)
    side, asset = np.divmod(held[rows] - 1, num_assets)
    weights[rows, asset] = np.asarray(sides)[side] * size
    return weights


def _several(
    growth: Array, tradable: NDArray[np.bool_], sides: tuple[float, ...], each: float, slots: int, cost: float
) -> Array:
    """Hold the `slots` assets whose stretch, from entry to exit, gains most after its costs; each for itself."""
    num_rows, num_assets = tradable.shape
    wanted = np.zeros((num_rows, num_assets))
    value = np.zeros((num_rows, num_assets))
    for asset in range(num_assets):
        own = growth[:, asset::num_assets]  # its sides
        path = _one_at_a_time(own * each, tradable[:, asset : asset + 1], len(sides), cost)
        wanted[:, asset] = np.where(path > 0, np.asarray((*sides, 0.0))[path - 1], 0.0)
        gains = np.where(path[:-1] > 0, own[np.arange(num_rows - 1), np.maximum(path[:-1] - 1, 0)], 0.0)
        value[:, asset] = _stretch_gains(path, np.append(gains, 0.0))
    rank = np.argsort(np.argsort(-np.where(wanted != 0.0, value, -np.inf), axis=1, kind="stable"), axis=1)
    return np.asarray(np.where((rank < slots) & (wanted != 0.0), wanted * each, 0.0))


def _stretch_gains(path: Int, gains: Array) -> Array:
    """(T,) the gain of the whole stretch that each row belongs to."""
    number = np.cumsum(np.concatenate([[0], np.diff(path) != 0]))
    return np.asarray(np.bincount(number, weights=gains)[number])
