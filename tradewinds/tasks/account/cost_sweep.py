"""What the agent's own targets earn when trading costs more or less, and what they can bear. Must not know files."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from tradewinds.evaluation.metrics import simple_returns
from tradewinds.evaluation.overfitting import bar_sharpe
from tradewinds.evaluation.reasons import FLAT, NO_VARIANCE, number_or_reason
from trading_env import Market, TradingConfig, run_ledger

Array = NDArray[np.float64]
SWEEP_BPS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
OTHERS = ("half_spread_bps", "slippage_bps", "slippage_per_volatility", "slippage_bps_per_volume_percent")
MOST_BPS, CLOSE_BPS = 1_000.0, 1e-9  # the highest cost that is tried; how near a break-even cost lies to the true one


def cost_block(targets: Array, market: Market, rules: TradingConfig) -> dict[str, Any]:
    """Replay recorded targets at other costs.

    Args:
        targets: (T, A) the agent's target exposures; it is not asked again.
        market: T bars.
        rules: the rules; interest stays as it is.

    Returns:
        `cost_sweep`, per all-in cost of a fill in basis points of its notional the total return and the annual Sharpe
        ratio; and `break_even_cost_bps`, the cost at which the total return is 0, or None with its reason.
    """

    def equity(bps: float) -> Array:
        costs = dataclasses.replace(rules.costs, fee_bps=bps, **dict.fromkeys(OTHERS, 0.0))
        return np.asarray(run_ledger(market, targets, dataclasses.replace(rules, costs=costs)).equity[:, 0])

    curves = {bps: equity(bps) for bps in SWEEP_BPS}
    rows = []
    for bps, curve in curves.items():
        returns = simple_returns(curve)
        sharpe = bar_sharpe(returns) * float(np.sqrt(market.bars_per_year)) if np.std(returns) > FLAT else None
        rows.append(
            {"cost_bps": bps, "total_return": float(curve[-1] - 1.0)} | number_or_reason("sharpe", sharpe, NO_VARIANCE)
        )
    return {"cost_sweep": rows} | _break_even(
        {bps: _growth(curve) for bps, curve in curves.items()}, lambda bps: _growth(equity(bps))
    )


def _break_even(growths: dict[float, float], growth_at: Callable[[float], float]) -> dict[str, Any]:
    """Return the cost in basis points at which log growth is 0: it falls, almost on a line."""
    name = "break_even_cost_bps"
    if growths[0.0] == growths[SWEEP_BPS[-1]]:
        return number_or_reason(name, None, "the agent never traded")
    if growths[0.0] <= 0.0:
        return number_or_reason(name, None, "the agent earned nothing even where trading is free")
    low = max(bps for bps, growth in growths.items() if growth > 0.0)
    high = min((bps for bps, growth in growths.items() if growth <= 0.0), default=MOST_BPS)
    if high == MOST_BPS and growth_at(MOST_BPS) > 0.0:
        return number_or_reason(name, None, f"the agent still gains at {MOST_BPS:g} basis points a fill")
    return {name: float(brentq(growth_at, low, high, xtol=CLOSE_BPS))}


def _growth(equity: Array) -> float:
    return float(np.log(max(equity[-1], 1e-12)))
