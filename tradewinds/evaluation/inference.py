"""How far the numbers of a backtest or a forecast can be believed. Definitions and references: docs/metrics.md, 3."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from arch.bootstrap import SPA, StationaryBootstrap, optimal_block_length
from numpy.typing import NDArray
from statsmodels.tsa.stattools import diebold_mariano_test

Array = NDArray[np.float64]
FEWEST = 20  # bars below which no interval or test is attempted
CERTAIN = 0.05  # p-value below which a difference counts as more than luck
TINY = 1e-15  # p-value below which no digit of a normal distribution's tail is worth telling
Comparison = dict[str, dict[str, dict[str, float] | None]]


def honesty_block(
    agent: Array, buy_and_hold: Array, errors: dict[str, Array], *, bars_per_year: float, draws: int, seed: int
) -> dict[str, Any]:
    """Judge a backtest's returns and a forecast's errors.

    Args:
        agent: (T,) simple returns of the agent on the test span.
        buy_and_hold: (T,) simple returns of holding the asset.
        errors: (N,) one-bar forecast errors by name; `lstm` stands for the trained network, `naive` for no change.
        bars_per_year: for annual figures.
        draws: bootstrap draws.
        seed: of the bootstraps, and recorded as the run's only seed by the caller.

    Returns:
        The `honesty` block of report.json, every uncomputable number None with a reason beside it.
    """
    block: dict[str, Any] = {}
    interval = _sharpe_interval(agent, bars_per_year=bars_per_year, draws=draws, seed=seed)
    _put(block, "sharpe_ci95", interval, _few(agent) or "the agent's bar returns have no variance")
    _put(
        block, "spa_p_value", _spa(agent, buy_and_hold, draws=draws, seed=seed), "the agent held what buy-and-hold held"
    )
    comparison = _diebold_mariano(errors["model"] ** 2, errors["naive"] ** 2, 1)
    _put(block, "diebold_mariano", comparison, _few(errors["model"]) or "the model's errors equal the naive ones")
    lead = _sharpe_lead_interval(agent, buy_and_hold, bars_per_year=bars_per_year, draws=draws, seed=seed)
    _put(block, "sharpe_lead_ci95", lead, _few(agent) or "the agent's or the asset's bar returns have no variance")
    return block


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
        rival: {what: _diebold_mariano(ours[what][0], loss, ahead) for what, (loss, ahead) in losses(rival).items()}
        for rival in errors
        if rival != model
    }


def rival_verdicts(comparison: Comparison) -> dict[str, str]:
    """Say of each rival in words whether the model beats it over all bars ahead, beyond luck."""
    return {rival: f"{_outcome(tests['all_bars'])} {_plain(rival, tests)}" for rival, tests in comparison.items()}


def forecast_verdict(comparison: Comparison, model: str, horizon: int) -> str:
    """Say in one sentence whom the model beats over all bars ahead, beyond luck, and whom not."""
    kinds: dict[str, list[str]] = {"beats": [], "does not beat": [], "loses to": []}
    for rival, tests in comparison.items():
        kinds[_outcome(tests["all_bars"])].append(_plain(rival, tests))
    said = "; ".join(f"{word} {', '.join(rivals)}" for word, rivals in kinds.items() if rivals)
    ahead = "the next bar" if horizon == 1 else f"the next {horizon} bars"
    return f"over {ahead} the {model} {said} (Diebold-Mariano)"


def _outcome(test: dict[str, float] | None) -> str:
    if test is None or test["p_value"] >= CERTAIN:
        return "does not beat"
    return "beats" if test["statistic"] < 0.0 else "loses to"


def _plain(rival: str, tests: dict[str, dict[str, float] | None]) -> str:
    test, name = tests["all_bars"], rival.replace("_", " ")
    if test is None:
        return name
    chance = test["p_value"]
    return f"{name} (p = {chance:.2g})" if chance >= TINY else f"{name} (p < {TINY:g})"


def _sharpe_lead_interval(
    agent: Array, benchmark: Array, *, bars_per_year: float, draws: int, seed: int
) -> list[float] | None:
    """95 % percentile interval of the agent's annual Sharpe ratio less buy-and-hold's, drawn from the same bars."""
    both = np.column_stack([agent, benchmark])
    if len(both) < FEWEST or float(np.std(both, axis=0).min()) <= 1e-12:
        return None

    def lead(sample: Array) -> float:
        deviation = np.std(sample, axis=0, ddof=1)
        ratio = np.divide(sample.mean(axis=0), deviation, out=np.zeros(2), where=deviation > 0.0)
        return float(ratio[0] - ratio[1]) * float(np.sqrt(bars_per_year))

    block = max(_block(agent), _block(benchmark))
    low, high = StationaryBootstrap(block, both, seed=seed).conf_int(lead, draws, method="percentile")[:, 0]
    return [float(low), float(high)]


def _sharpe_interval(returns: Array, *, bars_per_year: float, draws: int, seed: int) -> list[float] | None:
    """95 % percentile interval of the annual Sharpe ratio by the stationary bootstrap (Politis and Romano 1994)."""
    if len(returns) < FEWEST or float(np.std(returns)) <= 1e-12:
        return None

    def sharpe(sample: Array) -> float:
        deviation = float(np.std(sample, ddof=1))
        return float(np.mean(sample)) / deviation * float(np.sqrt(bars_per_year)) if deviation > 0.0 else 0.0

    bootstrap = StationaryBootstrap(_block(returns), returns, seed=seed)
    low, high = bootstrap.conf_int(sharpe, draws, method="percentile")[:, 0]
    return [float(low), float(high)]


def _spa(agent: Array, benchmark: Array, *, draws: int, seed: int) -> float | None:
    """P-value of Hansen's (2005) test for superior predictive ability: the agent earns no more than buy-and-hold."""
    if len(agent) < FEWEST or float(np.std(agent - benchmark)) <= 1e-12:
        return None
    test = SPA(-benchmark, -agent[:, None], block_size=int(np.ceil(_block(agent - benchmark))), reps=draws, seed=seed)
    test.compute()
    return float(test.pvalues["consistent"])


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


