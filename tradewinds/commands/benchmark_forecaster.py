"""`tradewinds benchmark-forecaster`: the segment LSTM by the long-horizon papers' protocol, on a file of yours."""

import resource
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecaster.benchmark.config import BenchmarkConfig
from forecaster.benchmark.published import published
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_json
from tradewinds.data.readers.benchmark_file import read_columns
from tradewinds.pipeline.artifact import new_run_id, writing
from tradewinds.pipeline.prepare import seed_for
from tradewinds.request.schema import Config

if TYPE_CHECKING:  # they load torch, and a request is refused before that
    from forecaster.benchmark.protocol import LongSeries, Score
    from forecaster.benchmark.run import HorizonResult

KIND = "benchmark"


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train and score the networks of every horizon, one after another, and write the scores."""
    settings = config.benchmark
    if settings.path is None:
        raise RequestError("benchmark.path is required; give benchmark.path=FILE, a CSV of a time and numeric columns")
    path = Path(settings.path)
    columns = read_columns(path)
    from forecaster.benchmark.run import run_horizon

    series = _checked(columns.values, settings)
    console.note(f"{path.name}: {len(columns.values)} rows, {len(columns.names)} columns, split {settings.split}")
    results = {}
    for horizon in settings.horizons:
        with console.progress(f"horizon {horizon}") as progress:
            result = run_horizon(series, settings, horizon, seed=seed_for(config.seed, KIND), progress=progress)
        results[str(horizon)] = {**asdict(result), "peak_memory_mb": peak_memory_mb()}
        for line in lines_of(result, path.name):
            console.result(line)
    folder = Path(config.run.dir) / (config.run.name or path.name.split(".")[0]) / new_run_id() / KIND
    inputs = {"series": path.name, "sha256": columns.sha256}
    with writing(folder, KIND, config=config.plain(), inputs=inputs) as partial:
        write_json(partial / "scores.json", results)
    console.wrote(folder)
    return {"benchmark": str(folder), "horizons": results}


def _checked(values: Any, settings: BenchmarkConfig) -> "LongSeries":
    """Scale the file, and refuse it before any work where one of the horizons finds no window."""
    from forecaster.benchmark.protocol import scaled_series, window_starts

    try:
        series = scaled_series(values, settings.split)
        for horizon in settings.horizons:
            for rows in (series.rows.train, series.rows.validation, series.rows.test):
                window_starts(rows, settings.context_length, horizon)
    except ValueError as error:
        raise RequestError(f"{settings.path}: {error}") from None
    return series


def lines_of(result: "HorizonResult", file_name: str) -> list[str]:
    """Return the table of one horizon as lines."""
    rows = {name: (result.validation[name], result.test[name]) for name in result.test}
    seeds = [pair for name, pair in rows.items() if name.startswith("seed_")]
    rows["mean of seeds"] = _over(statistics.fmean, seeds)
    if len(seeds) > 1:
        rows["spread of seeds"] = _over(statistics.stdev, seeds)
    for name in ("ensemble", "repeat_last"):
        rows[name] = rows.pop(name)
    steps = "/".join(map(str, result.steps))
    lines = [
        f"horizon {result.horizon}: {result.test_windows} test windows of every column, none dropped; scaled values",
        f"  {'':<18}{'val mse':>10}{'val mae':>10}{'test mse':>10}{'test mae':>10}",
        *(
            f"  {name.replace('_', ' '):<18}{one.mse:>10.4f}{one.mae:>10.4f}{two.mse:>10.4f}{two.mae:>10.4f}"
            for name, (one, two) in rows.items()
        ),
        f"  {steps} steps in {result.precision}, {result.seconds:.0f} s, {result.cpu_seconds:.0f} CPU-s, "
        f"peak memory {peak_memory_mb()} MB",
    ]
    theirs = [row for row in published(file_name) if result.horizon in row.errors]
    if theirs:
        lines.append("  papers (their lookbacks, their protocols, settings chosen per file):")
    for row in theirs:
        mse, mae = row.errors[result.horizon]
        lines.append(f"  {row.model:<18}{'':>20}{mse:>10.3f}{mae:>10.3f}  lookback {row.lookback}; {row.source}")
    return lines


def _over(statistic: Callable[[list[float]], float], pairs: "list[tuple[Score, Score]]") -> "tuple[Score, Score]":
    """Return a statistic of the seeds' validation scores and of their test scores."""
    from forecaster.benchmark.protocol import Score

    parts = list(zip(*pairs, strict=True))
    one, two = (Score(statistic([s.mse for s in part]), statistic([s.mae for s in part])) for part in parts)
    return one, two


def peak_memory_mb() -> int:
    """Return the most memory this process has held so far; the system counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)
