"""Who may see which rows. The one place where the parts of a series are cut."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from forecaster.config import SplitConfig

PARTS = ("forecaster", "agent", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Four parts of a series in order of time, with `embargo_bars` unused rows between two of them.

    Attributes:
        forecaster: rows the network is fitted on; labels of its fit rows lie inside.
        agent: rows the agent learns on.
        validation: rows that select.
        test: rows that are only reported.
        embargo_bars: rows skipped between two parts.
    """

    forecaster: range
    agent: range
    validation: range
    test: range
    embargo_bars: int

    def refuse_overlap(self) -> None:
        """Hold the parts to their law, whoever cut them.

        Raises:
            ValueError: parts overlap, stand in another order, or lie nearer than the embargo.
        """
        for name, later in pairwise(PARTS):
            before, after = getattr(self, name), getattr(self, later)
            if after.start - before.stop < self.embargo_bars:
                raise ValueError(
                    f"the {later} part must begin {self.embargo_bars} rows after the {name} part or later, was rows "
                    f"{after.start} to {after.stop} after {before.start} to {before.stop}"
                )


def split_rows(
    num_rows: int, config: SplitConfig, *, context_length: int, horizon: int, first_row: int, stop_fraction: float
) -> Split:
    """Cut T rows into forecaster | agent | validation | test.

    Args:
        num_rows: T.
        config: shares and embargo.
        context_length: L, bars a window needs.
        horizon: H, bars a label needs after its row.
        first_row: first row with all features.
        stop_fraction: share of the forecaster's decision rows that stop its training.

    Returns:
        The split; rows before `first_row` belong to the forecaster's part and are not used by it.

    Raises:
        ValueError: a part is too short to be of use: the forecaster needs two windows to fit and two to stop on, the
            others two bars and their labels.
    """
    needs = _needs(context_length, horizon, first_row, stop_fraction)
    parts = _parts(num_rows, config)
    short = [part for part in range(4) if len(parts[part]) < needs[part]]
    if short:
        enough = num_rows + 1
        while any(len(part) < need for part, need in zip(_parts(enough, config), needs, strict=True)):
            enough += 1
        worst = max(short, key=lambda part: needs[part] - len(parts[part]))
        raise ValueError(
            f"{num_rows} rows are too few: the {PARTS[worst]} part gets {len(parts[worst])} rows and needs "
            f"{needs[worst]} (context_length {context_length}, horizon {horizon}, warm-up {first_row}); "
            f"bring {enough} rows, or lower model.context_length, model.horizon or the other parts' shares"
        )
    return Split(*parts, config.embargo_bars)


@dataclass(frozen=True)
class Fold:
    """One step of a walk forward: models are fitted on what came before its test rows.

    Attributes:
        rows: rows of the series that the fold may read; it ends with its test rows.
        split: their parts, counted from the first of `rows`.
    """

    rows: range
    split: Split


def walk_forward_folds(
    num_rows: int,
    config: SplitConfig,
    *,
    folds: int,
    mode: Literal["anchored", "rolling"],
    test_share: float,
    context_length: int,
    horizon: int,
    first_row: int,
    stop_fraction: float,
    boundary: Callable[[int], int] | None = None,
) -> list[Fold]:
    """Cut T rows into folds whose test rows follow one another without a gap, up to the last row.

    Args:
        num_rows: T.
        config: how the rows before a test are shared among forecaster, agent and validation, and the embargo; its share
            of test rows is not read.
        folds: how many.
        mode: `anchored` folds begin at row 0 and grow; `rolling` folds have the length of the first.
        test_share: share of all rows that is tested, over all folds.
        context_length: L, bars a window needs.
        horizon: H, bars a label needs after its row; labels of a part lie inside it, which is the purge.
        first_row: first row with all features.
        stop_fraction: share of the forecaster's decision rows that stop its training.
        boundary: for a row, the row near it at which a test may begin, such as the first bar of a local day; None where
            any row may. A test goes on to the next one's first row, the last to the last row.

    Returns:
        The folds, oldest first.

    Raises:
        ValueError: a part of the first fold, or its test, is too short to be of use.
    """
    first = num_rows - round(test_share * num_rows)
    starts = [first + round(number * (num_rows - first) / folds) for number in range(folds)]
    if boundary is not None:
        starts = [boundary(row) for row in starts]
    needs = _needs(context_length, horizon, first_row, stop_fraction)
    cut = []
    for number, (start, stop) in enumerate(pairwise([*starts, num_rows]), 1):
        begin = 0 if mode == "anchored" else start - starts[0]
        parts = _walk_parts(start - begin, stop - start, config)
        for name, part, need in zip(PARTS, parts, needs, strict=True):
            if len(part) < need:
                raise ValueError(
                    f"{num_rows} rows are too few for {folds} folds: the {name} part of fold {number} gets {len(part)} "
                    f"rows and needs {need} (context_length {context_length}, horizon {horizon}, warm-up {first_row}); "
                    "bring more rows, or lower walk_forward.folds, walk_forward.test_share or model.context_length"
                )
        cut.append(Fold(range(begin, stop), Split(*parts, config.embargo_bars)))
    return cut


def split_before(
    row: int, num_rows: int, config: SplitConfig, *, context_length: int, horizon: int, first_row: int
) -> Split:
    """Cut T rows where the first that is tested is given, and nothing is fitted but what stands beside a model.

    Args:
        row: the first row of the test part, which goes on to the last.
        num_rows: T.
        config: how the rows before are shared, and the embargo; its share of test rows is not read.
        context_length: L, bars a window needs.
        horizon: H, bars a label needs after its row.
        first_row: first row with all features.

    Raises:
        ValueError: a part is too short to be of use.
    """
    parts = _walk_parts(row, num_rows - row, config)
    for name, part, need in zip(PARTS, parts, _needs(context_length, horizon, first_row, 0.0), strict=True):
        if len(part) < need:
            raise ValueError(
                f"{row} rows before those that are judged and {num_rows - row} from there on are too few: the {name} "
                f"part gets {len(part)} rows and needs {need} (context_length {context_length}, horizon {horizon}, "
                f"warm-up {first_row})"
            )
    return Split(*parts, config.embargo_bars)


def _walk_parts(before: int, tested: int, config: SplitConfig) -> tuple[range, range, range, range]:
    whole, gap = config.forecaster + config.agent + config.validation, config.embargo_bars
    first = round(config.forecaster / whole * before)
    second = first + round(config.agent / whole * before)
    return _cut(first, second, before - gap, before + tested, gap)


def _needs(context_length: int, horizon: int, first_row: int, stop_fraction: float) -> tuple[int, int, int, int]:
    """Return the fewest rows of forecaster, agent, validation and test that are of use."""
    decisions = math.ceil((horizon + 3) / (1.0 - stop_fraction)) + 2  # fit, purged rows, stop
    return first_row + context_length - 1 + horizon + decisions, horizon + 2, horizon + 2, horizon + 2


def _parts(num_rows: int, config: SplitConfig) -> tuple[range, range, range, range]:
    first = round(config.forecaster * num_rows)
    second = first + round(config.agent * num_rows)
    third = second + round(config.validation * num_rows)
    return _cut(first, second, third, num_rows, config.embargo_bars)


def _cut(first: int, second: int, third: int, stop: int, gap: int) -> tuple[range, range, range, range]:
    """Cut rows [0, `stop`) where the first three parts end, and begin all but the first `gap` rows later."""
    bounds = ((0, first), (first + gap, second), (second + gap, third), (third + gap, stop))
    forecaster, agent, validation, test = (range(start, max(start, stop)) for start, stop in bounds)
    return forecaster, agent, validation, test
