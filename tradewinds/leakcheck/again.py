"""The run's own states and decisions, and those beside it, again where half of the test rows are another market.

What was chosen by a look at all test rows, a threshold or a feature's window, is chosen otherwise there: everything
after the middle is once a trend up and once a zigzag down. Must not know how anything was fitted.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from forecaster.panel_states import PanelStates
from tradewinds.leakcheck.stretch import moment_of, parts_of, world_of
from tradewinds.leakcheck.verdict import Leak, Question, leak_at
from tradewinds.leakcheck.worlds import another_world
from tradewinds.pipeline.encoding import States, encode_again
from tradewinds.pipeline.task import Models, Prepared

WORLDS = (1, 2)  # seeds of `another_world`: a trend, a zigzag
BEFORE = 1_000  # rows before the test rows whose states are compared, beside the validation rows
LATER = 8  # one in so many of the test rows is decided on after those that are compared


def decided_again(
    prepared: Prepared, models: Models, decisions: pd.DataFrame | None, rows: range
) -> Iterator[Question]:
    """List the questions of the run's states, and of its decisions on the test rows if somebody acts.

    Args:
        prepared: the request, its bars aligned with its parts.
        models: with the states of every bar.
        decisions: of `rows`.
        rows: the test rows, or what the decisions were taken on.
    """
    row, end = _middle(prepared)
    rows = range(rows.start, min(end + 1 + len(rows) // LATER, rows.stop))
    worlds: tuple[int, ...] = WORLDS
    if prepared.task.boundary(prepared) is not None:  # whole days take their time to decide, most of all below zero
        worlds = WORLDS[1:] if prepared.series.is_price else WORLDS[:1]
    for seed in worlds:
        yield "frozen", partial(_again, prepared, models, decisions, rows, row=row, end=end, seed=seed)


def _middle(prepared: Prepared) -> tuple[int, int]:
    """Return the last row that stays as it is, and the last whose decision is taken by its close."""
    test, boundary = prepared.split.test, prepared.task.boundary(prepared)
    middle = (test.start + test.stop) // 2
    if boundary is None:
        return middle, middle
    first = boundary(middle)  # of a day that is decided as a whole, on what is known before it begins
    return first - 1, boundary(first + prepared.task.issue_bars) - 1


def _again(
    prepared: Prepared,
    models: Models,
    decisions: pd.DataFrame | None,
    rows: range,
    *,
    row: int,
    end: int,
    seed: int,
) -> Leak | None:
    fitted, ours = models.forecaster, models.states
    assert fitted is not None
    assert ours is not None
    world = world_of(prepared, another_world(parts_of(prepared), row, moment=moment_of(prepared, row), seed=seed))
    asked = range(max(min(prepared.split.validation.start, rows.start - BEFORE), 0), max(rows.stop, row + 1))
    theirs = encode_again(fitted, world.series, ours, row=row, asked=asked)
    what = f"it changed when only bars after {prepared.series.index[row].isoformat()}, half of the test, were changed"
    wrong = _other_state(ours, theirs, range(asked.start, row + 1))
    if wrong is not None:
        return leak_at(prepared, "frozen", "hidden_states", wrong[0], f"{wrong[1]}{what}")
    if decisions is None:
        return None
    again = prepared.task.decide(world, replace(models, states=theirs), rows)
    tables = (decisions.iloc[: len(rows)], again[decisions.columns])  # rules beside it may look at the rows as a whole
    others = [prepared.task.beside(job, table) for job, table in zip((prepared, world), tables, strict=True)]
    one, other = (
        pd.concat(pair, axis=1).loc[: prepared.series.index[end]] for pair in zip(tables, others, strict=True)
    )
    other = other.loc[one.index]
    differ = ~((one == other) | (one.isna() & other.isna())).to_numpy()
    differing = np.flatnonzero(differ.any(axis=1))
    if len(differing) == 0:
        return None
    first = int(prepared.series.index.searchsorted(one.index[int(differing[0])]))
    whose = f"{one.columns[int(differ[differing[0]].argmax())]}: " if prepared.several else ""
    return leak_at(prepared, "frozen", "actions", first, f"{whose}{what}")


def _other_state(ours: States, theirs: States, rows: range) -> tuple[int, str] | None:
    """Return the first of `rows` whose state or forecast differs, and of which instrument; None if none does."""
    places, part = [], slice(rows.start, rows.stop)
    for one, other in ((ours.hidden_state, theirs.hidden_state), (ours.forecast, theirs.forecast)):
        same = (one[part] == other[part]) | (np.isnan(one[part]) & np.isnan(other[part]))
        differ = ~same.all(axis=-1)  # (R,), or (R, A)
        found = np.flatnonzero(differ.reshape(len(rows), -1).any(axis=1))
        if len(found):
            first = int(found[0])
            whose = f"of {ours.instruments[int(differ[first].argmax())]}: " if isinstance(ours, PanelStates) else ""
            places.append((rows.start + first, whose))
    return min(places, key=lambda place: place[0], default=None)
