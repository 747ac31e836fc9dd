"""How large the report is and how long it takes to build: 5,000 and 1,000,000 test bars, from the files of a run.

The limits are 2 MB in 1.5 s and 3 MB in 6 s. Paths are a random walk with an agent that often changes its mind; the
rest of the report is that of a run on a martingale. Run: OMP_NUM_THREADS=1 python benchmarks/page.py. Best of five (two
for the million), in wall and CPU seconds, the first build of a process not counted: it imports Bokeh.
"""

import contextlib
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewinds.__main__ import main
from tradewinds.judge import draw

LIMITS = {5_000: (2.0, 1.5), 1_000_000: (3.0, 6.0)}  # bars: megabytes, seconds
WORDS = (
    "run",
    "series=martingale",
    "series.bars=2000",
    "trainer.epochs=1",
    "agent.steps=3000",
    "rollout.standard_errors=0.0",
)
EVERY = 3  # bars for which a position is held


def stretched(run: Path, bars: int, seed: int = 0) -> Path:
    """Give a finished run other paths: `bars` test bars by the minute; return the run."""
    rng, folder = np.random.default_rng(seed), run / "backtest"
    index = pd.date_range("2000-01-01", periods=bars, freq="min", tz="UTC", name="time")
    price = np.exp(np.cumsum(rng.normal(0.0, 5e-4, bars)))
    names = pd.read_parquet(folder / "equity.parquet").columns
    equity = {name: np.exp(np.cumsum(rng.normal(0.0, 4e-4, bars))) for name in names}
    pd.DataFrame(equity, index=index).to_parquet(folder / "equity.parquet")
    held = np.repeat(rng.choice([-1.0, 0.0, 1.0], -(-bars // EVERY)), EVERY)[:bars]
    positions = pd.read_parquet(folder / "positions.parquet")
    given = {"price": 100.0 * price, "exposure": held}
    columns = {name: given.get(name, rng.normal(size=bars)) for name in positions.columns}
    pd.DataFrame(columns, index=index).to_parquet(folder / "positions.parquet")
    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    drawn = {name: rng.normal(0.0, 5e-4, bars) for name in forecasts.columns}
    pd.DataFrame(drawn, index=index).to_parquet(folder / "forecasts.parquet")
    trades = pd.read_parquet(folder / "trades.parquet")
    count = bars // (2 * EVERY)
    row = {name: ("BTC" if name == "instrument" else "long" if name == "side" else 1.0) for name in trades.columns}
    table = pd.DataFrame({name: [value] * count for name, value in row.items()})
    for name in ("entry_time", "exit_time"):
        table[name] = index[: count * 2 * EVERY : 2 * EVERY][:count]
    table.to_parquet(folder / "trades.parquet")
    return run


def measure(run: Path, times: int) -> tuple[float, float, float]:
    """Return megabytes of the page, and wall and CPU seconds of its fastest build."""
    taken = []
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        draw(run, plot_points=3000)
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    return (run / "report.html").stat().st_size / 1e6, *min(taken)


def some_run(folder: Path) -> Path:
    """Make a small run on a martingale."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        status = main([*WORDS, f"run.dir={folder}/runs"])
    if status:
        raise SystemExit(status)
    return next(folder.glob("runs/*/*/report.json")).parent


def measured() -> dict[int, tuple[float, float, float]]:
    """Return, by bars, what `measure` says."""
    found: dict[int, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = some_run(Path(folder))
        assert json.loads((run / "report.json").read_text(encoding="utf-8"))["backtest"]
        for bars, times in ((5_000, 5), (1_000_000, 2)):
            found[bars] = measure(stretched(run, bars), times)
    return found


if __name__ == "__main__":
    for bars, (size, wall, cpu) in measured().items():
        most, longest = LIMITS[bars]
        kept = "kept" if size <= most and wall <= longest else "BROKEN"
        took = f"{wall:.2f} s wall, {cpu:.2f} s CPU (<= {longest:g} s)"
        print(f"page of {bars:>9,} bars: {size:.2f} MB (<= {most:g}), {took}: {kept}")
