"""What an environment of Gymnasium says in a report: the training's returns over steps, and the fresh episodes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import NumeralTickFormatter
from matplotlib.figure import Figure

from tradewinds.report import charts
from tradewinds.report.page import cards_of
from tradewinds.report.png import draw
from tradewinds.report.render import render
from tradewinds.report.tables import read_table
from tradewinds.tasks.gymnasium.curves import band_of, learning_curve

METRICS = (
    ("return_mean", "mean return", "number"),
    ("return_sd", "standard deviation", "number"),
    ("return_min", "least", "number"),
    ("return_max", "most", "number"),
    ("length_mean", "steps of an episode, mean", "number"),
    ("cut_episodes", "episodes cut by a limit of steps", "count"),
    ("episodes", "episodes", "count"),
)
HONESTY = (
    ("return_ci95", "95 % interval of the agent's mean return", "bootstrap over episodes"),
    (
        "lead_over_random_ci95",
        "95 % interval of its lead over random play",
        "same starts; above 0: it learned",
    ),
)
CARDS = (("mean return", "return_mean", "number"), ("worst episode", "return_min", "number"))
BINS = 30


def episode_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the agent's return, and a line a strategy."""
    agent, trained = document["backtest"]["strategies"]["agent"]["metrics"], document["backtest"]["agent"]
    kind = document["run"]["config"]["agent"]["kind"]
    yield (
        f"{document['data']['name']}: return {agent['return_mean']:.1f} +- {agent['return_sd']:.1f} over "
        f"{agent['episodes']} fresh episodes, {kind} of step {trained['best_step']:,}"
    )
    yield f"  {'policy':<10}{'mean':>12}{'deviation':>12}{'least':>12}{'most':>12}"
    for name, strategy in document["backtest"]["strategies"].items():
        cells = "".join(f"{strategy['metrics'][key]:>12.2f}" for key, _, _ in METRICS[:4])
        yield f"  {name:<10}{cells}"


def episode_page(document: Mapping[str, Any], folder: Path) -> str:
    """Draw report.html: return over env steps, and how the fresh episodes ended."""
    learned, episodes = learning_curve(read_table(folder, "training")), read_table(folder, "episodes")
    curve = charts.plain_figure("Mean return of the validation episodes by env steps", height=300)
    band = band_of(learned, read_table(folder, "seeds"))
    if len(band):
        count = 1 + read_table(folder, "seeds")["seed"].nunique()
        curve.varea(band["step"], band["least"], band["most"], fill_color=charts.COLOURS["agent"], fill_alpha=0.15)
        curve.line(
            band["step"], band["median"], color=charts.COLOURS["agent"], line_width=1.2, line_dash="dashed",
            legend_label=f"median of {count} seeds, least to most behind",
        )  # fmt: skip
        charts.with_legend(curve)
    curve.line(learned["step"], learned["score"], color=charts.COLOURS["agent"], line_width=2)
    curve.scatter(learned["step"], learned["score"], color=charts.COLOURS["agent"], size=4)
    curve.xaxis.axis_label, curve.xaxis.formatter = "env steps", NumeralTickFormatter(format="0,0")
    counts = histogram(episodes, {"agent": "agent", "random": "random"}, "Returns of the fresh episodes", "return")
    steps = {"agent": "agent_length", "random": "random_length"}
    lengths = histogram(episodes, steps, "Steps of the fresh episodes", "steps")
    measured = measured_curves(read_table(folder, "training"))
    pictures = read_table(folder, "strip")["png"].tolist()
    strategies = document["backtest"]["strategies"]
    return render(
        "episodes.html", {"curve": curve, "counts": counts, "lengths": lengths, **measured}, report=document,
        rows=METRICS, honesty=HONESTY, cards=cards_of(strategies, "random", CARDS), first=None, ranges=(),
        measured=tuple(measured), pictures=pictures,
    )  # fmt: skip


def measured_curves(training: pd.DataFrame) -> dict[str, charts.Figure]:
    """Return a small figure for all that a training measured of itself, over env steps."""
    figures = {}
    for name in (name for name in training if name not in ("step", "score", "action")):
        known = training[training[name].notna()]
        plot = charts.plain_figure(str(name).replace("_", " "), height=150)
        plot.line(known["step"], known[name], color=charts.COLOURS["agent"], line_width=1.5)
        plot.xaxis.formatter = NumeralTickFormatter(format="0,0")
        figures[f"measured_{name}"] = plot
    return figures


def histogram(table: pd.DataFrame, names: Mapping[str, str], title: str, unit: str) -> charts.Figure:
    """Draw how often each value of the columns `names` (by label) came, random play behind the agent."""
    plot = charts.plain_figure(title, height=240)
    edges = np.histogram_bin_edges(table[list(names.values())].to_numpy(np.float64), bins=BINS)
    for label, colour in (("random", charts.COLOURS["flat"]), ("agent", charts.COLOURS["agent"])):
        heights, _ = np.histogram(table[names[label]], bins=edges)
        full = heights > 0
        bars = {"top": heights[full], "left": edges[:-1][full], "right": edges[1:][full]}
        plot.quad(bottom=0, **bars, fill_color=colour, line_color=None, alpha=0.7, legend_label=label)
    charts.with_legend(plot)
    plot.xaxis.axis_label, plot.yaxis.axis_label = unit, "episodes"
    return plot


def episode_picture(document: Mapping[str, Any], folder: Path) -> bytes:
    """Draw the return over env steps as one PNG."""
    learned, beside = learning_curve(read_table(folder, "training")), read_table(folder, "seeds")
    band = band_of(learned, beside)

    def fill(picture: Figure) -> None:
        axes = picture.subplots()
        if len(band):
            label = f"least to most of {1 + beside['seed'].nunique()} seeds"
            axes.fill_between(
                band["step"], band["least"], band["most"], color=charts.COLOURS["agent"], alpha=0.15, label=label
            )
            axes.legend(loc="lower right", frameon=False)
        axes.plot(learned["step"], learned["score"], color=charts.COLOURS["agent"], lw=2.0, marker=".")
        axes.set_title(f"{document['data']['name']}: {document['run']['config']['agent']['kind']} agent", loc="left")
        axes.set_xlabel("env steps")
        axes.set_ylabel("mean return of the validation episodes")

    return draw(document, fill)
