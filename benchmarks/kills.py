"""Kill a scheduler with -9 at random moments, and look for what is left: processes, and jobs that were not done.

    python benchmarks/kills.py [KILLS] [SEED] [postgres]

Each round a market has grown, and a retraining of it is due that has not run: a scheduler is started, killed at a
moment drawn evenly over the time that such a job takes, and 15 s later every process that it or a child of it started
must be gone. The next scheduler has to finish the job. In every second round the forecaster is an ensemble, whose
members are trained side by side, so that the worker has workers. With `postgres` registry and jobs lie on a server
that is started here (Debian's postgresql, root), and two schedulers are started to finish each job: one of them must be
refused, and the job done once. 20 kills took 37 minutes of two busy cores.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tradewinds.operate.database import Database
from tradewinds.operate.registry import Registry

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before it: tests has folders of the packages' names

import postgres

from championship import WORDS, Market

GONE_SECONDS = 15.0
BARS = 5  # that a market grows by
JOBS = (("agent.steps=8000",), ("agent.steps=8000", "trainer.members=2", "trainer.processes=2"))
ADDRESS = "TRADEWINDS_KILLS_DATABASE"
REFUSED = 3
MARK = "TRADEWINDS_KILLS"  # a variable of the environment, by which descendants are known


def main() -> None:
    """Print a line a kill, and a sum."""
    words = [word for word in sys.argv[1:] if word != "postgres"]
    kills, seed = (int(word) for word in (*words, *("20", "1")[len(words) :]))
    with postgres.serving() if "postgres" in sys.argv else nullcontext() as server:
        if server is not None:
            os.environ[ADDRESS] = server.address()
        play(kills, seed)


def play(kills: int, seed: int) -> None:
    """Kill so many schedulers, on the server of `ADDRESS` if there is one."""
    began, rng, now, orphans = time.perf_counter(), np.random.default_rng(seed), datetime.now(UTC), 0
    with TemporaryDirectory(prefix="tradewinds-kills-") as place:
        folder = Path(place)
        market, dues = Market(folder), [now - timedelta(minutes=10 * number) for number in range(kills + 2, 0, -1)]
        lengths = []
        for number, job in enumerate(JOBS):  # of each kind one that nobody kills
            market(450 + BARS * number)
            lengths.append(work(folder, dues.pop(0), job))
        print(
            f"jobs take {' and '.join(f'{length:.1f}' for length in lengths)} s; {kills} kills within that", flush=True
        )
        for number, due in enumerate(dues, start=len(JOBS)):
            market(450 + BARS * number)
            job, moment = JOBS[number % len(JOBS)], float(rng.uniform(0.0, lengths[number % len(JOBS)]))
            lived = work(folder, due, job, moment)
            time.sleep(GONE_SECONDS)
            left = descendants()
            orphans += len(left)
            length = work(folder, due, job, twice=ADDRESS in os.environ)
            print(f"killed after {lived:5.1f} s: {len(left)} processes left; finished in {length:.1f} s", flush=True)
            for process in left:
                os.kill(process, signal.SIGKILL)
        database = Database(folder / "runs", make_url(os.environ[ADDRESS]) if ADDRESS in os.environ else None)
        states, versions = states_of(database), len(Registry(database).versions("bars"))
        partials = len(list(folder.rglob(".partial-*")))
    print(
        f"{kills} kills: {orphans} processes left, {states.count('SUCCESS')} of {len(states)} jobs done, {versions} "
        f"versions of {kills + len(JOBS)} states of the data, {partials} half-written pieces; "
        f"{time.perf_counter() - began:.0f} s"
    )


def work(
    folder: Path, due: datetime, job: tuple[str, ...], moment: float | None = None, *, twice: bool = False
) -> float:
    """Let a scheduler do what is due, or two of them, or kill it after `moment` seconds; return how long it lived."""
    cron = f"schedule.cron='{due.minute} {due.hour} * * *'"
    command = [sys.executable, "-m", "tradewinds", "schedule", "schedule.once=true", "schedule.exchange=null", cron]
    place = (f"run.database={ADDRESS}",) if ADDRESS in os.environ else ()
    began = time.perf_counter()
    with (folder / "log.txt").open("a") as log:
        first, *others = [
            subprocess.Popen(
                [*command, *WORDS, *job, *place],
                cwd=folder,
                stdout=log,
                stderr=log,
                env={**os.environ, MARK: str(os.getpid())},
                start_new_session=True,
            )
            for _ in range(1 + twice)
        ]
    try:
        first.wait(moment)
    except subprocess.TimeoutExpired:
        os.kill(first.pid, signal.SIGKILL)
    statuses = sorted([first.wait(), *(other.wait() for other in others)])
    if statuses[0] > 0 or [status for status in statuses[1:] if status not in (0, REFUSED)]:
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


def states_of(database: Database) -> list[str]:
    """Return the states of all jobs."""
    table = "workflow_status" if database.is_file else "dbos.workflow_status"
    engine = create_engine(database.url)
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(text(f"select status from {table}"))]


if __name__ == "__main__":
    main()
