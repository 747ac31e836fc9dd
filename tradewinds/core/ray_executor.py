"""Tasks on a cluster of Ray: what they share lies once on every machine, and a machine that dies costs what it was at.

A task whose machine died is done again elsewhere, by Ray. No more tasks are handed out than there is room for, so that
this process does not grow with their number. Ray is loaded when a cluster is asked for. Must not know what tasks do.
"""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

from tradewinds import __version__
from tradewinds.core.errors import RequestError
from tradewinds.core.files import PARTIAL
from tradewinds.core.plugins import registered
from tradewinds.core.threads import BLAS, TORCH
from tradewinds.core.turns import Turns
from tradewinds.core.workers import THREADS, KilledError, sendable

Task = TypeVar("Task")
Result = TypeVar("Result")
Value = TypeVar("Value")
RETRIES = 3  # of a task whose process or machine died
KNOCK_SECONDS = 5.0  # in which a cluster answers
LEAVE_SECONDS = 10.0  # in which a task that is given up has cleared away what it was writing
INHERITED = (*BLAS, *TORCH, "OMP_WAIT_POLICY", "PYTHONPATH")  # what decides last digits, speed, and whose code is run


@dataclass(frozen=True)
class Place:
    """What a process of a cluster enters before its first task.

    Attributes:
        folder: in which the command was typed.
        mark: a file that this machine wrote where artifacts go.
        version: of Tradewinds here.
    """

    folder: Path
    mark: Path
    version: str

    def enter(self) -> None:
        """Go where the command was typed.

        Raises:
            RequestError: this machine does not see the same files, or has another version.
        """
        if not self.mark.is_file():
            raise RequestError(
                f"executor=ray: {socket.gethostname()} does not see {self.mark.parent}; run.dir, and files that are "
                "read, must lie on a folder that all machines of the cluster share"
            )
        if __version__ != self.version:
            raise RequestError(
                f"executor=ray: {socket.gethostname()} has tradewinds {__version__}, and this machine {self.version}; "
                "install the same on all"
            )
        os.chdir(self.folder)
        registered()  # the rooms below learn of plugins


@dataclass(frozen=True)
class OnNodes(Generic[Value]):
    """A value that lies once in the memory of each machine that asks for it."""

    reference: Any  # of Ray

    def __call__(self) -> Value:
        """Return it, as this machine's memory holds it: not to be written to."""
        import ray

        value: Value = ray.get(self.reference)
        return value


class RayExecutor:
    """A cluster that this machine is part of.

    Args:
        address: host:port; None for the cluster that runs here.
        folder: where artifacts go; all machines must have it.
    """

    elsewhere = True

    def __init__(self, address: str | None, folder: Path) -> None:
        self._address, self._folder = address, folder

    def require(self) -> None:
        """Connect, unless this process has.

        Raises:
            RequestError: no cluster is there, or it is none for this machine.
        """
        import ray
        from ray._private import worker

        if ray.is_initialized():
            return
        worker._worker_logs_enabled = False  # of what died it tells on standard output, where results stand
        if self._address is not None:
            _knock(self._address)
        handler = signal.getsignal(signal.SIGTERM)
        try:
            ray.init(self._address or "auto", log_to_driver=False, logging_level="error")
        except Exception as error:  # of many kinds
            words = " ".join(str(error).split("\n")[0].split())
            raise RequestError(
                f"executor.address: no cluster of Ray can be joined at {self._address or 'this machine'} ({words}); "
                "type ray start --head here, or ray start --address=HOST:PORT to be part of one"
            ) from None
        finally:
            signal.signal(signal.SIGTERM, handler)  # Ray takes it

    def width(self, task_cores: int = 1, task_bytes: int = 1) -> int:
        """Return how many tasks the machines that live can hold at a time: by their cores, and by Ray's memory."""
        import ray

        self.require()
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        rooms = [(one.get("CPU", 0) // task_cores, one.get("memory", 0) // task_bytes) for one in alive]
        return max(1, int(sum(map(min, rooms))))

    def machines(self) -> int:
        """Return how many machines live; two nodes on one are one."""
        import ray

        self.require()
        return len({node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]})

    def put(self, value: Value) -> Callable[[], Value]:
        """Return the value, as it lies once on each machine."""
        import ray

        self.require()
        return OnNodes(ray.put(value))

    def turns(self, over: Sequence[bool]) -> Turns:
        """Return turns that are kept on this machine."""
        self.require()
        return RayTurns(over)

    @contextmanager
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
    ) -> Iterator[Iterator[Result]]:
        """Start all tasks on the cluster; see `tradewinds.core.executor.Executor`."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        self.require()
        with self._marked() as place:
            held = OnNodes[tuple[Any, ...]](ray.put((place, function, shared)))
            do = ray.remote(num_cpus=cores, max_retries=RETRIES, runtime_env={"env_vars": _variables(threads)})(_do)
            waiting, under_way = iter(tasks), dict[Any, Task]()

            def hand_out() -> None:
                for task in islice(waiting, workers - len(under_way)):
                    under_way[do.remote(held, task)] = task

            def results() -> Iterator[Result]:
                while under_way:
                    (ready, *_), _ = ray.wait(list(under_way), num_returns=1)
                    task = under_way.pop(ready)
                    try:
                        result, error = ray.get(ready)
                    except RayTaskError as reason:  # before ours began
                        raise RuntimeError(_not_begun(str(reason))) from reason
                    except RayError as reason:
                        raise KilledError(killed, task) from reason
                    del ready
                    hand_out()
                    if error is not None:
                        raise error
                    yield result

            try:
                hand_out()
                yield results()
            finally:
                _give_up(list(under_way))

    @contextmanager
    def _marked(self) -> Iterator[Place]:
        """Leave a mark in the folder meanwhile, by which other machines see that it is the same."""
        folder = self._folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)
        mark = folder / f"{PARTIAL}cluster-{os.getpid()}-{secrets.token_hex(2)}"
        try:
            mark.touch()
            yield Place(Path.cwd(), mark, __version__)
        finally:
            mark.unlink(missing_ok=True)


def _knock(address: str) -> None:
    """Ask whether anybody answers at an address; Ray itself would ask for a minute.

    Raises:
        RequestError: nobody does.
    """
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise RequestError(
            f"executor.address: nobody answers at {address} ({error}); give host:port of the head of a cluster, as "
            "ray start --head printed it"
        ) from None


def _not_begun(words: str) -> str:
    """Say why a process of the cluster could not even begin; `words` are Ray's, of many lines."""
    reason = words.strip().splitlines()[-1]
    return f"a machine of the cluster cannot begin ({reason}); install the same packages on all of them"


