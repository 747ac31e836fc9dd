"""Fitted models, walked through worlds in which only the future differs; and the second account's probe."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.config import DAYWISE
from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.leakcheck.fresh import brings_plugins, fresh
from tradewinds.leakcheck.refit import Fits
from tradewinds.leakcheck.source import source_of
from tradewinds.leakcheck.stretch import first_row, moment_of, parts_of, world_of
from tradewinds.leakcheck.trace import Difference, Trace, first_difference, trace
from tradewinds.leakcheck.verdict import Leak, Question, leak_at
from tradewinds.leakcheck.worlds import another_world, known_until, later_start
from tradewinds.pipeline.encoding import Fitted, Panel
from tradewinds.pipeline.records import Forecasts, Outcome
from tradewinds.pipeline.task import Models, Prepared

SAME_STATE = 1e-4  # relative difference of a float32 state whose features were summed from another start
EVENTS = 6  # dividends and splits, the newest, beside which worlds are cut
LATER = (1, 7, 16)  # bars that a later start comes later
MOST_WALKS = 40  # of networks that are fitted anew in each


def walks(prepared: Prepared, fits: Fits, true: Trace, rows: range) -> tuple[list[Question], list[Question]]:
    """List the questions that need no fitting: those at the edges that matter, then those at every bar."""
    models = fits.models(prepared)
    walk = partial(WorldWalk, prepared, models, true, rows)
    last, first = len(prepared.series.index) - 1, max(first_row(prepared, fits.of(prepared)), 1)
    edges = list(dict.fromkeys(_edges(prepared, first)))
    likely: list[Question] = [("frozen", walk(row).frozen) for row in edges]
    if brings_plugins(prepared) and prepared.config.model.kind not in DAYWISE:
        likely.append(("fresh", partial(fresh, prepared, models, rows)))
    if true.decisions is not None:
        likely.append(("account", partial(account, prepared, prepared.task.outcome(prepared, true.decisions))))
    daywise = prepared.config.model.kind in DAYWISE  # what is fitted anew is so on all there is: the start matters
    likely += [("warm_up", walk(later).warm_up) for later in LATER if not daywise]
    most = min(prepared.config.leakcheck.cuts, MOST_WALKS) if daywise else prepared.config.leakcheck.cuts
    decides = prepared.task.decision_times(prepared).decides
    every: list[Question] = [
        ("frozen", walk(row).frozen) for row in _cuts(range(first, last), decides, most) if row not in edges
    ]
    streamed = _cuts(range(rows.start + 1, last), decides, most)
    return likely, every + [("stream", walk(row).stream) for row in streamed]


def _cuts(rows: range, decides: NDArray[np.bool_], most: int) -> list[int]:
    """Return all rows, or `most` of them, evenly spread; where few decide, half of them are rows that do."""
    if len(rows) <= most:
        return list(rows)
    deciding = [row for row in rows if decides[row]]
    if len(deciding) == len(rows):
        return _spread(rows, most)
    half = _spread(deciding, most // 2)
    others = [row for row in rows if not decides[row]]
    return sorted([*half, *_spread(others, most - len(half))])


def _spread(rows: Sequence[int], most: int) -> list[int]:
    """Return all rows, or `most` of them, evenly spread."""
    if len(rows) <= most:
        return list(rows)
    return sorted({rows[number] for number in np.linspace(0, len(rows) - 1, most).astype(int).tolist()})


def _edges(prepared: Prepared, first: int) -> Iterator[int]:
    """Yield the bars at which leaks like to sit: the ends of the parts, and of holes in the columns."""
    split, last = prepared.split, len(prepared.series.index) - 1
    for part in (split.test, split.validation, split.agent, split.forecaster):
        yield from (row for row in (part.start - 1, part.start, part.stop - 1) if first <= row < last)
    raw = parts_of(prepared).series.series
    events = [moment for moment, happens in zip(raw.index, _events(raw), strict=True) if happens]
    for row in prepared.series.index.get_indexer(pd.DatetimeIndex(events))[-EVENTS:].tolist():
        yield from (edge for edge in (row - 1, row) if first <= edge < last)
    holes = prepared.series.exogenous.isna().to_numpy().any(axis=1)
    for row in np.flatnonzero(np.diff(holes.astype(np.int64))).tolist():
        yield from (edge for edge in (row, row + 1) if first <= edge < last)


def _events(series: Series) -> NDArray[np.bool_]:
    """(T,) bars on which a dividend is paid or a split takes effect."""
    happens = np.zeros(len(series.index), dtype=bool)
    for column, nothing in ((series.dividends, 0.0), (series.splits, 1.0)):
        if column is not None:
            happens |= (column != nothing).any(axis=1)
    return happens


@dataclass(frozen=True, eq=False)
class WorldWalk:
    """One walk of fitted models through another world: a bar, or for a later start a number of bars, tells which."""

    prepared: Prepared
    models: Models
    true: Trace
    rows: range
    number: int

    def frozen(self) -> Leak | None:
        """Replace all after the bar."""
        world = world_of(self.prepared, another_world(parts_of(self.prepared), self.number, moment=self._moment))
        difference = self._difference(world)
        if difference is None:
            return None
        source = source_of(self.prepared, self.number, lambda world: self._difference(world) is not None)
        return self._leak("frozen", difference, f"it changed when only bars after {self._bar} were changed{source}")

    def _difference(self, world: Prepared) -> Difference | None:
        other = trace(world, self.models, self.rows, true=self.true, row=self.number)
        return first_difference(self.true, other, last_row=self.number)

    def stream(self) -> Leak | None:
        """Let the bar be the last one there is."""
        split = dataclasses.replace(self.prepared.split, test=range(self.rows.start, self.number + 1))
        try:
            world = world_of(self.prepared, known_until(parts_of(self.prepared), self.number + 1, self._moment), split)
        except RequestError:  # columns published so late that the last bars have none yet
            return None
        last = len(world.series.index) - 1  # fewer bars where columns are not fresh any more at the end
        if last <= self.rows.start or not world.series.index.equals(self.prepared.series.index[: last + 1]):
            return None
        world = dataclasses.replace(world, split=dataclasses.replace(split, test=range(self.rows.start, last + 1)))
        other = trace(world, self.models, world.split.test, true=self.true, row=last)
        difference = first_difference(self.true, other, last_row=last) or self._signal(world, other, last)
        what = f"it was another when {self._bar} was the last bar there was"
        return None if difference is None else self._leak("stream", difference, what)

    def _leak(self, probe: str, difference: Difference, what: str) -> Leak:
        return leak_at(self.prepared, probe, difference.stage, difference.row, f"{difference.whose}{what}")

    def _signal(self, world: Prepared, other: Trace, last: int) -> Difference | None:
        """Compare what `signal` says after the last bar with what the batch said of it."""
        start, actions = self.true.tables.get("actions", [(0, np.empty(0))])[0]
        if not start <= last < start + len(actions) or other.models is None:
            return None
        try:
            decision = world.task.decision(world, other.models, world.split.test)
        except RequestError:  # no moment at which anything is decided, such as the middle of a unit's day
            return None
        ours, theirs = (np.atleast_1d(one) for one in (actions[last - start], world.task.decided(decision)))
        if np.array_equal(theirs, ours, equal_nan=True):
            return None
        names, differs = self.true.instruments, ours.shape == theirs.shape and len(ours) == len(self.true.instruments)
        whose = f"of {names[int((ours != theirs).argmax())]}: " if differs else ""
        return Difference("actions", last, whose)

    def warm_up(self) -> Leak | None:
        """Begin some bars later."""
        later, size = self.number, len(self.prepared.series.index)
        split = dataclasses.replace(self.prepared.split, test=range(self.rows.start - later, size - later))
        world = world_of(self.prepared, later_start(parts_of(self.prepared), later), split)
        if len(world.series.index) != size - later:
            return None
        other = trace(world, self.models, split.test)
        read = ("features", "scaler", "hidden_states", "forecasts")
        ours, theirs = (
            Trace({name: one.tables[name] for name in read}, instruments=one.instruments) for one in (self.true, other)
        )
        start = max(later, self._alike(world.series)) + first_row(self.prepared, self._fitted)
        difference = first_difference(
            ours, theirs, last_row=size - 1, first_row=start, shift=later, tolerance=SAME_STATE
        )
        what = f"it never forgets where the series begins: {later} bars fewer at the start change it"
        return None if difference is None else self._leak("warm_up", difference, what)

    def _alike(self, series: Series) -> int:
        """Return the row after the last change that an instrument has not, whose halt reaches over the later start."""
        other = self.prepared.series.has_change[self.number + 1 :] != series.has_change[1:]
        rows = np.flatnonzero(other.any(axis=1))
        return self.number + 2 + int(rows[-1]) if len(rows) else 0

    @property
    def _fitted(self) -> Fitted | Panel:
        assert self.models.forecaster is not None
        return self.models.forecaster

    @property
    def _moment(self) -> pd.Timestamp:
        return moment_of(self.prepared, self.number)

    @property
    def _bar(self) -> str:
        return str(self.prepared.series.index[self.number].isoformat())


def rescore(prepared: Prepared, models: Models, forecasts: Forecasts) -> Leak | None:
    """Compare the scores of forecasts with those of a second scorer, which the task keeps."""
    difference = prepared.task.rescore(prepared, models, forecasts)
    return None if difference is None else leak_at(prepared, "rescore", *difference)


def account(prepared: Prepared, outcome: Outcome) -> Leak | None:
    """Compare the money of every strategy with that of a second account, which the task keeps."""
    difference = prepared.task.audit(prepared, outcome)
    return None if difference is None else leak_at(prepared, "account", *difference)
