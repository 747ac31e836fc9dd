"""Seconds and peak memory of reading, from the files to a series that may be split: of minutes, and of a universe.

`python benchmarks/reading.py 10000 100000 1000000 10000000` reads files of so many bars, made for it: open, high, low,
close, volume and one more column, around the clock. Each is read in a process of its own, so that the peak of its
memory is its own; imports are not measured. `make bench` runs it up to a million bars, in about half a minute.
`python benchmarks/reading.py universe 2500 1250` reads that many instruments of that many days, of which a third begin
later and a seventh end early, as one long file, as Parquet, as a wide file of closes and as a folder of a file each.
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


def universe(number: int, days: int) -> None:
    """Print the table of a universe's forms."""
    print(f"{'form':>14}{'rows':>12}{'seconds':>10}{'rows/s':>12}{'peak MiB':>10}")
    with tempfile.TemporaryDirectory() as name:
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # a process begins with the peak of its parent
            rows, paths = pool.apply(write_forms, (Path(name), number, days))
        for form, path in paths.items():
            seconds, peak = apart(str(path), "all")
            print(f"{form:>14}{rows:>12,}{seconds:>10.2f}{rows / seconds:>12,.0f}{peak:>10,.0f}", flush=True)


def panel(number: int, days: int) -> pd.DataFrame:
    """Return the long table of a universe: a third begins late, a seventh ends early."""
    rng = np.random.default_rng(0)
    close = 50.0 * np.exp(np.cumsum(0.012 * rng.standard_t(5, (days, number)), axis=0))
    spread = np.exp(np.abs(rng.normal(0.0, 0.004, (2, days, number))))
    first = np.where(rng.random(number) < 0.33, rng.integers(1, days // 2, number), 0)
    last = np.where(rng.random(number) < 0.14, rng.integers(days // 2 + 60, days - 30, number), days)
    day = np.arange(days)[:, None]
    rows, assets = np.nonzero((day >= first) & (day < last))
    stamps = pd.bdate_range("2015-01-01", periods=days).strftime("%Y-%m-%d").to_numpy()
    prices = {"open": close, "high": close * spread[0], "low": close / spread[1], "close": close}
    columns = {name: np.round(price[rows, assets], 4) for name, price in prices.items()}
    columns["volume"] = rng.integers(1000, 10_000_000, len(rows))
    names = np.array([f"S{asset:04d}" for asset in range(number)])
    return pd.DataFrame({"date": stamps[rows], "symbol": names[assets], **columns})


def write_forms(folder: Path, number: int, days: int) -> tuple[int, dict[str, Path]]:
    """Write a universe in every form that is read; return its rows, and the paths."""
    table = panel(number, days)
    paths = {"long CSV": folder / "long.csv", "long Parquet": folder / "long.parquet", "wide CSV": folder / "wide.csv"}
    table.to_csv(paths["long CSV"], index=False)
    table.to_parquet(paths["long Parquet"])
    table.pivot(index="date", columns="symbol", values="close").to_csv(paths["wide CSV"])
    (folder / "prices").mkdir()
    for name, rows in table.groupby("symbol"):
        rows.drop(columns="symbol").to_csv(folder / "prices" / f"{name}.csv", index=False)
    return len(table), paths | {"folder of CSV": folder / "prices"}


def apart(path: str, symbols: str | None = None) -> tuple[float, float]:
    """Return seconds and peak memory (MiB above an idle process) of reading a file in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, peak = pool.apply(read, (path, symbols))
    return seconds, peak


def read(path: str, symbols: str | None) -> tuple[float, float]:
    """Read a file, or all instruments of a universe; return processor seconds and the growth of the peak, MiB."""
    import tradewinds.data.providers.user_files  # noqa: F401  imports are not what is measured
    from tradewinds.data import load_series
    from tradewinds.data.config import FileConfig, NoWeather

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    load_series(FileConfig(kind="csv", path=path, symbols=symbols), NoWeather())
    seconds = time.process_time() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0


if __name__ == "__main__":
    if sys.argv[1:2] == ["universe"]:
        universe(*(int(word) for word in sys.argv[2:] or ("2500", "1250")))
    else:
        main([int(word) for word in sys.argv[1:]] or [10_000, 100_000, 1_000_000])
