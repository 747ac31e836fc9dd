"""The one pool of workers: new processes that are sent what they share once, and that end when their parent does.

On concurrent.futures with spawned processes. Must not know what they compute.
"""

import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import active_children, get_context
from typing import Any, TypeVar

from forecaster.training.orphans import end_with
from tradewinds.core.plugins import registered

Task = TypeVar("Task")
Result = TypeVar("Result")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # read when the libraries are loaded
AHEAD = 2  # tasks handed out for each worker: one that it is at, and one that it finds ready


class KilledError(RuntimeError):
    """A process was killed.

    Attributes:
        task: what it was at; None where several were under way and nobody knows whose process it was.
    """

    def __init__(self, words: str, task: Any = None) -> None:
        super().__init__(words)
        self.task = task


@contextmanager
def results_of(
    function: Callable[..., Result],
    tasks: Iterable[Task],
    *,
    workers: int,
    shared: tuple[Any, ...] = (),
    threads: int | None = None,
    killed: str = "a worker was killed",
) -> Iterator[Iterator[Result]]:
    """Start `function(*shared, task)` of every task in processes of their own.

    The processes do not outlive the `with`: on Ctrl-C, on an error or where results are left out, those at work are
    terminated. They leave Ctrl-C to their parent, and end within a second when it is gone, however it went. Tasks are
    taken as they are needed, a few ahead, and results kept by nobody: memory does not grow with their number.

    Args:
        function: of a module, so that another process can import it.
        tasks: in the order in which they are begun.
        workers: processes at most.
        shared: sent to each process once.
        threads: for the numerical libraries of each process; None leaves that to them.
        killed: what to say when a process was killed.

    Yields:
        The results, as they become ready.

    Raises:
        Exception: that of the first task that failed, as it was; a RuntimeError of its words if it cannot be sent.
        KilledError: a process was killed.
    """
    others = active_children()
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_begin, initargs=(os.getpid(), shared)
    )
    waiting, under_way = iter(tasks), dict[Future[Result], Task]()

    def hand_out() -> None:
        with _environment({} if threads is None else dict.fromkeys(THREADS, str(threads))):
            for task in islice(waiting, AHEAD * workers - len(under_way)):
                try:
                    under_way[pool.submit(_work, function, task)] = task
                except BrokenProcessPool:
                    raise KilledError(killed) from None

    def results() -> Iterator[Result]:
        while under_way:
            ready = wait(under_way, return_when=FIRST_COMPLETED).done
            future = next(future for future in under_way if future in ready)
            task = under_way.pop(future)
            try:
                yield future.result()
            except BrokenProcessPool:
                raise KilledError(killed, task if workers == 1 else None) from None
            hand_out()

    try:
        hand_out()
        yield results()
    finally:
        if not all([future.cancel() or future.done() for future in under_way]):
            _terminate([child for child in active_children() if child not in others])
        pool.shutdown()


def end_workers() -> None:
    """Ask every child process of this one to leave, and wait until it has: for who stops while another thread waits."""
    _terminate(active_children())


def _terminate(children: Sequence[Any]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        child.join()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the children that are born meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_shared: tuple[Any, ...] = ()  # of a worker


def _begin(parent: int, shared: tuple[Any, ...]) -> None:
    global _shared
    _shared = shared
    registered()  # the rooms below learn of plugins
    signal.signal(signal.SIGINT, _leave_to_parent)
    end_with(parent)


def _leave_to_parent(number: int, frame: object) -> None:
    """Do nothing on Ctrl-C: a parent ends its workers. Ignoring the signal would teach children of this one to, too."""


def _work(function: Callable[..., Result], task: Any) -> Result:
    try:
        return function(*_shared, task)
    except Exception as error:
        if (other := sendable(error)) is error:
            raise
        raise other from None


def sendable(error: Exception) -> Exception:
    """Return an error as another process can have it: as it is, or in its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
