"""One request, several seeds: what its Sharpe ratio is in the middle, and how far luck of the seeds moves that.

Formulas: docs/metrics.md, section 3. Source: Agarwal et al. (2021), Deep reinforcement learning at the edge of the
statistical precipice, sections 4.1 and 4.3.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
FEWEST, DRAWS = 3, 10_000  # seeds below which there is no interval; draws of the bootstrap


def interquartile_mean(values: Array) -> Array:
    """Return (...) means of the middle half of (..., n) values, with fractions of the values at its ends."""
    edges = np.linspace(0.0, 1.0, values.shape[-1] + 1)
    share = np.clip(np.minimum(edges[1:], 0.75) - np.maximum(edges[:-1], 0.25), 0.0, None)
    means: Array = np.sort(values, axis=-1) @ (share / share.sum())
    return means


def seed_summary(seeds: list[int], sharpes: list[float]) -> dict[str, Any]:
    """Return median, worst, interquartile mean and its 95 % interval of one request's Sharpe ratios over its seeds.

    The interval is the percentile interval of the bootstrap over seeds, stratified by task; a request on one span of
    bars is one task. The same seeds always give the same interval.
    """
    values = np.array(sharpes)
    summary: dict[str, Any] = {
        "seeds": seeds,
        "median": float(np.median(values)),
        "worst": float(values.min()),
        "interquartile_mean": float(interquartile_mean(values)),
        "interquartile_mean_ci95": None,
    }
    if len(values) < FEWEST:
        count = f"{len(values)} {'seed' if len(values) == 1 else 'seeds'}"
        return summary | {"interquartile_mean_ci95_reason": f"{count}; {FEWEST} are needed, 10 or more are better"}
    drawn = np.random.default_rng(0).choice(np.sort(values), (DRAWS, len(values)))
    summary["interquartile_mean_ci95"] = np.percentile(interquartile_mean(drawn), [2.5, 97.5]).tolist()
    return summary


def seed_line(summary: dict[str, Any], measure: str = "agent's Sharpe") -> str:
    """Tell a summary of `measure` in one line."""
    interval = summary["interquartile_mean_ci95"]
    within = (
        f"no interval ({summary['interquartile_mean_ci95_reason']})"
        if interval is None
        else f"95 % interval {interval[0]:.2f} to {interval[1]:.2f}"
    )
    return (
        f"{measure} over {len(summary['seeds'])} seeds: interquartile mean {summary['interquartile_mean']:.2f}, "
        f"{within}; median {summary['median']:.2f}, worst {summary['worst']:.2f}"
    )
