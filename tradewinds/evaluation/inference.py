"""How far the numbers of a backtest or a forecast can be believed. Definitions and references: docs/metrics.md, 3.

Increments are what a task earned period by period: simple returns of bars, profits of days. Must not know which task.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from arch.bootstrap import StationaryBootstrap
from numpy.typing import NDArray
from statsmodels.tsa.stattools import diebold_mariano_test

from tradewinds.evaluation.reasons import FEWEST, FLAT, number_or_reason
from tradewinds.evaluation.superior_ability import block_length, superior_ability

Array = NDArray[np.float64]
CERTAIN = 0.05  # p-value below which a difference counts as more than luck
TINY = 1e-15  # p-value below which no digit of a normal distribution's tail is worth telling
BAND_DRAWS, BAND_VALUES = 200, 40_000_000  # bootstrap draws, and values drawn at most: a long span takes fewer draws
BAND_POINTS = 400  # bars at which the band stands
VALUE, CHANGES = "value_ahead", "all_bars"  # tests: of the value at the last bar ahead, and of the changes up to it
Comparison = dict[str, dict[str, dict[str, float] | None]]


def interval_of(
    statistic: Callable[..., Any], *samples: Array, draws: int, seed: int, block: float | None = None
) -> list[float] | None:
    """Return the 95 % percentile interval of a statistic whose periods might have come in another order.

    Args:
        statistic: of all samples, one number, such as `np.mean` of one.
        samples: each (T,), or (T, K), drawn together, period by period.
        draws: bootstrap draws.
        seed: of the bootstrap.
        block: mean length of a block, in periods; None for the longest that a column of the first sample asks for. 1
            where periods do not depend on one another.

    Returns:
        [low, high]; None for fewer than 20 periods, or where a column of the first sample does not vary.

    Source:
        Politis and Romano (1994), The stationary bootstrap, JASA 89(428); block length: Politis and White (2004).
    """
    first = samples[0]
    if len(first) < FEWEST or float(np.std(first, axis=0).min()) <= FLAT:
        return None
    length = max(map(block_length, np.ascontiguousarray(first.reshape(len(first), -1).T))) if block is None else block
    low, high = StationaryBootstrap(length, *samples, seed=seed).conf_int(statistic, draws, method="percentile")[:, 0]
    return [float(low), float(high)]


def mean_interval(
    values: Array, *, draws: int, seed: int, per: Array | None = None, block: float | None = None
) -> list[float] | None:
    """Return `interval_of` the mean of (T,) `values`, or of their sum per that of (T,) `per` over the same periods."""
    if per is None:
        return interval_of(np.mean, values, draws=draws, seed=seed, block=block)
    return interval_of(lambda above, below: above.sum() / below.sum(), values, per, draws=draws, seed=seed, block=block)


def interval_block(
    series: Mapping[str, tuple[Array, Array | None]], *, draws: int, seed: int, unit: str, block: float | None = None
) -> dict[str, Any]:
    """Return by name the `mean_interval` of values, per others where there are any; None with its reason.

    Args:
        series: per name (T,) values, and (T,) others, or None.
        draws: bootstrap draws.
        seed: of each bootstrap.
        unit: what the periods are, in words.
        block: as in `interval_of`.
    """
    drawn = partial(mean_interval, draws=draws, seed=seed, block=block)
    intervals: dict[str, Any] = {name: drawn(values, per=per) for name, (values, per) in series.items()}
    reasons = {
        f"{name}_reason": f"{len(series[name][0])} {unit} are too few or all alike; {FEWEST} are needed"
        for name, interval in intervals.items()
        if interval is None
    }
    return intervals | reasons


def equity_band(equity: Array, index: pd.DatetimeIndex, *, seed: int) -> pd.DataFrame:
    """Return how far luck alone spreads equity: its 2.5 and 97.5 % quantiles when bar returns come in another order.

    Args:
        equity: (T,) from an opening of 1 on.
        index: (T,) starts of the bars.
        seed: of the bootstrap, which is that of `interval_of`.

    Returns:
        Columns `low` and `high` at no more than 400 bars; empty for fewer than 20 bars, or an equity that never moved.
    """
    growth = np.diff(np.log(np.maximum(equity, 1e-12)))
    rows = np.unique(np.linspace(0, len(growth), min(BAND_POINTS, len(growth) + 1)).astype(int))
    band = _band(growth, rows, index[rows], seed=seed)
    return pd.DataFrame(np.exp(band.to_numpy(np.float64)), band.index, band.columns)


def profit_band(profits: pd.Series, *, seed: int) -> pd.DataFrame:
    """Return the same of the money earned so far, when the (D,) profits of days come in another order."""
    increments = profits.to_numpy(np.float64)
    return _band(increments, np.arange(1, len(increments) + 1), pd.DatetimeIndex(profits.index), seed=seed)


def _band(increments: Array, rows: NDArray[np.int64], index: pd.DatetimeIndex, *, seed: int) -> pd.DataFrame:
    """Quantiles of the sum of (T,) increments, in another order, before the periods `rows` in [0, T]."""
    if len(increments) < FEWEST or float(np.std(increments)) <= FLAT:
        return pd.DataFrame({"low": [], "high": []}, index=index[:0])
    draws = int(np.clip(BAND_VALUES // len(increments), 20, BAND_DRAWS))
    bootstrap = StationaryBootstrap(block_length(increments), increments, seed=seed)
    curves = [np.append(0.0, np.cumsum(shuffled))[rows] for (shuffled,), _ in bootstrap.bootstrap(draws)]
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    return pd.DataFrame({"low": low, "high": high}, index=index)


def inference_block(
    agent: Array, buy_and_hold: Array, errors: dict[str, Array], *, bars_per_year: float, draws: int, seed: int
) -> dict[str, Any]:
    """Judge a backtest's returns and a forecast's errors.

    Args:
        agent: (T,) simple returns of the agent on the test span.
        buy_and_hold: (T,) simple returns of holding the asset.
        errors: (N,) one-bar forecast errors by name; `model` stands for the trained network, `naive` for no change.
        bars_per_year: for annual figures.
        draws: bootstrap draws.
        seed: of the bootstraps.

    Returns:
        Part of the `honesty` of report.json, every uncomputable number None with a reason beside it.
    """
    annual = float(np.sqrt(bars_per_year))

    def sharpe(sample: Array) -> float:
        deviation = float(np.std(sample, ddof=1))
        return float(np.mean(sample)) / deviation * annual if deviation > 0.0 else 0.0

    def lead(sample: Array) -> float:
        deviation = np.std(sample, axis=0, ddof=1)
        ratio = np.divide(sample.mean(axis=0), deviation, out=np.zeros(2), where=deviation > 0.0)
        return float(ratio[0] - ratio[1]) * annual

    both = np.column_stack([agent, buy_and_hold])
    return {
        **number_or_reason(
            "sharpe_ci95",
            interval_of(sharpe, agent, draws=draws, seed=seed),
            _few(agent) or "the agent's bar returns have no variance",
        ),
        **number_or_reason(
            "spa_p_value",
            _spa(agent, buy_and_hold, draws=draws, seed=seed),
            "the agent held what buy-and-hold held",
        ),
        **number_or_reason(
            "diebold_mariano",
            _diebold_mariano(errors["model"] ** 2, errors["naive"] ** 2, 1),
            _few(errors["model"]) or "the model's errors equal the naive ones",
        ),
        **number_or_reason(
            "sharpe_lead_ci95",
            interval_of(lead, both, draws=draws, seed=seed),
            _few(agent) or "the agent's or the asset's bar returns have no variance",
        ),
    }


def compare_forecasts(errors: dict[str, Array], model: str) -> Comparison:
    """Test the model's forecasts against each rival's, by Diebold and Mariano.

    Args:
        errors: (N, H) truth - forecast, by name.
        model: the name of the trained network.

    Returns:
        Per rival three tests of equal squared error: of the `next_bar`; of `all_bars`, the mean over the H bars ahead;
        and of the `value_ahead`, H bars ahead, whose error is the sum of its bars'. Negative: the model is the better
        one. None where the two do not differ or forecasts are too few.
    """
    horizon = errors[model].shape[1]

    def losses(name: str) -> dict[str, tuple[Array, int]]:
        error = errors[name]
        return {
            "next_bar": (error[:, 0] ** 2, 1),
            "all_bars": (np.asarray((error**2).mean(axis=1)), horizon),
            "value_ahead": (np.asarray(error.sum(axis=1) ** 2), horizon),
        }

    ours = losses(model)
    return {
        rival: {test: _diebold_mariano(ours[test][0], loss, ahead) for test, (loss, ahead) in losses(rival).items()}
        for rival in errors
        if rival != model
    }


def rival_verdicts(comparison: Comparison) -> dict[str, str]:
    """Say of each rival in words whether the model beats it in the value at the last bar ahead, beyond luck."""
    return {rival: f"{_outcome(tests[VALUE])} {_plain(rival, tests[VALUE])}" for rival, tests in comparison.items()}


def forecast_verdict(comparison: Comparison, model: str, horizon: int) -> str:
    """Say whom the model beats, beyond luck, and whom not: in the value at the last bar ahead, and bar by bar."""
    value = f"in the value {ahead_words(horizon)} the {model} {_outcomes(comparison, VALUE)}"
    if horizon == 1:
        return f"{value} (Diebold-Mariano)"
    return f"{value}; in the changes of these bars, one by one, it {_outcomes(comparison, CHANGES)} (Diebold-Mariano)"


def ahead_words(horizon: int) -> str:
    """Say how far ahead the last bar of a forecast lies."""
    return "of the next bar" if horizon == 1 else f"{horizon} bars ahead"


def _outcomes(comparison: Comparison, test: str) -> str:
    outcomes: dict[str, list[str]] = {"beats": [], "does not beat": [], "loses to": []}
    for rival, tests in comparison.items():
        outcomes[_outcome(tests[test])].append(_plain(rival, tests[test]))
    return ", and ".join(f"{outcome} {', '.join(rivals)}" for outcome, rivals in outcomes.items() if rivals)


def _outcome(test: dict[str, float] | None) -> str:
    if test is None or test["p_value"] >= CERTAIN:
        return "does not beat"
    return "beats" if test["statistic"] < 0.0 else "loses to"


def _plain(rival: str, test: dict[str, float] | None) -> str:
    name = rival.replace("_", " ")
    if test is None:
        return name
    chance = test["p_value"]
    return f"{name} (p = {chance:.2g})" if chance >= TINY else f"{name} (p < {TINY:g})"


def _spa(agent: Array, benchmark: Array, *, draws: int, seed: int) -> float | None:
    """P-value of Hansen's (2005) test for superior predictive ability: the agent earns no more than buy-and-hold."""
    if len(agent) < FEWEST or float(np.std(agent - benchmark)) <= FLAT:
        return None
    return superior_ability([agent - benchmark], draws=draws, seed=seed)


def _diebold_mariano(model: Array, rival: Array, horizon: int) -> dict[str, float] | None:
    """Diebold-Mariano (1995) test of equal loss (N,), H bars ahead; negative: the model is the better one."""
    if len(model) < max(FEWEST, 2 * horizon) or float(np.std(model - rival)) <= 1e-18:
        return None
    result = diebold_mariano_test(
        np.zeros_like(model), np.sqrt(model), np.sqrt(rival), horizon=horizon, harvey_adj=True
    )
    return {"statistic": float(result.statistic), "p_value": float(result.pvalue)}


def _few(series: Array) -> str:
    return f"{len(series)} bars are too few; {FEWEST} are needed" if len(series) < FEWEST else ""
