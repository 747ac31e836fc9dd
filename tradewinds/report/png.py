"""The main panel as one PNG, for a chat or a README. Knows the run's files only."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tradewinds.core.files import write_bytes
from tradewinds.report import charts
from tradewinds.tasks.account.tables import read_table
from tradewinds.tasks.storage.report import PALETTE

WIDTH, HEIGHT, DPI = 10.0, 6.5, 120  # inches


def write_picture(run: Path, *, plot_points: int) -> Path | None:
    """Write `run`/report.png from the backtest of a finished run; return its path, or None for a forecast or a walk.

    An account shows equity, drawdown and exposure; a storage unit its profit and the price.

    Args:
        run: folder of the run.
        plot_points: bars drawn at most per line.
    """
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    if report["backtest"] is None or "walk_forward" in report:
        return None
    picture = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    FigureCanvasAgg(picture)
    stores = report["run"]["config"]["env"]["kind"] == "battery"
    (_draw_storage if stores else _draw_account)(picture, report, run, plot_points)
    for axes in picture.axes:
        axes.grid(color=charts.GRID, lw=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    model, agent = report["run"]["config"]["model"]["kind"], report["run"]["config"]["agent"]["kind"]
    title = f"{report['data']['name']}: {model} forecaster, {agent} agent, test span, after costs"
    picture.axes[0].set_title(title, loc="left")
    drawn = io.BytesIO()
    picture.savefig(drawn, format="png", metadata={"Software": "tradewinds"})
    write_bytes(run / "report.png", drawn.getvalue())
    return run / "report.png"


def _draw_account(picture: Figure, report: dict[str, Any], run: Path, points: int) -> None:
    paths = read_table(run, "equity").add_prefix("equity.").join(read_table(run, "positions"))
    exposure = paths[[name for name in paths if str(name).startswith("exposure")]].sum(axis=1)
    paths = paths.assign(exposure=exposure, drawdown=-charts.drawdown(paths["equity.agent"].to_numpy()))
    drawn = charts.thin(paths, points, ["equity.agent", "drawdown", "exposure"])
    equity, fall, held = picture.subplots(3, 1, sharex=True, height_ratios=(4, 1.3, 1.3))
    for name in (name for name in charts.DRAWN if f"equity.{name}" in paths):
        width = 2.0 if name == "agent" else 1.0
        equity.plot(
            drawn.index, drawn[f"equity.{name}"], color=charts.COLOURS[name], lw=width, label=_label(report, name)
        )
    equity.set_yscale("log")
    equity.yaxis.set_major_formatter("{x:g}")
    equity.yaxis.set_minor_formatter("{x:g}")
    equity.legend(loc="upper left", frameon=False, fontsize=8)
    fall.fill_between(drawn.index, drawn["drawdown"], 0.0, color=charts.COLOURS["agent"], alpha=0.3, lw=0)
    fall.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    held.step(drawn.index, drawn["exposure"], where="post", color=charts.COLOURS["agent"], lw=1.0)
    for axes, label in ((equity, "equity"), (fall, "drawdown"), (held, "exposure")):
        axes.set_ylabel(label)


def _draw_storage(picture: Figure, report: dict[str, Any], run: Path, points: int) -> None:
    paths = pd.DataFrame(read_table(run, "paths"))
    drawn = charts.thin(paths, points, ["price", "profit.agent"])
    profit, price = picture.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for (name, strategy), colour in zip(report["backtest"]["strategies"].items(), PALETTE, strict=False):
        label = f"{name.replace('_', ' ')} {strategy['metrics']['profit']:,.0f}"
        profit.plot(drawn.index, drawn[f"profit.{name}"], color=colour, lw=2.0 if name == "agent" else 1.0, label=label)
    profit.legend(loc="upper left", frameon=False, fontsize=8)
    profit.set_ylabel("profit so far")
    price.plot(drawn.index, drawn["price"], color=charts.INK, lw=0.7)
    price.set_ylabel(report["data"]["price_unit"])


def _label(report: dict[str, Any], name: str) -> str:
    metrics = report["backtest"]["strategies"][name]["metrics"]
    return f"{charts.LABELS[name]} {metrics['total_return']:+.1%}"
