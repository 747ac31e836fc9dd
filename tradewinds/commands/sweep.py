"""A sweep: several requests answered side by side, by an executor, and told as if one had followed the other.

Each worker answers one request after another, and reads none of the data that the parent has read for several.
"""

import io
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NoReturn

from tradewinds.commands.answer import FAILED, answer
from tradewinds.core.console import Console, Report
from tradewinds.core.errors import RequestError
from tradewinds.core.executor import Executor, executor_of
from tradewinds.core.machine import cores
from tradewinds.core.turns import Turns, taking_part
from tradewinds.core.workers import KilledError
from tradewinds.data.shared import Shared, key_of, read_parts, sharing
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import reads_series

Work = Callable[[Config, Console], int]  # does what a request asks for and returns the exit status
Tape = list[tuple[str, str]]  # what was said, and on which of STREAMS
STREAMS = ("stdout", "stderr")
# the others keep a registry or a store, or take all cores themselves
SIDE_BY_SIDE = ("run", "classify", "train-forecaster", "encode", "train-agent", "backtest", "leakcheck")
SPLIT = ("walk-forward", "search")  # commands that are tasks of their own
SHARING = (*SIDE_BY_SIDE, "walk-forward")  # commands that bring no new data between two runs
RUN_BYTES, TIMES_FILE = 2**30, 50  # memory of a run: its libraries, and its file so many times
MOST_SHARED = 16  # data that are read once and kept; in a panel of more, each run reads its own
KILLED = "a run's process was killed, as a machine without memory does"


@dataclass(frozen=True)
class SweptRun:
    """One run of a sweep.

    Attributes:
        number: its place, from 0.
        plain: its request.
        typed: what one would type for it.
        data: what was read for it already.
        cores: that it takes.
    """

    number: int
    plain: Mapping[str, Any]
    typed: str
    data: Callable[[], Shared]
    cores: int


def require_executor(stage: str, requests: Sequence[Config]) -> None:
    """Refuse an executor that has nothing to do, or is not there.

    Raises:
        RequestError: runs of a sweep name several, the stage splits nothing, or no cluster answers.
    """
    settings = requests[0].executor
    if any(request.executor != settings for request in requests):
        raise RequestError("executor must be one for all runs of a sweep; name one, and sweep over something else")
    if stage not in SPLIT and (stage not in SIDE_BY_SIDE or len(requests) == 1):
        raise RequestError(
            f"executor={settings.kind} does what can be split: {', '.join(SPLIT)}, and runs of -m of "
            f"{', '.join(SIDE_BY_SIDE)}; this {stage} is one piece; leave executor={settings.kind} out"
        )
    executor_of(settings, requests[0].run.dir).require()


def answer_all(
    stage: str, action: str, requests: Sequence[Config], typed: Sequence[str], console: Console
) -> list[int]:
    """Answer all requests and return their exit statuses; whatever comes of one, the others follow.

    Args:
        stage: what is done with each.
        action: of a stage that has several; else empty.
        requests: valid ones.
        typed: what one would type for each.
        console: where to tell it.
    """
    keys = Counter(_key(request) for request in requests if stage in SHARING and reads_series(request))
    shared = [key for key, count in keys.most_common(MOST_SHARED) if count > 1]
    executor = executor_of(requests[0].executor, requests[0].run.dir)
    workers = _workers(requests, executor) if stage in SIDE_BY_SIDE else 1
    with sharing(shared):
        if workers > 1 or (executor.elsewhere and stage in SIDE_BY_SIDE):
            put: dict[str, Callable[[], Shared]] = {"": executor.put({})}
            runs = []
            for number, (request, words) in enumerate(zip(requests, typed, strict=True)):
                key = _key(request) if _key(request) in shared else ""
                put[key] = put.get(key) or executor.put(_data(request))
                runs.append(SweptRun(number, request.plain(), words, put[key], _threads(request)))
            with console.progress("sweep") as progress:
                return side_by_side(partial(answer, stage, action), runs, console, executor, workers, progress)
        statuses = []
        for request, console.typed in zip(requests, typed, strict=True):
            statuses.append(answer(stage, action, request, console))
        return statuses


