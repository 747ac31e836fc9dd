"""What a strategy earned, each number under the name of its convention. Formulas: docs/metrics.md, section 2.

Ratios come from empyrical, with the bars per year always given (its own default is 252). A number that cannot be
computed is None with the reason under `<name>_reason`; never NaN, inf or 0 in its place.
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from tradewinds.evaluation.reasons import FLAT, NO_VARIANCE, number_or_reason
from trading_env import LedgerRun, Trade

Array = NDArray[np.float64]
Metrics = dict[str, float | int | str | None]
COSTS = {  # records of the ledger, and what their sums are called
    "fee": "fees_paid",
    "spread": "spread_paid",
    "slippage": "slippage_paid",
    "borrow": "borrow_paid",
    "financing": "financing_paid",
}


def simple_returns(equity: Array) -> Array:
    """Return (T - 1,) simple returns of an equity curve (T,); 0 after ruin."""
    before = equity[:-1]
    return np.divide(equity[1:], before, out=np.ones(len(before)), where=before > 0.0) - 1.0


def strategy_metrics(
    path: LedgerRun, account: int, trades: list[Trade], *, bars_per_year: float, span: timedelta
) -> Metrics:
    """Measure one account of a ledger path.

    Args:
        path: the ledger's (T, N) records.
        account: which of the N accounts.
        trades: its trades, closed and open.
        bars_per_year: bars in a year, for annual figures.
        span: time between the first and the last close.

    Returns:
        Plain numbers; fractions of the opening equity where money is meant, not percent.
    """
    import empyrical  # it loads SciPy, and a request is refused before that

    equity = path.equity[:, account]
    returns = simple_returns(equity)
    metrics: Metrics = {"total_return": float(equity[-1] / equity[0] - 1.0)}
    put(metrics, "cagr_365_25", _cagr(equity, span), "the span is shorter than a month or the account was ruined")
    varies = float(np.std(returns)) > FLAT
    sharpe = empyrical.sharpe_ratio(returns, annualization=bars_per_year) if varies else None
    put(metrics, "sharpe_annual_ddof1_arithmetic", sharpe, NO_VARIANCE)
    volatility = empyrical.annual_volatility(returns, annualization=bars_per_year) if len(returns) > 1 else None
    put(metrics, "volatility_annual_ddof1", volatility, "fewer than two bars")
    loses = bool(np.any(returns < 0.0))
    sortino = empyrical.sortino_ratio(returns, annualization=bars_per_year) if loses else None
    put(metrics, "sortino_annual_all_bars", sortino, "no bar lost money")
    metrics["max_drawdown_from_start_capital"] = abs(float(empyrical.max_drawdown(returns)))
    profits = {side: [trade.profit for trade in trades if trade.open == side] for side in (False, True)}
    won = [profit > 0.0 for profit in profits[False]]
    put(metrics, "win_rate_closed_trades", float(np.mean(won)) if won else None, "no trade was closed")
    metrics["closed_trades"], metrics["closed_trades_profit"] = len(won), float(sum(profits[False]))
    metrics["open_trades"], metrics["open_trades_profit"] = len(profits[True]), float(sum(profits[True]))
    metrics["cap_cuts"] = int(path.cut[:, account].sum())
    metrics["turnover_per_year"] = float(path.turnover[:, account].sum() * bars_per_year / max(len(returns), 1))
    metrics["exposure_mean"] = float(path.exposure[:, account].sum(axis=-1).mean())
    for name, label in COSTS.items():
        metrics[label] = float(getattr(path, name)[:, account].sum() / equity[0])
    return metrics


def _cagr(equity: Array, span: timedelta) -> float | None:
    years = span / timedelta(days=365.25)
    if years < 1.0 / 12.0 or equity[-1] <= 0.0:
        return None
    return float((equity[-1] / equity[0]) ** (1.0 / years) - 1.0)


def put(metrics: Metrics, name: str, value: float | None, reason: str) -> None:
    """Set a metric, or None with its reason where it could not be computed."""
    metrics.update(number_or_reason(name, None if value is None else float(value), reason))
