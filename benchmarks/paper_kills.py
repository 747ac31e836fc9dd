"""Kill a paper account with -9 at random moments, and hold what is left to a backtest over the same bars.

    python benchmarks/paper_kills.py [KILLS] [SEED]

A champion that trades is trained on 450 bars. Each round the market has grown by one to three bars, and a process that
follows is killed at a moment drawn evenly over one and a half times what such a step takes: some have written all their
bars by then, some none, some a part. In the end every bar must have been decided once, by the very numbers of a
backtest from the first of them on. Processes are forked, so that kills fall into the work and not into the loading of
libraries.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a forked process has no threads of its parent's
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np

from tradewinds.__main__ import main as typed
from tradewinds.operate.paper_journal import FILE, FOLDER
from tradewinds.report.tables import read_table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before it: tests has folders of the packages' names

from championship import WORDS, Market

OPENED, LAST = 600, 700  # bars of the market when the account is opened, and in all
TRADES = ("rollout.standard_errors=0.0", "env.costs.fee_bps=0", "env.costs.half_spread_bps=0", "agent.steps=6000")
ACCOUNT = Path("runs/bars") / FOLDER / FILE


def main() -> None:
    """Print what became of the kills, and whether the path is the backtest's."""
    kills, seed = (int(word) for word in (*sys.argv[1:], *("50", "1")[len(sys.argv) - 1 :]))
    rng, began = np.random.default_rng(seed), time.perf_counter()
    with TemporaryDirectory(prefix="tradewinds-kills-") as place:
        os.chdir(place)
        market = Market(Path(place))
        quietly("retrain", *TRADES, *WORDS)
        market(OPENED)
        quietly("paper", *TRADES, *WORDS)
        count, ended = OPENED + 3, {"before": 0, "in": 0, "after": 0}
        market(count)
        length = lived(None)  # of a process with three bars to decide
        for _ in range(kills):
            count = min(count + int(rng.integers(1, 4)), LAST)
            market(count)
            due = count - OPENED + 1 - len(steps())
            before = len(steps())
            lived(float(rng.uniform(0.0, 1.5 * length)))
            took = len(steps()) - before
            ended["before" if took == 0 else "after" if took == due else "in"] += 1
        market(LAST)
        quietly("paper", *TRADES, *WORDS)
        taken = steps()
        days = [line.split(",")[0] for line in market.lines[OPENED : LAST + 1]]
        repeated = len(taken) - len({step["at"] for step in taken})
        missed = len(set(days) - {step["at"][:10] for step in taken})
        opened = json.loads(ACCOUNT.read_text(encoding="utf-8").splitlines()[0])["opened"]
        words = (f"backtest.since={taken[0]['at'][:10]}", f"series.bars_per_year={opened['bars_per_year']}")
        quietly("backtest", "model=champion", "run.name=bars", *words, *TRADES, *WORDS)
        folder = max(Path("runs/bars").glob("2*/backtest"), key=lambda path: path.stat().st_mtime_ns)
        equity = read_table(folder, "equity")["agent"].to_list()
        same = [step["worth"] for step in taken] == equity
        os.chdir("/")
    print(
        f"{kills} kills, {ended['before']} before the first new line, {ended['in']} between two, {ended['after']} "
        f"after the last: {len(taken)} bars, {missed} missed, {repeated} repeated; equity of {len(set(equity))} values "
        f"is {'the' if same else 'NOT the'} backtest's to the last bit; {time.perf_counter() - began:.0f} s"
    )


def steps() -> list[dict[str, object]]:
    """Return the steps that are written down."""
    if not ACCOUNT.exists():
        return []
    whole = ACCOUNT.read_bytes().rpartition(b"\n")[0]
    return [line["step"] for line in map(json.loads, whole.splitlines()) if "step" in line]


def quietly(*words: str) -> None:
    """Type a command, and stop at one that fails."""
    silent, kept = os.open(os.devnull, os.O_WRONLY), os.dup(1)
    sys.stdout.flush()
    os.dup2(silent, 1)
    try:
        status = typed(words)
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
    if status:
        sys.exit(f"{words[0]} ended with {status}")


def lived(seconds: float | None) -> float:
    """Let a process follow, or kill it after some seconds; return how long it lived."""
    began, child = time.perf_counter(), os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        os._exit(typed(["paper", *TRADES, *WORDS]))
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) > 0:
        sys.exit("a step failed")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
