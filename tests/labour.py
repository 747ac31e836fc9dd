"""What the workers of tests do, in a module that another process can import."""

import functools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tradewinds.core.files import write_text
from tradewinds.core.turns import in_turn, moment


class Unsendable(Exception):
    """An error that can be pickled and not unpickled."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def threads(*_):
    return os.environ.get("OMP_NUM_THREADS"), os.environ.get("OPENBLAS_NUM_THREADS"), os.getpid()


def add(shared, task):
    return shared + task


def fail(task):
    raise {"plain": ValueError("a plain sentence"), "unsendable": Unsendable("this", "that")}[task]


@dataclass
class Unpacked:
    """A value that leaves a file wherever it is unpacked."""

    folder: Path

    def __setstate__(self, state):
        self.__dict__ = state
        Path(self.folder, f"unpacked-{os.getpid()}-{time.monotonic_ns()}").touch()


def hold(value, task):
    """Say in which process what is shared is held."""
    return os.getpid()


def square(folder, task):
    """Leave a file that says on which node of a cluster a number was squared, whether or not it comes to an end."""
    import ray

    Path(folder, f"{task}-{ray.get_runtime_context().get_node_id()}-{time.monotonic_ns()}").touch()
    time.sleep(0.3)
    return task * task


def die(task):
    os.kill(os.getpid(), signal.SIGKILL)


def linger(folder, task):
    """Sleep long, having said who does: a number that is there is there whole, for whoever ends this then."""
    write_text(Path(folder, f"{task}.pid"), str(os.getpid()))
    time.sleep(60.0)


def linger_beyond_the_first(folder, task):
    """Fail in the first task once the others are at work, and sleep in the others."""
    if task == 0:
        while len(list(Path(folder).glob("*.pid"))) < 1:
            time.sleep(0.01)
        raise ValueError("the first one failed")
    linger(folder, task)


def speak(request, console):
    """Say a word on each stream, the sooner the later the run is; fail by the seed."""
    time.sleep(0.2 * (3 - request.seed))
    console.note(f"note of {request.seed}")
    console.result(f"result of {request.seed}, typed {console.typed}")
    console.finish({"seed": request.seed})
    return request.seed


def perish(request, console):
    """Be killed as the second run."""
    if request.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    console.result(f"result of {request.seed}")
    return 0


def write_for_long(request, console):
    """Hold something half written, but in the first run."""
    partial = Path(request.run.dir, f"{request.seed}.partial")
    try:
        partial.write_text("")
        while request.seed or len(list(partial.parent.iterdir())) < 2:
            time.sleep(0.02)
    finally:
        partial.unlink(missing_ok=True)
    return 0


def take_turn(request, console):
    """Come to one's turn late, the first the latest, and write down who had it."""
    time.sleep(0.2 * (3 - request.seed))
    if request.seed == 1:
        return 1  # it fails before its turn
    with in_turn(), Path(request.run.dir, "turns").open("a") as file:
        file.write(f"{request.seed} {moment():%f}\n")
    return 0


def linger_in_a_nest(folder, task):
    """Sleep long in two workers of the forecaster's own, which this worker starts."""
    from forecaster.training.workers import Workers

    with Workers(2) as workers:
        workers.run([functools.partial(_linger_with_news, folder, number) for number in range(2)], lambda *_: None)


def _linger_with_news(folder, task, report):
    linger(folder, task)
