"""The request in other worlds, and on few bars: prepared anew from what was loaded."""

import dataclasses

import pandas as pd

from forecaster.data.splits import Split
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline import encoding
from tradewinds.pipeline.encoding import Fitted, Panel
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.pipeline.task import Prepared

FEWEST = 8  # bars to act on


def aligned(prepared: Prepared) -> Prepared:
    """Return the request with loaded bars cut to those that are left after the join: one row, one bar."""
    parts, index = parts_of(prepared), prepared.panel.index
    bars = parts.series.series
    rows = range(int(bars.index.searchsorted(index[0])), int(bars.index.searchsorted(index[-1])) + 1)
    cut = dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=bars.rows(rows)))
    return dataclasses.replace(prepared, parts=cut)


def world_of(prepared: Prepared, parts: Parts, split: Split | None = None) -> Prepared:
    """Prepare the request anew in another world, its rows parted as they were."""
    split = prepared.split if split is None else split
    return prepared_from(prepared.config, prepared.task, parts, split, trains=False)


def moment_of(prepared: Prepared, row: int) -> pd.Timestamp:
    """Return the moment as of which a row of the request's series is read: its close, or a gate closure before it."""
    moment: pd.Timestamp = prepared.task.decision_times(prepared).reads[row]
    return moment


def parts_of(prepared: Prepared) -> Parts:
    """Return what the request was joined from."""
    if prepared.parts is None:
        raise ValueError("prepared must hold the parts it was joined from; use prepared_from")
    return prepared.parts


def first_row(prepared: Prepared, fitted: Fitted | Panel, name: str | None = None) -> int:
    """Return the first row with a whole context behind it, of what is acted on or of the instrument named."""
    series = prepared.series if name is None else prepared.panel.instrument(name)
    table, _ = encoding.read_bars(fitted, series)
    return table.first_row + prepared.config.model.context_length - 1


def short_stretch(prepared: Prepared, parts: Parts, first: int) -> Prepared | None:
    """Prepare the last bars alone, the agent played on those that have behind them all that is read."""
    rows = len(parts.series.series.index)
    begin = max(first, prepared.split.embargo_bars) + 1
    start = begin + prepared.task.warm_bars
    if rows - start < FEWEST:
        return None
    learned = range(begin)  # what a task reads of the rows that a forecaster learned from, it reads there
    split = dataclasses.replace(
        prepared.split,
        forecaster=learned,
        agent=range(begin, start),
        validation=range(start, start),
        test=range(start, rows),
    )
    return prepared_from(prepared.config, prepared.task, parts, split, trains=False)
