"""The log of trials: every agent that was judged on test rows, whatever its options, its seed or its run's name.

One line of `runs/trials.jsonl` a judgement, and beside it the increments in `runs/trials/`. The same request on the
same data is one trial, however often it is repeated. Must not know what the agent did.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.files import flush
from tradewinds.evaluation.overfitting import bar_sharpe, deflated_sharpe, overfitting_probability, probabilistic_sharpe
from tradewinds.evaluation.reasons import FEWEST, number_or_reason
from tradewinds.evaluation.seed_statistics import seed_summary

Array = NDArray[np.float64]
LOG, RETURNS = "trials.jsonl", "trials"
FEWEST_TRIALS, BLOCKS = 8, (16, 8)  # trials on the same bars below which there is no PBO; blocks it halves, by length


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One agent, judged once.

    Attributes:
        key: what was asked of which data; the same again is the same trial.
        family: the same, but for the seed.
        series: name, instruments and bar length of the series, and by what law it was acted on.
        first: first test bar, ISO 8601.
        last: last test bar.
        bars: test bars, or longer periods of the test, such as days.
        seed: of the run.
        sharpe: annual Sharpe ratio of the increments; 0 where they do not vary.
        bars_per_year: by which it was annualised.
        run: folder of the run, for a person.
        at: when, ISO 8601.
    """

    key: str
    family: str
    series: str
    first: str
    last: str
    bars: int
    seed: int
    sharpe: float
    bars_per_year: float
    run: str
    at: str


def judged_trial(
    increments: pd.Series,
    *,
    series: str,
    data_sha256: str,
    first: str,
    last: str,
    periods: int,
    periods_per_year: float,
    config: Mapping[str, Any],
    seed: int,
    run: Path,
) -> Trial:
    """Return the trial that a judgement is; nothing is written.

    Args:
        increments: (T,) of the agent's result over the periods of its index: simple returns of bars, or leads in
            profit of days over the strongest rule without a network.
        series: identity of the series, and by what law it was acted on; only trials of one identity are compared.
        data_sha256: of the series.
        first: first test bar, ISO 8601.
        last: last test bar.
        periods: of the test; one more than the increments where those lie between two periods.
        periods_per_year: for the annual Sharpe ratio.
        config: every setting that decides the numbers, plain, the seed among them as `seed`.
        seed: of the run.
        run: the run's folder.
    """
    span, unseeded = [data_sha256, first, last], {name: value for name, value in config.items() if name != "seed"}
    return Trial(
        key=_digest([config, *span]),
        family=_digest([unseeded, *span]),
        series=series,
        first=first,
        last=last,
        bars=periods,
        seed=seed,
        sharpe=bar_sharpe(increments.to_numpy(np.float64)) * float(np.sqrt(periods_per_year)),
        bars_per_year=periods_per_year,
        run=str(run),
        at=datetime.now(UTC).isoformat(),
    )


def log_trial(trial: Trial, increments: pd.Series, runs: Path) -> None:
    """Write a trial down, its increments once, under the folder of all runs."""
    table = runs / RETURNS / f"{trial.key}.parquet"
    if not table.exists():
        table.parent.mkdir(parents=True, exist_ok=True)
        partial = table.with_name(f".{table.name}-{Path(trial.run).name}")
        increments.to_frame("return").to_parquet(partial)
        flush(partial)
        partial.replace(table)
    with (runs / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(dataclasses.asdict(trial), sort_keys=True) + "\n")


def rivals(runs: Path, trial: Trial) -> list[Trial]:
    """Return all trials of the same series whose test rows overlap with this one's, it among them, oldest first."""
    overlapping: dict[str, Trial] = {}
    for line in (runs / LOG).read_text(encoding="utf-8").splitlines():
        try:
            other = Trial(**json.loads(line))
        except (ValueError, TypeError):  # a line that a killed run left half-written
            continue
        if other.series == trial.series and other.first <= trial.last and trial.first <= other.last:
            overlapping.setdefault(other.key, other)
    return list(overlapping.values())


def trial_block(trial: Trial, increments: pd.Series, runs: Path) -> dict[str, Any]:
    """Log a trial, and judge its increments by all there were: the part of `honesty` that counts trials.

    Args:
        trial: of `judged_trial`.
        increments: as there.
        runs: the folder of all runs.
    """
    log_trial(trial, increments, runs)
    others, returns = rivals(runs, trial), increments.to_numpy(np.float64)
    ratios = np.array([other.sharpe / np.sqrt(other.bars_per_year) for other in others])
    silent = f"the agent's bar returns have no variance, or are fewer than {FEWEST}"
    block: dict[str, Any] = {"trials": len(others)}
    block |= number_or_reason("probabilistic_sharpe", probabilistic_sharpe(returns), silent)
    block |= number_or_reason("deflated_sharpe", deflated_sharpe(returns, ratios), silent)
    block |= _overfitting(runs, [other for other in others if (other.first, other.last) == (trial.first, trial.last)])
    family = sorted((other for other in others if other.family == trial.family), key=lambda other: other.seed)
    block["sharpe_by_seed"] = seed_summary([other.seed for other in family], [other.sharpe for other in family])
    return block


def _overfitting(runs: Path, trials: list[Trial]) -> dict[str, Any]:
    columns = [column for trial in trials if (column := _increments(runs, trial)) is not None]
    lengths = {len(column) for column in columns}
    if len(columns) < FEWEST_TRIALS or len(lengths) > 1:
        reason = f"{len(columns)} trials on these test rows; {FEWEST_TRIALS} are needed (seeds count)"
        return number_or_reason("pbo", None, reason)
    blocks = next((count for count in BLOCKS if min(lengths) >= 10 * count), None)
    if blocks is None:
        return number_or_reason("pbo", None, f"{min(lengths)} bars are too few; {10 * BLOCKS[-1]} are needed")
    return {"pbo": overfitting_probability(np.column_stack(columns), blocks)}


def _increments(runs: Path, trial: Trial) -> Array | None:
    try:
        return pd.read_parquet(runs / RETURNS / f"{trial.key}.parquet")["return"].to_numpy(np.float64)
    except (OSError, ValueError, KeyError):
        return None


def _digest(plain: list[Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]
