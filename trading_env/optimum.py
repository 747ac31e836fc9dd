"""What perfect knowledge would have held: a bound to measure strategies against, by dynamic programming."""

import numpy as np

from trading_env.config import TradingConfig
from trading_env.ledger import Array, Costs, fill_prices, run_ledger
from trading_env.market import Market


def perfect_foresight(market: Market, config: TradingConfig) -> Array:
    """Return the target exposures of a trader who knows every price of the market in advance.

    Bellman's recursion over (bar, level held), with the ledger's fill prices, interest and costs of changing levels,
    maximises the log growth of accounts kept at their level at no cost. The ledger's accounts pay for being kept
    there, or drift, so the plan is a high mark and not a proven bound; where costs are so dear that holding one level
    throughout does better in the ledger, that is returned. One asset.

    Args:
        market: T bars of one asset.
        config: levels, execution and costs.

    Returns:
        (T, 1) targets for `run_ledger`.

    Raises:
        ValueError: the market has more than one asset.
    """
    if market.close.shape[1] != 1:
        raise ValueError(f"perfect foresight plans one asset, the market has {market.close.shape[1]}")
    levels = np.asarray(config.exposures, dtype=np.float64)
    costs = Costs(config, market.bars_per_year)
    gain = _gain(market, config, levels, costs)  # (T - 1, J)
    rate = costs.fee + costs.price_move
    charge = np.log(np.maximum(1.0 - rate * np.abs(levels[None, :] - levels[:, None]), 1e-12))  # (J, J) from i to j
    entry = np.log(np.maximum(1.0 - rate * np.abs(levels), 1e-12))  # (J,) from flat to j
    value = np.zeros(
        (len(gain) + 1, len(levels))
    )  # value[t, i]: best log growth from the t-th fill on, arriving with i
    for t in range(len(gain) - 1, -1, -1):
        value[t] = (charge + (gain[t] + value[t + 1])[None, :]).max(axis=1)
    path = np.zeros(len(market), dtype=np.int64)
    path[0] = int((entry + gain[0] + value[1]).argmax())
    for t in range(1, len(gain)):
        path[t] = int((charge[path[t - 1]] + gain[t] + value[t + 1]).argmax())
    path[-1] = path[-2]  # no bar fills the last decision
    plans = np.stack([levels[path], *(np.full(len(path), level) for level in levels)], axis=1)[:, :, None]
    final = run_ledger(market, plans, config).equity[-1]  # (1 + J,): the plan, and every level held throughout
    return np.asarray(plans[:, int(final.argmax())])


def _gain(market: Market, config: TradingConfig, levels: Array, costs: Costs) -> Array:
    """(T - 1, J) log growth of holding level j from the fill of row t's order to the next fill, or to the last mark."""
    price = np.append(fill_prices(market, config)[1:, 0], market.close[-1, 0])  # (T,)
    move = price[1:] / price[:-1] - 1.0
    interest = costs.borrow * np.maximum(-levels, 0.0) + costs.financing * np.maximum(levels - 1.0, 0.0)
    return np.asarray(np.log(np.maximum(1.0 + move[:, None] * levels[None, :] - interest[None, :], 1e-12)))
