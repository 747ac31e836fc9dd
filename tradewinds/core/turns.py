"""The turn of a run in a sweep: runs that are computed side by side leave what they would leave one after another.

What a later run counts of the earlier ones, it counts in its turn; what all of them write, they write alone. Outside of
a sweep it is always one's turn. Must not know what a run is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context


class Turns:
    """Who of N has begun, and whose turn is over; to be shared with processes when they are born.

    Args:
        over: (N,) whose turn is over from the start.
    """

    def __init__(self, over: Sequence[bool]) -> None:
        context = get_context("spawn")
        self.began, self.changed = datetime.now(UTC), context.Condition()
        self.begun = context.Array("b", len(over), lock=False)
        self._over = context.Array("b", list(over), lock=False)

    def wait(self, number: int) -> None:
        """Wait until the turns of all before `number` are over."""
        with self.changed:
            self.changed.wait_for(lambda: all(self._over[:number]))

    def end(self, number: int) -> None:
        """Say that the turn of `number` is over."""
        with self.changed:
            self._over[number] = True
            self.changed.notify_all()


_place: tuple[Turns, int] | None = None  # of the run in this process


@contextmanager
def taking_part(turns: Turns, number: int) -> Iterator[None]:
    """Be the run `number` meanwhile; whatever comes of it, its turn is over then."""
    global _place
    _place, turns.begun[number] = (turns, number), True
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
    with _place[0].changed:
        yield


def moment() -> datetime:
    """Return the present moment; of runs side by side moments in their order, just after the sweep began. UTC."""
    if _place is None:
        return datetime.now(UTC)
    turns, number = _place
    return turns.began + timedelta(microseconds=number)
