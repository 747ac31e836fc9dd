"""Processor seconds and peak memory of a whole `run` on one-minute bars, and of reading the same file by itself.

`python benchmarks/million.py 200000 1000000` writes a CSV of so many bars (open, high, low, close, volume, around the
clock) and gives it to `tradewinds data inspect` and to `tradewinds run`, one epoch and 2,500 steps of the agent, each
in a process of its own: what is measured is all of it, imports and workers too. Seconds are the processor's, user and
system. 200,000 bars took 65 s and 1.1 GB on 2026-11-30, on a busy machine, 17 s of it the network's training; a
million should take about five minutes there.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from reading import make

INSPECT, RUN = ("data", "inspect"), ("run", "trainer.epochs=1", "agent.steps=2500")


def main(sizes: list[int]) -> None:
    """Print the table."""
    print(f"{'bars':>12}{'read, s':>10}{'GB':>6}{'run, s':>10}{'GB':>6}")
    for bars in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "minutes.csv"
            make(path, bars, imbalance=False)
            words = ("series=csv", f"series.path={path}", f"run.dir={folder}/runs")
            (read, read_peak), (run, run_peak) = (measured((*command, *words)) for command in (INSPECT, RUN))
            print(f"{bars:>12,}{read:>10.1f}{read_peak:>6.1f}{run:>10.1f}{run_peak:>6.1f}", flush=True)


def measured(words: tuple[str, ...]) -> tuple[float, float]:
    """Return processor seconds and peak memory, GB, of a command.

    Raises:
        SystemExit: it did not end with status 0.
    """
    command = subprocess.Popen([sys.executable, "-m", "tradewinds", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(command.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"tradewinds {' '.join(words)} ended with status {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [1_000_000])
