"""Seconds and peak memory of reading a CSV of one-minute bars, from the file to a series that may be split.

`python benchmarks/reading.py 10000 100000 1000000 10000000` reads files of so many bars, made for it: open, high, low,
close, volume and one more column, around the clock. Each is read in a process of its own, so that the peak of its
memory is its own; imports are not measured. `make bench` runs it up to a million bars, in about half a minute.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

PIECE = 500_000  # rows written at once


def main(sizes: list[int]) -> None:
    """Print the table."""
    print(f"{'bars':>12}{'MB':>8}{'seconds':>10}{'bars/s':>12}{'peak MiB':>10}")
    for bars in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "minutes.csv"
            make(path, bars)
            seconds, peak = apart(str(path))
            print(
                f"{bars:>12,}{path.stat().st_size / 1e6:>8.0f}{seconds:>10.2f}{bars / seconds:>12,.0f}{peak:>10,.0f}",
                flush=True,
            )


def make(path: Path, bars: int, *, imbalance: bool = True) -> None:
    """Write a CSV of `bars` one-minute bars, with one more column or without it."""
    rng, level = np.random.default_rng(0), 4.0
    index = pd.date_range("2000-01-01", periods=bars, freq="1min", tz="UTC")
    for start in range(0, bars, PIECE):
        stamps = index[start : start + PIECE]
        log = level + np.cumsum(rng.normal(0.0, 0.0005, len(stamps)))
        close, level = np.exp(log), float(log[-1])
        spread = np.exp(np.abs(rng.normal(0.0, 0.0005, (2, len(stamps)))))
        columns = {"open": close, "high": close * spread[0], "low": close / spread[1], "close": close}
        columns["volume"] = rng.integers(1, 10_000, len(stamps))
        if imbalance:
            columns["imbalance"] = rng.normal(size=len(stamps))
        frame = pd.DataFrame(columns, index=stamps.strftime("%Y-%m-%dT%H:%M:%SZ"))
        frame.to_csv(path, mode="a", header=start == 0, index_label="time", float_format="%.6f")


def apart(path: str) -> tuple[float, float]:
    """Return seconds and peak memory (MiB above an idle process) of reading a file in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, peak = pool.apply(read, (path,))
    return seconds, peak


def read(path: str) -> tuple[float, float]:
    """Read a file; return seconds and the growth of the peak of memory, MiB."""
    import tradewinds.data.providers.user_files  # noqa: F401  imports are not what is measured
    from tradewinds.data import load_series
    from tradewinds.data.config import FileConfig, NoWeather

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    load_series(FileConfig(kind="csv", path=path), NoWeather())
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
