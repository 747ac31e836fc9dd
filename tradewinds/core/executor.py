"""Who does tasks that do not depend on one another: processes of this machine, or a cluster of Ray.

One port with two sides, chosen by the request's `executor`. A task is a plain value, its function of a module. To do it
twice must come to what it comes to once: where a machine dies, what it was at is done again elsewhere, and a function
that leaves an artifact looks for it first. Must not know what tasks compute.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tradewinds.core.errors import RequestError
from tradewinds.core.executor_config import ExecutorConfig
from tradewinds.core.machine import cores, free_memory
from tradewinds.core.turns import LocalTurns, Turns
from tradewinds.core.workers import results_of

Task = TypeVar("Task")
Result = TypeVar("Result")
Value = TypeVar("Value")


class Executor(Protocol):
    """Does tasks in processes that are not this one.

    Attributes:
        elsewhere: whether on other machines, so that what could be done here is theirs, too.
    """

    elsewhere: bool

    def require(self) -> None:
        """Be ready.

        Raises:
            RequestError: what does the work is not there.
        """

    def width(self, task_cores: int = 1, task_bytes: int = 1) -> int:
        """Return how many tasks there is room for at a time, at least 1.

        Args:
            task_cores: cores that each takes.
            task_bytes: memory that each takes.
        """

    def machines(self) -> int:
        """Return how many machines do tasks."""

    def put(self, value: Value) -> Callable[[], Value]:
        """Return what a task can be given in the place of a large value, and calls to have it; nobody changes it."""

    def turns(self, over: Sequence[bool]) -> Turns:
        """Return turns that tasks can share; (N,) whose are over from the start."""

    def results_of(
        self,
        function: Callable[..., Result],
        tasks: Iterable[Task],
        *,
        workers: int,
        shared: tuple[Any, ...] = (),
        threads: int | None = None,
        cores: int = 1,
        killed: str = "a worker was killed",
    ) -> AbstractContextManager[Iterator[Result]]:
        """Start `function(*shared, task)` of every task, as `tradewinds.core.workers.results_of` does.

        Args:
            function: of a module, so that another process can import it.
            tasks: in the order in which they are begun.
            workers: tasks at a time, at most.
            shared: sent to each process once.
            threads: for the numerical libraries of each process; None leaves them as they are here.
            cores: that a task takes, by which machines are chosen.
            killed: what to say of a task whose process was killed, and every other time that it was tried.

        Raises:
            Exception: that of the first task that failed; what is not finished is given up.
            KilledError: a task's process was killed.
        """


@dataclass(frozen=True)
class Sent(Generic[Value]):
    """A value that goes along with every task that is given it."""

    value: Value

    def __call__(self) -> Value:
        """Return it."""
        return self.value


class LocalExecutor:
    """Processes of this machine, in one pool."""

    elsewhere = False

    def require(self) -> None:
        """Be ready: this machine is there."""

    def width(self, task_cores: int = 1, task_bytes: int = 1) -> int:
        """Return how many tasks this machine can hold at a time: by its cores, and by its free memory."""
        by_cores, memory = cores() // task_cores, free_memory()
        return max(1, by_cores if memory is None else min(by_cores, memory // task_bytes))

    def machines(self) -> int:
        """Return 1: this one."""
        return 1

    def put(self, value: Value) -> Callable[[], Value]:
        """Return the value, as it goes along with tasks."""
        return Sent(value)

    def turns(self, over: Sequence[bool]) -> Turns:
        """Return turns of processes of this machine."""
        return LocalTurns(over)

    def results_of(
        self, function: Callable[..., Result], tasks: Iterable[Task], *, cores: int = 1, **how: Any
    ) -> AbstractContextManager[Iterator[Result]]:
        """Start all tasks in one pool; where a process is killed, all that are under way are given up."""
        return results_of(function, tasks, **how)


def executor_of(settings: ExecutorConfig, folder: str) -> Executor:
    """Return who does the tasks of a request.

    Args:
        settings: of the request.
        folder: where tasks leave their artifacts; all machines of a cluster must have it.

    Raises:
        RequestError: Ray is not installed.
    """
    if settings.kind == "local":
        return LocalExecutor()
    if find_spec("ray") is None:
        raise RequestError("executor=ray needs Ray; type pip install 'tradewinds[scale]', or take executor=local")
    from tradewinds.core.ray_executor import RayExecutor

    return RayExecutor(settings.address, Path(folder))
