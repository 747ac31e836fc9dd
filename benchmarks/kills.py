"""Kill a scheduler with -9 at random moments, and look for what is left: processes, and jobs that were not done.

    python benchmarks/kills.py [KILLS] [SEED]

Each round a market has grown, and a retraining of it is due that has not run: a scheduler is started, killed at a
moment drawn evenly over the time that such a job takes, and 15 s later every process that it or a child of it started
must be gone. The next scheduler has to finish the job. The forecaster is an ensemble whose members are trained side by
side, so that the workers have workers. 20 kills take about a quarter of an hour.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tradewinds.operate.registry import Registry

from championship import WORDS, Market

GONE_SECONDS = 15.0
BARS = 5  # that a market grows by
NEST = ("trainer.members=2", "trainer.processes=2", "agent.steps=8000", "retrain.margin=0")
MARK = "TRADEWINDS_KILLS"  # a variable of the environment, by which descendants are known


def main() -> None:
    """Print a line a kill, and a sum."""
    kills, seed = (int(word) for word in (*sys.argv[1:], *("20", "1")[len(sys.argv) - 1 :]))
    began, rng = time.perf_counter(), np.random.default_rng(seed)
    with TemporaryDirectory(prefix="tradewinds-kills-") as place:
        folder = Path(place)
        market, now = Market(folder), datetime.now(UTC)
        dues = [now - timedelta(minutes=10 * (number + 1)) for number in range(kills + 2)]
        work(folder, dues[-1], None)  # reads everything into the cache of the disk
        market(450 + BARS)
        whole = work(folder, dues[-2], None)
        orphans = 0
        print(f"a job takes {whole:.1f} s; kills at {kills} moments of that")
        for number, due in enumerate(reversed(dues[:kills])):
            market(450 + BARS * (number + 2))
            moment = float(rng.uniform(0.0, whole))
            work(folder, due, moment)
            time.sleep(GONE_SECONDS)
            left = descendants()
            orphans += len(left)
            again = work(folder, due, None)
            print(
                f"{number + 1:>3}  killed after {moment:5.1f} s: {len(left)} processes left; finished in {again:.1f} s",
                flush=True,
            )
            for process in left:
                os.kill(process, signal.SIGKILL)
        jobs, versions = done(folder), len(Registry(folder / "runs").versions("bars"))
        partials = len(list(folder.rglob(".partial-*")))
    print(
        f"{kills} kills: {orphans} processes left, {jobs.count('SUCCESS')} of {len(jobs)} jobs done, "
        f"{versions} versions of {kills + 2} states of the data, {partials} half-written pieces; "
        f"{time.perf_counter() - began:.0f} s"
    )


def work(folder: Path, due: datetime, moment: float | None) -> float:
    """Let a scheduler do what is due, or kill it after `moment` seconds; return how long it ran."""
    cron = f"schedule.cron='{due.minute} {due.hour} * * *'"
    command = [sys.executable, "-m", "tradewinds", "schedule", "schedule.once=true", "schedule.exchange=null", cron]
    log = (folder / "log.txt").open("a")
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, *WORDS, *NEST],
        cwd=folder,
        stdout=log,
        stderr=log,
        env={**os.environ, MARK: str(os.getpid())},
        start_new_session=True,
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return time.perf_counter() - began
    if process.returncode != 0:
        sys.exit((folder / "log.txt").read_text()[-3000:])
    return time.perf_counter() - began


def descendants() -> list[int]:
    """Return the processes that a scheduler of ours started, or one of these, and that still live."""
    mark, found = f"{MARK}={os.getpid()}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def done(folder: Path) -> list[str]:
    """Return the states of all jobs."""
    with sqlite3.connect(folder / "runs" / "registry.db") as connection:
        return [row[0] for row in connection.execute("select status from workflow_status")]


if __name__ == "__main__":
    main()
