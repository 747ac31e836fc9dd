"""Through whom the future came: a leak is looked for again where only some instruments have another future."""

from collections.abc import Callable, Sequence

from tradewinds.leakcheck.stretch import aligned, moment_of, parts_of, world_of
from tradewinds.leakcheck.worlds import another_world
from tradewinds.pipeline.task import Prepared


def source_of(prepared: Prepared, row: int, differs: Callable[[Prepared], bool]) -> str:
    """Return in words whose bars after a row suffice for a leak, in halves of halves; nothing where there is but one.

    Args:
        prepared: the request, in which something knew what comes after the row.
        row: that row.
        differs: whether it does so in another world.
    """
    prepared = aligned(prepared)
    names = parts_of(prepared).series.series.instruments
    if len(names) == 1:
        return ""

    def seen(chosen: Sequence[int]) -> bool:
        parts = another_world(parts_of(prepared), row, moment=moment_of(prepared, row), only=chosen)
        return differs(world_of(prepared, parts))

    chosen: Sequence[int] = range(len(names))
    while len(chosen) > 1:
        halves = (chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :])
        try:
            found = next((half for half in halves if seen(half)), None)
        except ValueError:  # a world that is refused: the leak stands, whoever it came through
            return ""
        if found is None:
            return f"; those of {len(chosen)} instruments together, and of no half of them"
        chosen = found
    return f"; those of {names[chosen[0]]} suffice"
