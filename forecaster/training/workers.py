"""Processes of one torch thread each: the one way in which this room trains networks side by side."""

import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from typing import Any, TypeVar

import loky
import torch
from loky.backend import get_context

from forecaster.registry import tell, told
from forecaster.training.orphans import end_with

T = TypeVar("T")
Report = Callable[..., None]  # what a task calls with its news
Task = Callable[[Report], T]
ALONE = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}  # read by OpenMP before torch is imported
SECONDS_BETWEEN_NEWS = 0.2
_news: Any = None  # in a worker: the queue to the process that started it


class Workers:
    """As many processes as asked for or, with None, as there are cores; none where one is enough.

    They start with the first tasks and end with the `with` block: at once if it is left by an error or by Ctrl-C, and
    within a second when this process is gone, however it went.
    """

    def __init__(self, processes: int | None, at_most: int | None = None) -> None:
        count = loky.cpu_count() if processes is None else processes
        self.count = count if at_most is None else min(count, at_most)
        self._pool: Any = None

    def __enter__(self) -> "Workers":
        if self.count > 1:
            self._news = get_context("loky").SimpleQueue()
            start = {"initializer": _start, "initargs": (os.getpid(), self._news, told()), "env": ALONE}
            self._pool = loky.ProcessPoolExecutor(self.count, **start)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(kill_workers=kind is not None)

    def run(self, tasks: Sequence[Task[T]], report: Report) -> list[T]:
        """Run every task, here or in a worker, and return their results in order.

        Args:
            tasks: functions that call what they are given with their news.
            report: called here with the number of a task and its news.

        Raises:
            Exception: what the first task to fail raised.
            KeyboardInterrupt: Ctrl-C.
        """
        if self._pool is None:
            return [task(functools.partial(report, number)) for number, task in enumerate(tasks)]
        futures = [self._pool.submit(_run, task, number) for number, task in enumerate(tasks)]
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=SECONDS_BETWEEN_NEWS, return_when=FIRST_EXCEPTION)
            while not self._news.empty():
                report(*self._news.get())
            for future in done:
                future.result()
        return [future.result() for future in futures]


def _start(parent: int, news: Any, names: tuple[dict[str, Any], ...]) -> None:
    global _news
    end_with(parent)
    tell(names)
    _news = news
    torch.set_num_threads(1)


def _run(task: Task[T], number: int) -> T:
    return task(lambda *news: _news.put((number, *news)))
