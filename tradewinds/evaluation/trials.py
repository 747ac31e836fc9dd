"""The log of trials: every agent that was judged on test rows, whatever its options, its seed or its file's name.

One line of `runs/trials.jsonl` a judgement, or a trial of a search on validation rows; beside it the increments in
`runs/trials/` and the marks of its test rows (`row_marks`), by which trials on the same data are known. The same
request on the same data is one trial, however often it is repeated; an opening of the rows that led to no judgement is
one, too. Must not know what the agent did.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tradewinds.core.files import append_line, flush
from tradewinds.data.row_marks import overlapping
from tradewinds.evaluation.overfitting import bar_sharpe, deflated_sharpe, overfitting_probability, probabilistic_sharpe
from tradewinds.evaluation.reasons import FEWEST, number_or_reason
from tradewinds.evaluation.seed_statistics import seed_summary

Array = NDArray[np.float64]
LOG, RETURNS, OPENINGS = "trials.jsonl", "trials", "test_openings.jsonl"
STORED = ", stored"  # how lines that know no way of acting name the series of a storage unit
FEWEST_TRIALS, BLOCKS = 8, (16, 8)  # trials on the same bars below which there is no PBO; blocks it halves, by length


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One agent, judged once.

    Attributes:
        key: what was asked of which data; the same again is the same trial.
        family: the same, but for the seed.
        series: name, instruments and bar length of the series, for a person.
        first: first test bar, ISO 8601.
        last: last test bar.
        bars: test bars, or longer periods of the test, such as days.
        seed: of the run.
        sharpe: annual Sharpe ratio of the increments; 0 where they do not vary.
        bars_per_year: by which it was annualised.
        run: folder of the run, for a person.
        at: when, ISO 8601.
        way: of acting, a task's kind: only Sharpe ratios of one way are compared.
        rows: digest of the marks of the test rows; empty in lines that were written before there were marks, which are
            known by `series`, `first` and `last`.
        part: `validation` of what a search tried, whose ratio is of validation rows and which may be judged yet; else
            empty.
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
    way: str = ""
    rows: str = ""
    part: str = ""


def judged_trial(
    increments: pd.Series,
    *,
    series: str,
    way: str,
    rows: str,
    data_sha256: str,
    first: str,
    last: str,
    periods: int,
    periods_per_year: float,
    config: Mapping[str, Any],
    seed: int,
    run: Path,
    part: str = "",
) -> Trial:
    """Return the trial that a judgement is; nothing is written.

    Args:
        increments: (T,) of the agent's result over the periods of its index: simple returns of bars, or leads in
            profit of days over the strongest rule without a network.
        series: its name, for a person.
        way: of acting; only Sharpe ratios of one way are compared.
        rows: digest of the marks of the test rows.
        data_sha256: of the series.
        first: first test bar, ISO 8601.
        last: last test bar.
        periods: of the test; one more than the increments where those lie between two periods.
        periods_per_year: for the annual Sharpe ratio.
        config: every setting that decides the numbers, plain, the seed among them as `seed`.
        seed: of the run.
        run: the run's folder.
        part: `validation` where the increments are of those rows, and not of the test's.
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
        way=way,
        rows=rows,
        part=part,
    )


def log_trial(trial: Trial, increments: pd.Series, runs: Path) -> None:
    """Write a trial down, its increments once, under the folder of all runs."""
    table = _table(runs, trial)
    if not table.exists():
        table.parent.mkdir(parents=True, exist_ok=True)
        partial = table.with_name(f".{table.name}-{Path(trial.run).name}")
        try:
            increments.to_frame("return").to_parquet(partial)
            flush(partial)
            partial.replace(table)
        finally:
            partial.unlink(missing_ok=True)
    append_line(runs / LOG, json.dumps(dataclasses.asdict(trial), sort_keys=True))


def rivals(runs: Path, trial: Trial) -> list[Trial]:
    """Return all trials whose test rows are partly this one's, whatever was done on them, it among them, oldest first.

    A line without marks is a rival if series and dates say so.
    """
    lines = [_trial(record) for record in _records(runs / LOG)]
    trials = [other for other in lines if other is not None]
    shared = overlapping(runs, trial.rows, {other.rows for other in trials if other.rows})
    found: dict[str, Trial] = {}
    for other in trials:
        dated = other.first <= trial.last and trial.first <= other.last
        known = other.rows in shared if other.rows and trial.rows else other.series == trial.series and dated
        if known and (other.key not in found or found[other.key].part):  # what was tried and then judged is one trial
            found[other.key] = other
    return list(found.values())


