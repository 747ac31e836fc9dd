"""What every page shares: the cards at its head, and what its buttons and keys know of the time axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tradewinds.report.render import shown


def cards_of(
    strategies: Mapping[str, Mapping[str, Any]], rival: str, keys: Sequence[tuple[str, str, str]]
) -> list[dict[str, str]]:
    """Return a card for each (label, metric, form): the agent's number, and that of a rival beside it."""
    agent, other = strategies["agent"]["metrics"], strategies[rival]["metrics"]
    beside = rival.replace("_", " ")
    return [
        {"label": label, "value": shown(agent[key], form), "beside": f"{beside} {shown(other[key], form)}"}
        for label, key, form in keys
    ]


def metric_rows(rows: Sequence[tuple[str, str, str]], document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows of a table of strategies, and one for each metric that a plug-in brought."""
    custom = document["run"]["config"]["backtest"].get("metrics", ())  # older reports have none
    return [*rows, *((name, name.replace("_", " "), "number") for name in custom)]


def rival_rows(unit: str) -> tuple[tuple[str, str, str], ...]:
    """Return the rows of the table of inference that tell the agent's lead over the strongest of its rivals."""
    return (
        ("strongest_rival", "strongest rival", "of the rules that knew no more than the agent; found afterwards"),
        (
            "lead_over_strongest_ci95",
            f"95 % interval of the agent's lead over it, {unit}",
            "if it holds 0, luck suffices",
        ),
        (
            "stronger_rival_p_value",
            "SPA p-value against the agent",
            "small: the best of these rules earns more than the agent beyond luck, their number counted",
        ),
    )


def span(table: pd.DataFrame) -> dict[str, Any]:
    """What the page's buttons and keys know of the time axis: its ends in milliseconds, and spans to show."""
    index = pd.DatetimeIndex(table.index)
    first, last = (int(stamp.value // 1_000_000) for stamp in (index[0], index[-1]))
    return {"first": first, "last": last, "ranges": _ranges(index)}


def _ranges(index: pd.DatetimeIndex) -> list[tuple[str, int]]:
    """Buttons of the time axis: names and days, shorter than the span."""
    days = (index[-1] - index[0]).days
    every = (("1 week", 7), ("1 month", 31), ("6 months", 183), ("1 year", 366), ("3 years", 1096))
    return [("all", 0), *[(name, length) for name, length in every if length < days]]
