"""The log of trials: every agent that was judged on test rows, whatever its options, its seed or its run's name.

One line of `runs/trials.jsonl` a judgement, and beside it the bar returns in `runs/trials/`. The same request on the
same data is one trial, however often it is repeated.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.files import flush
from tradewinds.evaluation.overfitting import bar_sharpe, deflated_sharpe, overfitting_probability, probabilistic_sharpe
from tradewinds.evaluation.seed_statistics import seed_summary
from tradewinds.pipeline.prepare import Prepared

Array = NDArray[np.float64]
LOG, RETURNS = "trials.jsonl", "trials"
DAYS_PER_YEAR = 365.25  # of a storage unit, which works every day
FEWEST_TRIALS, BLOCKS = 8, (16, 8)  # trials on the same bars below which there is no PBO; blocks it halves, by length


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One agent, judged once.

    Attributes:
        key: what was asked of which data; the same again is the same trial.
        family: the same, but for the seed.
        series: name, instruments and bar length of the series.
        first: first test bar, ISO 8601.
        last: last test bar.
        bars: test bars; of a storage unit days.
        seed: of the run.
        sharpe: annual Sharpe ratio; of a storage unit's daily lead mean / deviation; 0 where they do not vary.
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


def log_trial(
    prepared: Prepared, returns: Array, run: Path, *, way: str = "", days: pd.DatetimeIndex | None = None
) -> Trial:
    """Write a trial down, once, and return it.

    Args:
        prepared: the request with its data.
        returns: (T - 1,) simple returns of the agent on the test rows; of a storage unit (D,) leads in profit of
            the days, over the strongest rule without a network.
        run: the run's folder.
        way: how the models were fitted, where it is not once, before the test rows.
        days: (D,) the days, where it is a storage unit.
    """
    runs, index = Path(prepared.config.run.dir), prepared.series.index
    test, stores = prepared.split.test, days is not None
    per_year = DAYS_PER_YEAR if stores else prepared.series.bars_per_year
    plain = prepared.config.deciding() | ({"way": way} if way else {})
    span = [prepared.inputs["sha256"], index[test.start].isoformat(), index[test.stop - 1].isoformat()]
    trial = Trial(
        key=_digest([plain, *span]),
        family=_digest([{name: value for name, value in plain.items() if name != "seed"}, *span]),
        series=str(prepared.inputs["series"]) + (", stored" if stores else ""),
        first=span[1],
        last=span[2],
        bars=len(returns) if stores else len(test),
        seed=prepared.config.seed,
        sharpe=bar_sharpe(returns) * float(np.sqrt(per_year)),
        bars_per_year=per_year,
        run=str(run),
        at=datetime.now(UTC).isoformat(),
    )
    table = runs / RETURNS / f"{trial.key}.parquet"
    if not table.exists():
        table.parent.mkdir(parents=True, exist_ok=True)
        partial = table.with_name(f".{table.name}-{run.name}")
        pd.DataFrame({"return": returns}, index=index[test.start + 1 : test.stop] if days is None else days).to_parquet(
            partial
        )
        flush(partial)
        partial.replace(table)
    with (runs / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(dataclasses.asdict(trial), sort_keys=True) + "\n")
    return trial


def rivals(runs: Path, trial: Trial) -> list[Trial]:
    """Return all trials of the same series whose test rows overlap with this one's, it among them, oldest first."""
    found: dict[str, Trial] = {}
    for line in (runs / LOG).read_text(encoding="utf-8").splitlines():
        try:
            other = Trial(**json.loads(line))
        except (ValueError, TypeError):  # a line that a killed run left half-written
            continue
        if other.series == trial.series and other.first <= trial.last and trial.first <= other.last:
            found.setdefault(other.key, other)
    return list(found.values())


def trial_block(
    prepared: Prepared, returns: Array, run: Path, *, way: str = "", days: pd.DatetimeIndex | None = None
) -> dict[str, Any]:
    """Log a trial, and judge its returns by all there were: the part of `honesty` that counts trials.

    Args:
        prepared: the request with its data.
        returns: as in `log_trial`.
        run: the run's folder.
        way: as in `log_trial`.
        days: as in `log_trial`.
    """
    trial, runs = log_trial(prepared, returns, run, way=way, days=days), Path(prepared.config.run.dir)
    others = rivals(runs, trial)
    ratios = np.array([other.sharpe / np.sqrt(other.bars_per_year) for other in others])
    silent = "the agent's bar returns have no variance, or are fewer than 20"
    block: dict[str, Any] = {"trials": len(others)}
    for name, value in (
        ("probabilistic_sharpe", probabilistic_sharpe(returns)),
        ("deflated_sharpe", deflated_sharpe(returns, ratios)),
    ):
        block |= {name: value} if value is not None else {name: None, f"{name}_reason": silent}
    block |= _overfitting(runs, [other for other in others if (other.first, other.last) == (trial.first, trial.last)])
    family = sorted((other for other in others if other.family == trial.family), key=lambda other: other.seed)
    block["sharpe_by_seed"] = seed_summary([other.seed for other in family], [other.sharpe for other in family])
    return block


def _overfitting(runs: Path, trials: list[Trial]) -> dict[str, Any]:
    columns = [_returns(runs, trial) for trial in trials]
    whole = [column for column in columns if column is not None]
    lengths = {len(column) for column in whole}
    if len(whole) < FEWEST_TRIALS or len(lengths) > 1:
        return {
            "pbo": None,
            "pbo_reason": f"{len(whole)} trials on these test rows; {FEWEST_TRIALS} are needed (seeds count)",
        }
    blocks = next((count for count in BLOCKS if min(lengths) >= 10 * count), None)
    if blocks is None:
        return {"pbo": None, "pbo_reason": f"{min(lengths)} bars are too few; {10 * BLOCKS[-1]} are needed"}
    return {"pbo": overfitting_probability(np.column_stack(whole), blocks)}


def _returns(runs: Path, trial: Trial) -> Array | None:
    try:
        return pd.read_parquet(runs / RETURNS / f"{trial.key}.parquet")["return"].to_numpy(np.float64)
    except (OSError, ValueError, KeyError):
        return None


def _digest(plain: list[Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]