def _block(series: Array) -> float:
    return max(float(optimal_block_length(series)["stationary"].iloc[0]), 1.0)


def _put(block: dict[str, Any], name: str, value: Any, reason: str) -> None:
    block[name] = value
    if value is None:
        block[f"{name}_reason"] = reason


def interval_block(
    series: Mapping[str, tuple[Array, Array | None]], *, draws: int, seed: int, unit: str, block: float | None = None
) -> dict[str, Any]:
    """Return by name the 95 % interval of a mean, or of a sum per another's on the same periods; None with its reason.

    Args:
        series: per name (P,) numbers, and (P,) others whose sum divides theirs, or None.
        draws: bootstrap draws.
        seed: of the bootstrap.
        unit: what the periods are, in words.
        block: mean length of a bootstrap block; None estimates it.
    """
    found: dict[str, Any] = {}
    for name, (values, per) in series.items():
        found[name] = mean_interval(values, per=per, draws=draws, seed=seed, block=block)
    reasons = {
        f"{name}_reason": f"{len(series[name][0])} {unit} are too few or all alike; {FEWEST} are needed"
        for name, interval in found.items()
        if interval is None
    }
    return found | reasons


def mean_interval(
    values: Array, *, draws: int, seed: int, per: Array | None = None, block: float | None = None
) -> list[float] | None:
    """Return the 95 % percentile interval of the mean of (P,) `values`, or of their sum per that of `per`.

    Source:
        Stationary bootstrap (Politis and Romano 1994).
    """
    if len(values) < FEWEST or float(np.std(values)) <= 1e-12:
        return None
    length = _block(values) if block is None else block
    whole = np.ones(len(values)) if per is None else per
    drawn = StationaryBootstrap(length, values, whole, seed=seed)
    low, high = drawn.conf_int(lambda above, below: above.sum() / below.sum(), draws, method="percentile")[:, 0]
    return [float(low), float(high)]
