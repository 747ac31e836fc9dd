"""The turn of a run in a sweep: runs that are computed side by side leave what they would leave one after another.

What a later run counts of the earlier ones, it counts in its turn; what all of them write, they write alone. Outside of
a sweep it is always one's turn. Must not know what a run is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Protocol


class Turns(Protocol):
    """Whose turn of N is over, known to the processes of all of them.

    Attributes:
        began: when the sweep did, UTC.
    """

    began: datetime

    def begin(self, number: int) -> None:
        """Say that `number` begins; where it was killed before, it holds nothing of what it held then."""

    def wait(self, number: int) -> None:
        """Wait until the turns of all before `number` are over."""

    def end(self, number: int) -> None:
        """Say that the turn of `number` is over."""

    def enter(self, number: int) -> None:
        """Wait until no other is in what all of them do alone."""

    def leave(self, number: int) -> None:
        """Say that `number` has left what it did alone."""


class LocalTurns:
    """Turns of processes of this machine; to be shared with them when they are born.

    Args:
        over: (N,) whose turn is over from the start.
    """

    def __init__(self, over: Sequence[bool]) -> None:
        context = get_context("spawn")
        self.began, self._changed = datetime.now(UTC), context.Condition()
        self._over = context.Array("b", list(over), lock=False)

    def begin(self, number: int) -> None:
        """Do nothing: who is killed here takes the others with it, and they begin with turns of their own."""

    def wait(self, number: int) -> None:
        """Wait until the turns of all before `number` are over."""
        with self._changed:
            self._changed.wait_for(lambda: all(self._over[:number]))

    def end(self, number: int) -> None:
        """Say that the turn of `number` is over."""
        with self._changed:
            self._over[number] = True
            self._changed.notify_all()

    def enter(self, number: int) -> None:
        """Wait until no other is in what all of them do alone."""
        self._changed.acquire()

    def leave(self, number: int) -> None:
        """Say that `number` has left what it did alone."""
        self._changed.release()


_place: tuple[Turns, int] | None = None  # of the run in this process


@contextmanager
def taking_part(turns: Turns, number: int) -> Iterator[None]:
    """Be the run `number` meanwhile; whatever comes of it, its turn is over then."""
    global _place
    turns.begin(number)
    _place = turns, number
    try:
        yield
    finally:
        _place = None
        turns.end(number)


@contextmanager
def in_turn() -> Iterator[None]:
    """Wait until the turns of the earlier runs are over; the next one's begins when the block ends."""
    if _place is None:
        yield
        return
    turns, number = _place
    turns.wait(number)
    try:
        yield
    finally:
        turns.end(number)


@contextmanager
def alone() -> Iterator[None]:
    """Be the only one of the sweep that is in such a block."""
    if _place is None:
        yield
        return
    turns, number = _place
    turns.enter(number)
    try:
        yield
    finally:
        turns.leave(number)


def moment() -> datetime:
    """Return the present moment; of runs side by side moments in their order, just after the sweep began. UTC."""
    if _place is None:
        return datetime.now(UTC)
    turns, number = _place
    return turns.began + timedelta(microseconds=number)
