"""Plant every leak of tests/leaks in the pipeline, type `run` and `leakcheck`, and say what they answer.

A line a leak: exit status and words of either command, and which probe caught it. First the requests without a leak,
which must stay clean. Words of names play these alone. Every command is a process forked from this one, in which all
that takes long to load is loaded already.
"""

import json
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import tradewinds.commands.leakcheck
import tradewinds.commands.run
import tradewinds.judge  # noqa: F401  what commands load late
from tradewinds.__main__ import main as typed

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before it: tests has folders of the packages' names

from leaks import CALLS, PLANTS, sow
from leaks.requests import REQUESTS, write_files

CUTS = "leakcheck.cuts=10 leakcheck.epochs=1 leakcheck.agent_steps=500"
FORK = multiprocessing.get_context("fork")


def main() -> None:
    """Print the table."""
    began, caught = time.perf_counter(), 0
    chosen = sys.argv[1:] or list(PLANTS)
    for request in dict.fromkeys(PLANTS[name].request for name in chosen):
        show("", request, f"nothing planted: {request}")
    for name in chosen:
        caught += show(name, PLANTS[name].request, f"{PLANTS[name].subject}: {PLANTS[name].words}")
    print(f"{caught} of {len(chosen)} leaks were caught; {time.perf_counter() - began:.0f} s")


def show(name: str, request: str, title: str) -> bool:
    """Play a request with a leak, or with none, and print a line; return whether it was caught."""
    with TemporaryDirectory(prefix="tradewinds-leaks-") as place:
        folder = Path(place)
        write_files(folder)
        answers = [play(name, command, request, folder) for command in ("run", "leakcheck")]
    caught = any(status not in (0, "0, never called") for status, _ in answers)
    cells = " | ".join(f"exit {status}: {words}" for status, words in answers)
    print(f"{'caught' if caught else '-':<7}| {title} | {cells}", flush=True)
    return caught


def play(name: str, command: str, request: str, folder: Path) -> tuple[int | str, str]:
    """Type a command in a process of its own; return its exit status and what it said of leaks."""
    words = [command, *REQUESTS[request].split(), *(CUTS.split() if command == "leakcheck" else [])]
    process = FORK.Process(target=work, args=(name, words, folder))
    process.start()
    process.join()
    text = (folder / "said").read_text(encoding="utf-8")
    told = re.findall(
        r"^(leakcheck: (?:clean|leak).*|warning: (?:leak|too good).*|tradewinds: .*)$", text, re.MULTILINE
    )
    called = json.loads((folder / "called").read_text(encoding="utf-8"))
    status: int | str = process.exitcode or 0
    if status == 0 and any(line.startswith("warning") for line in told):
        status = "0, and a warning"
    elif status == 0 and name and command == "run" and not called:
        status = "0, never called"
    return status, told[0][:160] if told else "no word of leaks"


def work(name: str, words: list[str], folder: Path) -> None:
    """Plant a leak and do what was typed, all that is said going to a file."""
    os.chdir(folder)
    said = os.open("said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    if name:
        sow(name)
    status = typed(words)
    (folder / "called").write_text(json.dumps(CALLS), encoding="utf-8")
    sys.exit(status)


if __name__ == "__main__":
    main()
