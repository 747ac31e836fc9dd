"""Who may see which rows. The one place where the parts of a series are cut."""

import math
from dataclasses import dataclass

from forecaster.config import SplitConfig


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
    decisions = math.ceil((horizon + 3) / (1.0 - stop_fraction)) + 2  # fit, purged rows, stop
    needs = (first_row + context_length - 1 + horizon + decisions, horizon + 2, horizon + 2, horizon + 2)
    parts = _parts(num_rows, config)
    short = [part for part in range(4) if len(parts[part]) < needs[part]]
    if short:
        enough = num_rows + 1
        while any(len(part) < need for part, need in zip(_parts(enough, config), needs, strict=True)):
            enough += 1
        worst = max(short, key=lambda part: needs[part] - len(parts[part]))
        name = ("forecaster", "agent", "validation", "test")[worst]
        raise ValueError(
            f"{num_rows} rows are too few: the {name} part gets {len(parts[worst])} rows and needs {needs[worst]} "
            f"(context_length {context_length}, horizon {horizon}, warm-up {first_row}); "
            f"bring {enough} rows, or lower model.context_length, model.horizon or the other parts' shares"
        )
    return Split(*parts, config.embargo_bars)


def _parts(num_rows: int, config: SplitConfig) -> tuple[range, range, range, range]:
    first = round(config.forecaster * num_rows)
    second = first + round(config.agent * num_rows)
    third = second + round(config.validation * num_rows)
    gap = config.embargo_bars
    bounds = ((0, first), (first + gap, second), (second + gap, third), (third + gap, num_rows))
    forecaster, agent, validation, test = (range(start, max(start, stop)) for start, stop in bounds)
    return forecaster, agent, validation, test