def _key(request: Config) -> str:
    return key_of(*request.sources)


def _data(request: Config) -> Shared:
    """Return the data of a request, read now or before; or why they cannot be read, which its run will tell."""
    try:
        return {_key(request): read_parts(*request.sources)}
    except RequestError as error:
        return {_key(request): error}


def _workers(requests: Sequence[Config], executor: Executor) -> int:
    """Return how many runs there is room for at a time: a core a thread, and memory for their data."""
    each = RUN_BYTES + TIMES_FILE * max(map(_file_bytes, requests))
    return min(len(requests), executor.width(max(map(_threads, requests)), each))


def _threads(request: Config) -> int:
    """Return how many cores one run takes: threads of torch, or members of an ensemble at a time."""
    trainer = request.trainer
    return max(request.run.threads, min(trainer.members, trainer.processes or cores()))


def _file_bytes(request: Config) -> int:
    named = getattr(request.series, "path", None) or ()
    paths = (named,) if isinstance(named, str | Path) else named.values() if isinstance(named, Mapping) else named
    files = [file for path in paths for file in (Path(path), *Path(path).glob("*")) if file.is_file()]
    return sum(file.stat().st_size for file in files)


def side_by_side(
    work: Work, runs: Sequence[SweptRun], console: Console, executor: Executor, workers: int, progress: Report
) -> list[int]:
    """Do runs in processes of their own, tell each when all before it are told, and return their exit statuses.

    Where a process is killed and nobody knows which run it was at, what is left is tried again one by one; a run whose
    process is killed has failed.

    Args:
        work: of a module, so that another process can import it.
        runs: numbered from 0.
        console: where to tell it.
        executor: who does them.
        workers: processes at most.
        progress: is told how many are done.
    """
    statuses: dict[int, int] = {}
    tapes: dict[int, Tape] = {}
    while left := [run for run in runs if run.number not in statuses]:
        turns = executor.turns([run.number in statuses for run in runs])
        shared = (work, console.as_json, turns)
        try:
            with executor.results_of(
                _worked, left, workers=workers, shared=shared, cores=max(run.cores for run in left), killed=KILLED
            ) as results:
                for number, status, tape in results:
                    statuses[number], tapes[number] = status, tape
                    _tell(tapes)
                    progress(len(statuses), len(runs), {})
        except KilledError as error:
            if error.task is None and workers > 1:
                console.note(f"note: {error}; what is left of the sweep is computed one by one")
                workers = 1
            else:
                number = (error.task or next(run for run in left if run.number not in statuses)).number
                statuses[number], tapes[number] = FAILED, [("stderr", f"tradewinds: failed: {error}\n")]
                _tell(tapes)
    return [statuses[run.number] for run in runs]


def _tell(tapes: dict[int, Tape]) -> None:
    """Play the tapes whose turn it is, and keep none of what was played but its place."""
    for number in range(len(tapes)):
        if number not in tapes:
            return
        for name, pieces in groupby(tapes[number], key=itemgetter(0)):  # lines whole: a bar on a terminal goes on below
            print("".join(text for _, text in pieces), end="", file=getattr(sys, name), flush=True)
        tapes[number] = []


_tape: Tape = []  # of the run in this process


class _Recorder(io.TextIOBase):
    """A stream that records; one for all runs of a process, since libraries hold on to the one they find first."""

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, text: str) -> int:
        _tape.append((self.name, text))
        return len(text)


_recorders = [_Recorder(name) for name in STREAMS]


def _worked(work: Work, as_json: bool, turns: Turns, run: SweptRun) -> tuple[int, int, Tape]:
    """Do a run in a process of its own, and return its number, its exit status and what it said."""
    out, err = _recorders
    _tape.clear()
    with _leaving_nothing(), taking_part(turns, run.number), sharing(run.data()):
        with redirect_stdout(out), redirect_stderr(err):
            console = Console(as_json=as_json)
            console.typed = run.typed
            status = work(request_from(run.plain), console)
    return run.number, status, list(_tape)


@contextmanager
def _leaving_nothing() -> Iterator[None]:
    """End the process when it is asked to, once what it was writing is cleared away."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        os._exit(FAILED)
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