def _variables(threads: int | None) -> dict[str, str]:
    """Return the environment that processes of the cluster compute in, as those of this machine would."""
    here = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return here if threads is None else here | dict.fromkeys(THREADS, str(threads))


def _give_up(under_way: Sequence[Any]) -> None:
    """End tasks that nobody waits for any more, once they have cleared away what they were writing."""
    import ray

    for reference in under_way:
        ray.cancel(reference)
    if under_way:
        _, left = ray.wait(list(under_way), num_returns=len(under_way), timeout=LEAVE_SECONDS)
        for reference in left:
            ray.cancel(reference, force=True)


_held: tuple[Any, tuple[Any, ...]] | None = None  # what the tasks of this process share, by its reference


def _do(held: OnNodes[tuple[Any, ...]], task: Any) -> tuple[Any, Exception | None]:
    """Do a task in a process of the cluster, and return its result, or why there is none."""
    global _held
    try:
        if _held is None or _held[0] != held.reference:
            place, function, shared = held()
            place.enter()
            _held = held.reference, (function, shared)
        function, shared = _held[1]
        return function(*shared, task), None
    except Exception as error:
        return None, sendable(error)


class RayTurns:
    """Turns of processes of a cluster, kept by one beside who asked for them; who waits leaves its core to others.

    Args:
        over: (N,) whose turn is over from the start.
    """

    def __init__(self, over: Sequence[bool]) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.began = datetime.now(UTC)
        self._keeper = ray.remote(num_cpus=0, scheduling_strategy=here)(_Keeper).remote(list(over))

    def begin(self, number: int) -> None:
        """Say that `number` begins, and holds nothing of what it held when it was killed."""
        self._ask("leave", number)

    def wait(self, number: int) -> None:
        """Wait until the turns of all before `number` are over."""
        self._ask("wait", number)

    def end(self, number: int) -> None:
        """Say that the turn of `number` is over."""
        self._ask("end", number)

    def enter(self, number: int) -> None:
        """Wait until no other is in what all of them do alone."""
        self._ask("enter", number)

    def leave(self, number: int) -> None:
        """Say that `number` has left what it did alone."""
        self._ask("leave", number)

    def _ask(self, what: str, number: int) -> None:
        import ray

        ray.get(getattr(self._keeper, what).remote(number))


class _Keeper:
    """Knows whose turn is over and who is alone; asked by many at a time."""

    def __init__(self, over: Sequence[bool]) -> None:
        self._over, self._first, self._alone = list(over), 0, -1
        self._changed = asyncio.Condition()

    async def wait(self, number: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._present() >= number)

    async def end(self, number: int) -> None:
        async with self._changed:
            self._over[number] = True
            self._changed.notify_all()

    async def enter(self, number: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._alone in (-1, number))
            self._alone = number

    async def leave(self, number: int) -> None:
        async with self._changed:
            if self._alone == number:
                self._alone = -1
                self._changed.notify_all()

    def _present(self) -> int:
        """Return whose turn it is: the first that is not over."""
        while self._first < len(self._over) and self._over[self._first]:
            self._first += 1
        return self._first
