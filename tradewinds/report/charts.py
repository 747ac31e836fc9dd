"""The pictures of a report, as Bokeh figures: they draw what the backtest artifact holds and compute no number.

Colours are the colour-blind-safe set of Okabe and Ito (2008); the agent is always the strong blue.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import (
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

LOG_RETURN = "log return"  # the unit that is written in percent
Figure = Any  # Bokeh's figures carry their glyph methods without types
INK, GRID = "#334155", "#e2e8f0"
PALETTE = ("#0072b2", "#cc79a7", "#e69f00", "#d55e00", "#94a3b8", "#009e73", "#56b4e9", "#8c6d31")
COLOURS = {
    "agent": "#0072b2",
    "buy_and_hold": "#000000",
    "flat": "#94a3b8",
    "random_same_turnover": "#e69f00",
    "forecast_sign": "#cc79a7",
    "plan_on_forecast": "#d55e00",
    "best_known": "#56b4e9",
    "perfect_foresight": "#009e73",
    "equal_weight_monthly": "#56b4e9",
    "inverse_volatility": "#b8a300",
    "minimum_variance": "#009e73",
    "momentum": "#e69f00",
    "forecast_tenths": "#cc79a7",
    "ridge_tenths": "#d55e00",
}
SCORED = ("#0072b2", "#94a3b8", "#e69f00", "#d55e00", "#009e73", "#cc79a7")  # models in the order of their scores
DRAWN = (
    "flat",
    "random_same_turnover",
    "forecast_sign",
    "plan_on_forecast",
    "best_known",
    "equal_weight_monthly",
    "minimum_variance",
    "momentum",
    "ridge_tenths",
    "forecast_tenths",
    "buy_and_hold",
    "agent",
)  # last is on top
DOTS = 1500  # of the scatter of forecasts
LABELS = {name: name.replace("_", " ") for name in COLOURS}


def thin(table: pd.DataFrame, points: int, keep: Sequence[str]) -> pd.DataFrame:
    """Return at most `points` rows of `table` that keep every bucket's lowest and highest value of the columns `keep`.

    A picture of a million bars needs no more than its extremes; numbers are never taken from a thinned table.
    """
    count = len(table)
    if count <= points:
        return table
    size = -(-count // max((points - 2) // (2 * len(keep)), 1))
    whole = count - count % size
    chosen = [np.array([0, count - 1])]
    for column in keep:
        values = table[column].to_numpy(np.float64)
        for fill, extreme in ((np.inf, np.argmin), (-np.inf, np.argmax)):
            known = np.where(np.isnan(values), fill, values)
            rows = extreme(known[:whole].reshape(-1, size), axis=1) + np.arange(0, whole, size)
            last = [whole + extreme(known[whole:])] if whole < count else []
            chosen.append(np.append(rows, last).astype(np.int64))
    return table.iloc[np.unique(np.concatenate(chosen))]


def source_of(table: pd.DataFrame) -> ColumnDataSource:
    """Return columns that several charts draw from, once in the page: `time`, the index, and the table's in float32."""
    columns = {str(name): table[name].to_numpy(np.float32) for name in table}
    return ColumnDataSource({"time": table.index.to_numpy(), **columns})


@dataclass(frozen=True)
class Clock:
    """What panels over time share: one range, and one cursor.

    Attributes:
        range: the span shown, named `time`, which the page's buttons and keys move.
        cursor: the vertical line under the pointer.
    """

    range: Range1d
    cursor: Span