def unjudged_openings(runs: Path, rows: str, judged: Mapping[str, int]) -> int:
    """Count the openings of test rows that no judgement accounts for: each was a look, and a look is a trial.

    The same request again is no other trial, so each counts by the run of its own that opened most; one opening of a
    run is accounted for where its request was judged, by this run or another.

    Args:
        runs: the folder of all runs.
        rows: digest of the test rows; only openings that share some of them count, by their field `rows`.
        judged: per run id, how many trials it is behind.
    """
    records = [record for file in sorted(runs.glob(f"*/{OPENINGS}")) for record in _records(file)]
    shared = overlapping(runs, rows, {str(record["rows"]) for record in records if record.get("rows")})
    opened: Counter[tuple[str, str]] = Counter(
        (str(record.get("config_hash")), str(record.get("run"))) for record in records if record.get("rows") in shared
    )
    told = {request for request, run in opened if run in judged}
    more: dict[str, int] = {}
    for (request, run), count in opened.items():
        accounted = max(judged.get(run, 0), int(request in told))
        more[request] = max(more.get(request, 0), count - accounted)
    return sum(more.values())


def trial_block(trial: Trial, increments: pd.Series, runs: Path) -> dict[str, Any]:
    """Log a trial, and judge its increments by all there were: the part of `honesty` that counts trials.

    Args:
        trial: of `judged_trial`.
        increments: as there.
        runs: the folder of all runs.
    """
    log_trial(trial, increments, runs)
    others, returns = rivals(runs, trial), increments.to_numpy(np.float64)
    count = len(others) + unjudged_openings(runs, trial.rows, _judged(runs))
    alike = [other for other in others if other.way == trial.way]
    ratios = np.array([other.sharpe / np.sqrt(other.bars_per_year) for other in alike])
    silent = f"the agent's bar returns have no variance, or are fewer than {FEWEST}"
    block: dict[str, Any] = {"trials": count}
    block |= number_or_reason("probabilistic_sharpe", probabilistic_sharpe(returns), silent)
    block |= number_or_reason("deflated_sharpe", deflated_sharpe(returns, ratios, count), silent)
    block |= _overfitting(runs, [other for other in alike if _same_rows(other, trial)])
    tested = [other for other in alike if not other.part]
    family = sorted((other for other in tested if other.family == trial.family), key=lambda other: other.seed)
    block["sharpe_by_seed"] = seed_summary([other.seed for other in family], [other.sharpe for other in family])
    return block


def opening_block(rows: str, runs: Path) -> dict[str, Any]:
    """Return the part of `honesty` that counts trials where nobody acts: how often these rows were looked at."""
    return {"trials": unjudged_openings(runs, rows, {})}


def _same_rows(one: Trial, other: Trial) -> bool:
    if one.rows and other.rows:
        return one.rows == other.rows
    return (one.first, one.last) == (other.first, other.last)


def _overfitting(runs: Path, trials: list[Trial]) -> dict[str, Any]:
    """Return how often the best of one half of the bars disappoints in the other, among those tried on the same bars.

    Where a search tried more settings on validation rows than were judged on test rows, the choice was made there.
    """
    searched = [trial for trial in trials if trial.part]
    trials = max([trial for trial in trials if not trial.part], searched, key=len)
    columns = [column for trial in trials if (column := _increments(runs, trial)) is not None]
    lengths = {len(column) for column in columns}
    if len(columns) < FEWEST_TRIALS or len(lengths) > 1:
        reason = f"{len(columns)} trials on these test rows; {FEWEST_TRIALS} are needed (seeds count)"
        return number_or_reason("pbo", None, reason)
    blocks = next((count for count in BLOCKS if min(lengths) >= 10 * count), None)
    if blocks is None:
        return number_or_reason("pbo", None, f"{min(lengths)} bars are too few; {10 * BLOCKS[-1]} are needed")
    return {"pbo": overfitting_probability(np.column_stack(columns), blocks)}


def _records(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that a killed run left half-written is passed over."""
    records = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def _trial(record: Mapping[str, Any]) -> Trial | None:
    """Return a line of the log as a trial; of one that knows no way of acting its series says which it was."""
    try:
        trial = Trial(**record)
    except TypeError:
        return None
    if trial.way:
        return trial
    way = "storage" if trial.series.endswith(STORED) else "account"
    return dataclasses.replace(trial, way=way, series=trial.series.removesuffix(STORED))


def _judged(runs: Path) -> dict[str, int]:
    """Return by run id how many trials it is behind."""
    return Counter(Path(str(record.get("run"))).name for record in _records(runs / LOG))


def _table(runs: Path, trial: Trial) -> Path:
    return runs / RETURNS / f"{trial.key}{'-' if trial.part else ''}{trial.part}.parquet"


def _increments(runs: Path, trial: Trial) -> Array | None:
    try:
        return pd.read_parquet(_table(runs, trial))["return"].to_numpy(np.float64)
    except (OSError, ValueError, KeyError):
        return None


def _digest(plain: list[Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]
