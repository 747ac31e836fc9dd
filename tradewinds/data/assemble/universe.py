"""What a universe is made of: whose history begins and ends when, who is gone for good, what was left out.

The reader's first question is survivorship: a universe of which nothing ever ended was chosen by who is still there.
Knows histories and no prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from forecaster.data.series import Series
from tradewinds.data.checks.bars import Bars
from tradewinds.data.notes import Note
from tradewinds.data.readers.text import listed, moment

MOST = 5  # names that a line lists
FORMS = {
    "long": ", one below another",
    "wide": ", side by side",
    "files": ", a file each",
    "": "",
}


@dataclass(frozen=True)
class History:
    """The bars of one instrument.

    Attributes:
        first: start of its first bar, UTC.
        last: start of its last.
        bars: how many it has.
        holes: bars of the common clock between the two in which it has none.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    bars: int
    holes: int


@dataclass(frozen=True, kw_only=True)
class Universe:
    """Several instruments of one clock.

    Attributes:
        histories: by instrument, its bars.
        first: start of the first bar that any of them has, UTC.
        last: start of the last.
        cut: whether the series holds only the time that all of them have.
        delisted: those that are gone for good before the end.
        left: those of them that are gone because they are no members any more.
        renamed: by earlier name, the later one that has both histories.
        left_out: those that the request leaves out.
        too_short: those that were left out because they have fewer than three bars.
        never_members: those that were left out because they were never members.
        delisted_after: bars without one of an instrument, up to the end, from which on it is gone for good.
        currency: unit of the prices, or empty where nobody says it.
        form: how they stood in the files: `long`, `wide` or `files`; empty for other sources.
    """

    histories: Mapping[str, History]
    first: pd.Timestamp
    last: pd.Timestamp
    cut: bool = False
    delisted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    too_short: tuple[str, ...] = ()
    never_members: tuple[str, ...] = ()
    delisted_after: int | None = None
    currency: str = ""
    form: str = ""

    @property
    def begin_late(self) -> tuple[str, ...]:
        """Those that begin after the first bar that any of them has."""
        return tuple(name for name, history in self.histories.items() if history.first > self.first)

    @property
    def end_early(self) -> tuple[str, ...]:
        """Those that end before the last bar that any of them has."""
        return tuple(name for name, history in self.histories.items() if history.last < self.last)

    @property
    def shortest(self) -> str:
        """The instrument with the fewest bars."""
        return min(self.histories, key=lambda name: self.histories[name].bars)

    @property
    def longest(self) -> str:
        """The instrument with the most bars."""
        return max(self.histories, key=lambda name: self.histories[name].bars)

    @property
    def holes(self) -> int:
        """Bars that instruments lack within their histories, over all."""
        return sum(history.holes for history in self.histories.values())


def universe_of(instruments: Mapping[str, Bars], series: Series, **facts: object) -> Universe:
    """Return what a series of several instruments is made of.

    Args:
        instruments: the bars of each, as they were put side by side.
        series: what came of them.
        **facts: further attributes of the universe.
    """
    clock = pd.DatetimeIndex(sorted({stamp for part in _ends(instruments) for stamp in part}))
    cut = series.traded is None and (clock[0] < series.index[0] or clock[-1] > series.index[-1])
    histories = {}
    for name, bars in instruments.items():
        first, last = bars.index[0], bars.index[-1]
        inside = bars.index.slice_indexer(series.index[0], series.index[-1])
        between = series.index.slice_indexer(max(first, series.index[0]), min(last, series.index[-1]))
        holes = max(between.stop - between.start - (inside.stop - inside.start), 0)
        histories[name] = History(first, last, len(bars.index), holes)
    delisted: tuple[str, ...] = ()
    if series.delisted is not None:
        gone: list[bool] = np.any(series.delisted, axis=0).tolist()
        delisted = tuple(name for name, over in zip(series.instruments, gone, strict=True) if over)
    return Universe(
        histories=histories,
        first=clock[0],
        last=clock[-1],
        cut=cut,
        delisted=delisted,
        currency=series.price_unit,
        **facts,  # type: ignore[arg-type]
    )


def _ends(instruments: Mapping[str, Bars]) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    return [(bars.index[0], bars.index[-1]) for bars in instruments.values()]


def tell_universe(universe: Universe) -> list[Note]:
    """Return what a person should know of a universe, in a few lines."""
    number, bars = len(universe.histories), universe.histories
    alike = len({(history.first, history.last, history.bars) for history in bars.values()}) == 1
    lines = [
        f"{number} instruments{FORMS[universe.form]}, {moment(universe.first)} to {moment(universe.last)}, prices in "
        f"{universe.currency or 'a unit nobody names'}: "
        + (
            f"each has {bars[universe.longest].bars} bars"
            if alike
            else f"the longest history is {_told(universe, universe.longest)}, the shortest "
            f"{_told(universe, universe.shortest)}"
        )
    ]
    late, early = universe.begin_late, universe.end_early
    if universe.cut:
        lines.append(
            f"the series holds the time that all of them have: {len(late)} begin later than the first and {len(early)} "
            "end before the last; series.histories=whole reads each as long as it is"
        )
    elif not early:
        lines.append(
            f"survivorship: none of the {number} ends before the last bar: what was chosen because it is still there "
            "shows what its owners earned, and not what could be known"
        )
    else:
        gone = f"{len(universe.delisted)} of them for good"
        gone += "" if universe.delisted_after is None else f", by having no bar for {universe.delisted_after} or more"
        members = f", {len(universe.left)} because they are members no more" if universe.left else ""
        lines.append(f"survivorship: of {number}, {len(early)} ended early ({listed(early, MOST)}), {gone}{members}")
    if late and not universe.cut:
        lines.append(f"later than the first began {len(late)}: {listed(late, MOST)}")
    if universe.holes:
        holed = [name for name, history in bars.items() if history.holes]
        most = max(holed, key=lambda name: bars[name].holes)
        lines.append(
            f"holes within histories: {universe.holes}, most of all {bars[most].holes} of {most}: nothing trades in "
            "them, and the close before is carried"
        )
    if universe.renamed:
        pairs = [f"{earlier} as {later}" for earlier, later in universe.renamed.items()]
        lines.append(f"one history under a later name: {listed(pairs, MOST)}")
    for names, why in (
        (universe.left_out, "series.leave_out"),
        (universe.too_short, "fewer than 3 bars"),
        (universe.never_members, "never members"),
    ):
        if names:
            lines.append(f"left out, {why}: {len(names)}, {listed(names, MOST)}")
    return [Note(line, "universe") for line in lines]


def _told(universe: Universe, name: str) -> str:
    history = universe.histories[name]
    return f"{name}, {history.bars} bars, {moment(history.first)} to {moment(history.last)}"
