"""What the agent's own targets earn when trading costs more or less, and what they can bear. Must not know files."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.evaluation.metrics import simple_returns
from tradewinds.evaluation.overfitting import FLAT, bar_sharpe
from trading_env import Market, TradingConfig, run_ledger

Array = NDArray[np.float64]
SWEEP_BPS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0)
MOST_BPS, STEPS, CLOSE = 1_000.0, 30, 1e-9


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
    growths, rows = {}, []
    for bps in SWEEP_BPS:
        equity = _equity(targets, market, rules, bps)
        growths[bps] = _growth(equity)
        returns = simple_returns(equity)
        row: dict[str, Any] = {"cost_bps": bps, "total_return": float(equity[-1] - 1.0), "sharpe": None}
        if np.std(returns) > FLAT:
            row["sharpe"] = bar_sharpe(returns) * float(np.sqrt(market.bars_per_year))
        else:
            row["sharpe_reason"] = "the bar returns have no variance"
        rows.append(row)
    block: dict[str, Any] = {"cost_sweep": rows, "break_even_cost_bps": None}
    if growths[0.0] == growths[SWEEP_BPS[-1]]:
        block["break_even_cost_bps_reason"] = "the agent never traded"
    elif growths[0.0] <= 0.0:
        block["break_even_cost_bps_reason"] = "the agent earned nothing even where trading is free"
    else:
        found = _root(targets, market, rules, growths)
        block["break_even_cost_bps"] = found
        if found is None:
            block["break_even_cost_bps_reason"] = f"the agent still gains at {MOST_BPS:g} basis points a fill"
    return block


def _root(targets: Array, market: Market, rules: TradingConfig, growths: dict[float, float]) -> float | None:
    """Find the cost at which log growth is 0, by regula falsi (Illinois): it falls, almost on a line."""
    low = max(bps for bps in SWEEP_BPS if growths[bps] > 0.0)
    above = [bps for bps in SWEEP_BPS if growths[bps] <= 0.0]
    high = min(above) if above else MOST_BPS
    gain, loss = growths[low], growths[high] if above else _growth(_equity(targets, market, rules, MOST_BPS))
    if loss > 0.0:
        return None
    side = 0
    for _ in range(STEPS):
        middle = (low * loss - high * gain) / (loss - gain)
        growth = _growth(_equity(targets, market, rules, middle))
        if abs(growth) < CLOSE:
            return float(middle)
        if growth > 0.0:
            low, gain, loss = middle, growth, loss / 2.0 if side > 0 else loss
            side = 1
        else:
            high, loss, gain = middle, growth, gain / 2.0 if side < 0 else gain
            side = -1
    return float(middle)


def _equity(targets: Array, market: Market, rules: TradingConfig, bps: float) -> Array:
    others = ("half_spread_bps", "slippage_bps", "slippage_per_volatility", "slippage_bps_per_volume_percent")
    costs = dataclasses.replace(rules.costs, fee_bps=bps, **dict.fromkeys(others, 0.0))
    return np.asarray(run_ledger(market, targets, dataclasses.replace(rules, costs=costs)).equity[:, 0])


def _growth(equity: Array) -> float:
    return float(np.log(max(equity[-1], 1e-12)))
