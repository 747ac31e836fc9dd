"""Rows per second from the store: 5,000 symbols of 20 years of daily bars are read, proven, checked and aligned.

Beside it, on the same files in the same run, plain `pandas.read_parquet` file by file, which neither proves nor aligns.
Each is timed in a process of its own, so that the peak of its memory is its own. `make bench` runs it with 500 symbols
in half a minute; `python benchmarks/data.py 5000` takes minutes, most of them to make the files.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from tradewinds.data.config import YahooConfig
from tradewinds.data.rules import DataConfig
from tradewinds.data.store.store import Store

YEARS = 20
ROUNDS = 3


def main(count: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        rows = make(Path(folder), count)
        print(f"{count} symbols, {rows:,} rows, made in {time.perf_counter() - started:.0f} s")
        print(f"{'':<44}{'seconds':>9}{'rows/s':>14}{'peak MiB':>10}")
        found = {
            name: [apart(work, folder, count) for _ in range(ROUNDS)]
            for name, work in (
                ("pandas.read_parquet, file by file", plain),
                ("read, prove, check, align: one Series", ours),
            )
        }
        for name, runs in found.items():
            seconds, peak = (float(np.median([run[part] for run in runs])) for part in (0, 1))
            print(f"{name:<44}{seconds:>9.2f}{rows / seconds:>14,.0f}{peak:>10,.0f}")
        ratio = np.median([b[0] / a[0] for a, b in zip(*found.values(), strict=True)])
        print(f"ours / pandas: {ratio:.2f} of its time")


def symbols(count: int) -> tuple[str, ...]:
    """Return names S0000 and so on."""
    return tuple(f"S{number:04}" for number in range(count))


def make(folder: Path, count: int) -> int:
    """Write the store: random walks with a split here and a dividend there; return the number of rows."""
    store, rng = Store(DataConfig(store=str(folder)), "yahoo/1d"), np.random.default_rng(0)
    index = pd.bdate_range("2004-01-01", periods=YEARS * 252, tz="UTC").as_unit("ns")
    facts = {"calendar": "XNYS", "currency": "USD", "notes": []}
    with store.writing():
        for symbol in symbols(count):
            close = np.exp(4.0 + np.cumsum(rng.normal(0.0, 0.01, len(index))))
            frame = pd.DataFrame(
                {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close}, index=index
            )
            frame["volume"] = rng.integers(1_000, 1_000_000, len(index)).astype(np.float64)
            frame["dividends"], frame["splits"] = 0.0, 1.0
            frame.iloc[1000, 5], frame.iloc[2000, 6] = 0.5, 2.0
            store.write(symbol, frame, parameters={}, facts=facts)
    return count * len(index)


def plain(folder: str, count: int) -> None:
    """Read every file, and no more."""
    tables = [pd.read_parquet(path) for path in sorted(Path(folder).rglob("*.parquet"))]
    assert len(tables) == count


def ours(folder: str, count: int) -> None:
    """Read the store into one series of all symbols."""
    from tradewinds.data.providers.yahoo import load_yahoo

    series = load_yahoo(YahooConfig(symbols=symbols(count)), DataConfig(store=folder)).series
    assert series.close.shape[1] == count


def apart(work: Callable[[str, int], None], folder: str, count: int) -> tuple[float, float]:
    """Return seconds and peak memory (MiB above an idle process) of `work` in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, peak = pool.apply(_timed, (work, folder, count))
    return seconds, peak


def _timed(work: Callable[[str, int], None], folder: str, count: int) -> tuple[float, float]:
    import tradewinds.data.providers.yahoo  # noqa: F401  imports are not what is measured

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    work(folder, count)
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
