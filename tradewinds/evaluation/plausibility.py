"""Skill that is too good to be likely: a warning with what to check, before anybody believes it.

Half the error of the best baseline, or daily returns forecast beyond any doubt, is what a leak looks like more often
than what a market gives. Must not know what was forecast.
"""

from collections.abc import Iterator, Mapping
from typing import Any

HALF = 0.5  # of the best baseline's error: below it, forecasts are suspected
DOUBTLESS = 1e-6  # p-value of forecasts of daily returns against naive, below which they are suspected
MOST_SHARPE = 6.0  # a year, after costs: above it, an account is suspected
LONGEST_YEAR = 366.0  # bars a year of daily data, at most
CHECK = "check when each column is known (leakcheck.audit=true), and type `tradewinds leakcheck` with the same options"


def suspicions(
    scores: Mapping[str, Mapping[str, Any]],
    honesty: Mapping[str, Any],
    *,
    model: str,
    bars_per_year: float,
    returns: bool,
    sharpe: float | None = None,
) -> Iterator[str]:
    """Yield a warning for each skill that is too good.

    Args:
        scores: by model and baseline, each with the mean absolute error of the value ahead, `value_mae`.
        honesty: with the Diebold-Mariano tests by rival, where there are any.
        model: which of `scores` the network is.
        bars_per_year: of the series.
        returns: whether log returns of a price are forecast.
        sharpe: of the agent's account, a year; None without one.
    """
    errors = {name: row["value_mae"] for name, row in scores.items() if row.get("value_mae") is not None}
    rivals = {name: error for name, error in errors.items() if name != model}
    if model in errors and rivals:
        best = min(rivals, key=lambda name: rivals[name])
        if errors[model] < HALF * rivals[best]:
            share = errors[model] / rivals[best]
            yield f"too good: the error of the {model} is {share:.0%} of that of {best}, the best baseline; {CHECK}"
    test = honesty.get("diebold_mariano_by_rival", {}).get("naive", {}).get("next_bar")
    if returns and bars_per_year <= LONGEST_YEAR and test and test["statistic"] < 0.0 and test["p_value"] < DOUBTLESS:
        yield f"too good: the {model} forecasts daily returns better than naive with p = {test['p_value']:.2g}; {CHECK}"
    if sharpe is not None and sharpe > MOST_SHARPE:
        yield f"too good: the agent's Sharpe ratio is {sharpe:.1f} a year after costs; {CHECK}"
