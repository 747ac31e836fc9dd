"""Who may see which rows. The one place where the parts of a series are cut."""

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


def split_rows(num_rows: int, config: SplitConfig, *, context_length: int, horizon: int, first_row: int) -> Split:
    """Cut T rows into forecaster | agent | validation | test.

    Args:
        num_rows: T.
        config: shares and embargo.
        context_length: L, bars a window needs.
        horizon: H, bars a label needs after its row.
        first_row: first row with all features.

    Returns:
        The split; rows before `first_row` belong to the forecaster's part and are not used by it.

    Raises:
        ValueError: a part is too short to be of use: the forecaster needs two windows to fit and two to stop on, the
            others two bars and their labels.
    """
    edges = [0]
    for share in (config.forecaster, config.agent, config.validation):
        edges.append(edges[-1] + round(share * num_rows))
    edges.append(num_rows)
    starts = [0, *(edge + config.embargo_bars for edge in edges[1:4])]
    parts = [range(start, max(stop, start)) for start, stop in zip(starts, edges[1:], strict=True)]
    needs = [first_row + context_length + 2 * horizon + 8, horizon + 2, horizon + 2, horizon + 2]
    shares = (config.forecaster, config.agent, config.validation, config.test)
    names = ("forecaster", "agent", "validation", "test")
    gaps = (0, *(config.embargo_bars,) * 3)
    wanted = [round((need + gap) / share + 1.0) for need, gap, share in zip(needs, gaps, shares, strict=True)]
    if any(len(part) < need for part, need in zip(parts, needs, strict=True)):
        worst = wanted.index(max(wanted))
        raise ValueError(
            f"{num_rows} rows are too few: the {names[worst]} part gets {len(parts[worst])} rows "
            f"and needs {needs[worst]} (context_length {context_length}, horizon {horizon}, warm-up {first_row}); "
            f"bring about {max(wanted)} rows, or lower model.context_length, model.horizon or the other parts' shares"
        )
    forecaster, agent, validation, test = parts
    return Split(forecaster, agent, validation, test, config.embargo_bars)