def clock_of(index: pd.DatetimeIndex, name: str = "time") -> Clock:
    """Return a clock that shows the whole of `index` (T,) and nothing beside it."""
    first, last = (int(stamp.value // 1_000_000) for stamp in (index[0], index[-1]))
    span = Range1d(first, last, bounds=(first, last), name=name)
    return Clock(span, Span(dimension="height", line_color=INK, line_alpha=0.4, line_width=1))


def equity_chart(paths: ColumnDataSource, band: pd.DataFrame, clock: Clock, *, log: bool) -> Figure:
    """Draw the equity of the agent, the band of its luck, and its baselines; perfect foresight would dwarf them."""
    scale = "log" if log else "linear"
    plot = time_figure(f"Equity, opening equity = 1 ({scale} scale)", clock, height=340, y_axis_type=scale)
    if len(band):
        plot.varea(
            band.index, band["low"], band["high"], fill_color=COLOURS["agent"], fill_alpha=0.10,
            legend_label="95 % by luck",
        )  # fmt: skip
    for name in (name for name in DRAWN if f"equity.{name}" in paths.data):
        line = plot.line(
            "time", f"equity.{name}", source=paths, color=COLOURS[name], line_width=2.5 if name == "agent" else 1.3,
            legend_label=LABELS[name],
        )  # fmt: skip
        line.tags = ["ink"] if name == "buy_and_hold" else []
    plot.yaxis.formatter = NumeralTickFormatter(format="0.00")
    plot.legend.click_policy = "hide"
    return with_legend(plot)


def draw_seeds(plot: Figure, paths: ColumnDataSource, names: Sequence[str]) -> None:
    """Draw further agents, thinner and paler than the one that stands for them."""
    for name in names:
        plot.line("time", name, source=paths, color=COLOURS["agent"], line_width=1.0, line_alpha=0.35)


def draw_borders(plot: Figure, borders: Sequence[pd.Timestamp]) -> None:
    """Draw where one fold's test ends and the next begins."""
    for moment in borders:
        at = int(moment.value // 1_000_000)
        plot.add_layout(Span(location=at, dimension="height", line_color=INK, line_dash="dotted", line_alpha=0.5))


def comparison_chart(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the equity of several runs' agents on one logarithmic axis."""
    starts, ends = ([pd.DatetimeIndex(curve.index)[row] for curve in curves.values()] for row in (0, -1))
    clock = clock_of(pd.DatetimeIndex([min(starts), max(ends)]))
    plot = time_figure("Equity of each agent, opening equity = 1 (log scale)", clock, height=360, y_axis_type="log")
    for (name, curve), colour in zip(curves.items(), itertools.cycle(SCORED), strict=False):
        plot.line(curve.index, curve["equity"], color=colour, line_width=1.8, legend_label=name)
    plot.yaxis.formatter = NumeralTickFormatter(format="0.00")
    plot.legend.click_policy = "hide"
    return with_legend(plot)


def drawdown_chart(paths: ColumnDataSource, clock: Clock) -> Figure:
    """Draw how far the agent and buy-and-hold stand below their last peak."""
    plot = time_figure("Drawdown, share of the last peak", clock, height=200)
    _two_lines(plot, paths, "fall")
    plot.varea("time", 0.0, "fall.agent", source=paths, color=COLOURS["agent"], alpha=0.15)
    plot.yaxis.formatter = NumeralTickFormatter(format="0%")
    return with_legend(plot)


def price_chart(paths: ColumnDataSource, unit: str, clock: Clock) -> Figure:
    """Draw the price the agent traded."""
    plot = time_figure(with_unit("Price", unit), clock, height=200)
    plot.line("time", "price", source=paths, color=INK, line_width=1.3).tags = ["ink"]
    return plot


def position_chart(paths: ColumnDataSource, clock: Clock) -> Figure:
    """Draw what the agent held under that price: its exposure as a share of equity."""
    plot = time_figure("Agent's exposure, share of equity", clock, height=140)
    plot.step("time", "exposure", source=paths, mode="after", color=COLOURS["agent"], line_width=1.3)
    plot.add_layout(Span(location=0, dimension="width", line_color=INK, line_width=0.8))
    return plot


def _two_lines(plot: Figure, paths: ColumnDataSource, what: str) -> None:
    """Draw what is told of buy-and-hold, and over it of the agent."""
    for name in ("buy_and_hold", "agent"):
        line = plot.line(
            "time", f"{what}.{name}", source=paths, color=COLOURS[name], line_width=1.5, legend_label=LABELS[name]
        )
        line.tags = ["ink"] if name == "buy_and_hold" else []


def rolling_sharpe(equity: NDArray[np.float64], bars_per_year: float) -> tuple[NDArray[np.float64], int]:
    """Return the (T,) annual Sharpe of the last bars, NaN before there are enough, and how many bars: half a year's."""
    window = max(20, min(round(bars_per_year / 2), len(equity) // 3))
    returns = pd.Series(np.diff(equity, prepend=np.nan) / np.append(np.nan, equity[:-1]))
    rolling = returns.rolling(window)
    spread = rolling.std().to_numpy()
    mean = rolling.mean().to_numpy()
    return np.where(spread > 1e-12, mean / np.maximum(spread, 1e-12) * np.sqrt(bars_per_year), np.nan), window


def sharpe_chart(paths: ColumnDataSource, window: int, clock: Clock) -> Figure:
    """Draw the rolling Sharpe of the agent and of buy-and-hold."""
    plot = time_figure(f"Sharpe of the last {window} bars, annual", clock, height=200)
    _two_lines(plot, paths, "sharpe")
    plot.add_layout(Span(location=0, dimension="width", line_color=INK, line_width=0.8))
    return with_legend(plot)


def forecast_chart(forecasts: ColumnDataSource, unit: str, clock: Clock) -> Figure:
    """Draw the fan of the forecast made one bar before, its 50 and 90 % intervals, under what then happened."""
    title = f"Next bar, {unit}: forecast, its 50 and 90 % intervals, and the truth"
    plot = time_figure(title, clock, height=220)
    for low, high, alpha in (("0.05", "0.95", 0.12), ("0.25", "0.75", 0.22)):
        band = (f"quantile_{low}", f"quantile_{high}")
        plot.varea("time", *band, source=forecasts, fill_color=COLOURS["agent"], fill_alpha=alpha)
    plot.line("time", "truth", source=forecasts, color="#94a3b8", line_width=1, legend_label="truth")
    own = {"color": COLOURS["agent"], "line_width": 1.6, "legend_label": "forecast"}
    plot.line("time", "forecast", source=forecasts, **own)
    plot.yaxis.formatter = NumeralTickFormatter(format="0.0%" if unit == LOG_RETURN else "0.0")
    return with_legend(plot)


def horizon_chart(scores: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw every model's mean absolute error of the value by bars ahead, as a share of naive's; below 1 is skill."""
    plot = plain_figure("Error of the value by bars ahead, naive = 1", height=250)
    naive = np.array(scores["naive"]["value_mae_by_horizon"])
    ahead = np.arange(1, len(naive) + 1)
    for (name, score), colour in zip(scores.items(), SCORED, strict=False):
        share = np.array(score["value_mae_by_horizon"]) / np.where(naive > 0.0, naive, np.nan)
        plot.line(ahead, share, color=colour, line_width=1.6, legend_label=name.replace("_", " "))
        plot.scatter(ahead, share, color=colour, size=4)
    plot.xaxis.ticker.desired_num_ticks = min(len(naive), 10)
    return with_legend(plot)


def calibration_chart(levels: Sequence[float], shares: Mapping[str, Sequence[float]]) -> Figure:
    """Draw how often the truth lay below each quantile, against how often it should have; the diagonal is right."""
    plot = plain_figure("Share below each quantile (up) against its level", height=250)
    plot.line([0, 1], [0, 1], color=INK, line_width=0.8, line_dash="dotted").tags = ["ink"]
    for (name, share), colour in zip(shares.items(), SCORED, strict=False):
        plot.line(list(levels), list(share), color=colour, line_width=1.6, legend_label=name.replace("_", " "))
    return with_legend(plot)


def scatter_chart(forecasts: pd.DataFrame, unit: str, points: int) -> Figure:
    """Draw forecast against truth, one dot a bar: a forecast with skill leans along the diagonal."""
    count = min(points, DOTS, len(forecasts))
    rows = forecasts.iloc[np.unique(np.linspace(0, len(forecasts) - 1, count).astype(int))]
    plot = plain_figure("Forecast (across) against truth (up)", height=220)
    across, up = (rows[name].to_numpy(np.float32) for name in ("forecast", "truth"))
    plot.scatter(across, up, size=3, color=COLOURS["agent"], alpha=0.35)
    plot.xaxis.formatter = NumeralTickFormatter(format="0.00%" if unit == LOG_RETURN else "0.00")
    plot.yaxis.formatter = NumeralTickFormatter(format="0.0%" if unit == LOG_RETURN else "0.0")
    plot.xaxis.ticker.desired_num_ticks = 4
    return plot


def drawdown(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (T,) drawdown of an equity curve that opens at its first element, in [0, 1]."""
    return np.asarray(1.0 - equity / np.maximum.accumulate(equity))


def with_legend(plot: Figure) -> Figure:
    """Set the legend above the panel, where it hides nothing; a narrow page gives it more rows (page.js)."""
    if not plot.legend:  # nothing was drawn
        return plot
    legend = plot.legend[0]
    legend.orientation, legend.margin, legend.padding, legend.spacing = "horizontal", 0, 2, 8
    legend.label_text_font_size, legend.glyph_width, legend.label_standoff = "11px", 14, 4
    legend.background_fill_alpha, legend.border_line_color, legend.location = 0.0, None, "top_left"
    plot.add_layout(legend, "above")
    return plot


def plain_figure(title: str, *, height: int, **options: object) -> Figure:
    """Return an empty panel that is not over time."""
    return _dressed(figure(title=title, height=height, sizing_mode="stretch_width", tools="", **options))


def with_unit(title: str, unit: str) -> str:
    """Return a title with its unit, if there is one."""
    return f"{title}, {unit}" if unit else title


def time_figure(title: str, clock: Clock, *, height: int, **options: object) -> Figure:
    """Return an empty panel over time: the clock's range and cursor, and tools to zoom and move."""
    tools = [
        PanTool(dimensions="width"),
        WheelZoomTool(dimensions="width"),
        BoxZoomTool(dimensions="width"),
        ResetTool(),
    ]
    plot = figure(
        title=title, height=height, sizing_mode="stretch_width", x_axis_type="datetime", tools=tools,
        x_range=clock.range, **options,
    )  # fmt: skip
    plot.min_border_left = 60  # so that time lines up from panel to panel
    plot.add_tools(CrosshairTool(overlay=clock.cursor))
    plot.add_tools(HoverTool(tooltips=[("", "$x{%F %H:%M}"), ("", "$y{0.0000}")], formatters={"$x": "datetime"}))
    return _dressed(plot)


def _dressed(plot: Figure) -> Figure:
    plot.toolbar.logo, plot.toolbar.autohide = None, True
    plot.title.text_font_size, plot.title.text_color, plot.title.text_font_style = "13px", INK, "normal"
    plot.grid.grid_line_color, plot.outline_line_color = GRID, None
    plot.axis.axis_line_color, plot.axis.major_tick_line_color = GRID, GRID
    plot.axis.minor_tick_line_color, plot.axis.major_label_text_color = None, INK
    plot.axis.axis_label_text_color, plot.axis.axis_label_text_font_style = INK, "normal"
    plot.background_fill_color = plot.border_fill_color = None  # the page's own shines through
    return plot


def profit_chart(profit: pd.DataFrame, currency: str, clock: Clock) -> Figure:
    """Draw (T, S) money earned so far, a line a strategy, the agent's thicker; a click hides one."""
    chart = time_figure(with_unit("Profit so far", currency), clock, height=320)
    for name, colour in zip(map(str, profit), itertools.cycle(PALETTE), strict=False):
        width, label = 2.5 if name == "agent" else 1.3, name.replace("_", " ")
        chart.line(profit.index, profit[name], color=colour, line_width=width, legend_label=label)
    chart.yaxis.formatter = NumeralTickFormatter(format="0,0")
    with_legend(chart).legend.click_policy = "hide"
    return chart
