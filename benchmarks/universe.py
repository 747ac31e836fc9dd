"""Seconds and peak memory of a whole run on made-up universes, from one long Parquet file to a report.

`python benchmarks/universe.py 50x5000 500x5000 2500x1250` runs universes of so many assets and days, some of them
listed late or delisted early; further words are options of the run. Each run is a process of its own; its time is that
of its processors, its memory the most it ever held. About twenty minutes of a core for these three.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

SIZES = ("50x5000", "500x5000", "2500x1250")
OPTIONS = (
    "series=parquet",
    "series.symbols=all",
    "model=segment_lstm",
    "agent=direct",
    "agent.steps=600000",
    "env.actions=long_short_weights",
)  # as experiment=currencies


def main(words: list[str]) -> None:
    """Print the table."""
    sizes = [word for word in words if re.fullmatch(r"\d+x\d+", word)] or list(SIZES)
    options = [word for word in words if word not in sizes]
    print(f"{'assets x days':>15}{'seconds':>10}{'processor':>11}{'peak MiB':>10}{'page MB':>9}")
    for size in sizes:
        assets, days = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder) / "universe.parquet", assets, days)
            seconds, processor, peak, page = run(Path(folder), options)
            print(f"{size:>15}{seconds:>10.0f}{processor:>11.0f}{peak:>10,.0f}{page:>9.2f}", flush=True)


def make(path: Path, assets: int, days: int) -> None:
    """Write a long table of bars whose returns remember a little of the last one; one in ten begins or ends inside."""
    rng = np.random.default_rng(0)
    moves = rng.normal(0.0, 0.015, (days, assets)).astype(np.float64)
    moves[1:] += 0.1 * moves[:-1]
    moves += rng.normal(0.0, 0.008, (days, 1))
    close = 50.0 * np.exp(np.cumsum(moves, axis=0))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.003, close.shape))
    there = np.ones(close.shape, dtype=bool)
    for asset in range(0, assets, 10):
        part = rng.integers(days // 5, 4 * days // 5)
        if asset % 20:
            there[:part, asset] = False
        else:
            there[part:, asset] = False
    row, asset = np.nonzero(there)
    index = pd.bdate_range("2004-01-01", periods=days, tz="UTC")
    high, low = np.maximum(open_, close) * 1.004, np.minimum(open_, close) / 1.004
    prices = {"open": open_, "high": high, "low": low, "close": close}
    columns = {name: table[row, asset] for name, table in prices.items()}
    symbols = pd.Categorical.from_codes(asset, [f"S{number:04d}" for number in range(assets)])
    volume = rng.integers(1_000, 1_000_000, len(row)).astype(np.float64)
    pd.DataFrame({"time": index[row], "symbol": symbols.astype(str), **columns, "volume": volume}).to_parquet(path)


def run(folder: Path, options: list[str]) -> tuple[float, float, float, float]:
    """Run and return seconds, processor seconds, the peak of memory in MiB, and the size of the page in MB."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "tradewinds", "run", "series.path=universe.parquet", *OPTIONS, *options]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    page = next(folder.glob("runs/*/*/report.html")).stat().st_size / 1e6
    return time.perf_counter() - started, processor, after.ru_maxrss / 1024.0, page


if __name__ == "__main__":
    main(sys.argv[1:])
