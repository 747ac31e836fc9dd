"""The pictures of a portfolio: weights over time, profit by asset, and how well forecasts ranked the assets."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import NumeralTickFormatter, Span
from numpy.typing import NDArray

from tradewinds.report.charts import (
    COLOURS,
    INK,
    SCORED,
    Clock,
    Figure,
    plain_figure,
    source_of,
    thin,
    time_figure,
    with_legend,
)

OWN = "account."  # before the names of columns that are of no asset
PALETTE = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a300", "#64748b",
    "#7dd3fc", "#fdba74", "#86efac", "#f0abfc", "#cbd5e1",
)  # fmt: skip


def weights_chart(weights: pd.DataFrame, clock: Clock, points: int) -> Figure:
    """Draw what is held of each asset as areas, longs above zero and shorts below."""
    names = [str(name) for name in weights if not str(name).startswith(OWN)]
    table = thin(weights, points, names[:2])
    plot = time_figure("Agent's weights, share of equity", clock, height=280)
    above = below = np.zeros(len(table))
    areas: dict[str, NDArray[np.float64]] = {}
    for name in names:
        held = table[name].to_numpy(np.float64)
        long, short = np.maximum(held, 0.0), np.minimum(held, 0.0)
        areas |= {f"{name} from": above, f"{name} to": above + long}
        areas |= {f"{name} below": below, f"{name} down": below + short}
        above, below = above + long, below + short
    drawn = source_of(pd.DataFrame(areas, table.index))
    for name, colour in zip(names, itertools.cycle(PALETTE), strict=False):
        for low, high in ((f"{name} from", f"{name} to"), (f"{name} below", f"{name} down")):
            if np.abs(areas[high] - areas[low]).max() > 0.0:
                plot.varea("time", low, high, source=drawn, fill_color=colour, fill_alpha=0.75, legend_label=name)
    plot.add_layout(Span(location=0, dimension="width", line_color=INK, line_width=0.8))
    plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    if plot.legend:
        plot.legend[0].ncols = 7
    return with_legend(plot)


def exposure_chart(weights: pd.DataFrame, clock: Clock, points: int) -> Figure:
    """Draw gross and net exposure."""
    columns = [f"{OWN}gross", f"{OWN}net"]
    drawn = source_of(thin(weights[columns], points, columns))
    plot = time_figure("Gross and net exposure, share of equity", clock, height=150)
    for name, colour in zip(columns, (COLOURS["agent"], COLOURS["random_same_turnover"]), strict=True):
        label = name.removeprefix(OWN)
        plot.step("time", name, source=drawn, mode="after", color=colour, line_width=1.3, legend_label=label)
    plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    return with_legend(plot)


def contributions_chart(contributions: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the profit of the assets that earned and lost most."""
    rows = list(reversed(contributions))
    names = [str(row["instrument"]) for row in rows]
    title, height = "Profit by asset, share of the opening equity", max(60 + 18 * len(rows), 120)
    plot = plain_figure(title, height=height, y_range=names)
    profit = [float(row["profit"]) for row in rows]
    colours = [COLOURS["agent"] if value >= 0.0 else COLOURS["plan_on_forecast"] for value in profit]
    plot.hbar(y=names, right=profit, height=0.7, color=colours)
    plot.xaxis.formatter = NumeralTickFormatter(format="0.0%")
    plot.xaxis.ticker.desired_num_ticks = 5
    return plot


def rank_chart(by_day: pd.DataFrame, clock: Clock, points: int) -> Figure:
    """Draw the rank information coefficient of every model, added up from bar to bar: a line that rises is skill."""
    total = by_day.fillna(0.0).cumsum()
    names = [str(name) for name in total]
    drawn = source_of(thin(total, points, names[:1]))
    plot = time_figure("Rank IC of the next bar, added up", clock, height=240)
    for name, colour in zip(names, SCORED, strict=False):
        label = name.replace("_", " ")
        plot.line("time", name, source=drawn, color=colour, line_width=1.6, legend_label=label)
    return with_legend(plot)


def ranks_chart(returns: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the mean return by rank of the forecast, the lowest first: stairs that rise are skill."""
    plot = plain_figure("Mean change by rank of forecast", height=240)
    for (name, values), colour in zip(returns.items(), SCORED, strict=False):
        groups = list(range(1, len(values) + 1))
        plot.line(groups, list(values), color=colour, line_width=1.6, legend_label=name.replace("_", " "))
        plot.scatter(groups, list(values), color=colour, size=5)
    plot.yaxis.formatter = NumeralTickFormatter(format="0.000%")
    plot.xaxis.ticker = list(range(1, max(map(len, returns.values()), default=1) + 1))  # the lowest first
    return with_legend(plot)
