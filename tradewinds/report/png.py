"""A run's main panel as one PNG, for a chat or a README: the frame; what is in it, its task draws."""

import io
from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tradewinds.report import charts

WIDTH, HEIGHT, DPI = 10.0, 6.5, 120  # inches


def draw(document: Mapping[str, Any], fill: Callable[[Figure], None]) -> bytes:
    """Return a PNG whose axes `fill` draws, under its title or else under that of a run on a market."""
    picture = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    FigureCanvasAgg(picture)
    fill(picture)
    for axes in picture.axes:
        axes.grid(color=charts.GRID, lw=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    config = document["run"]["config"]
    title = f"{document['data']['name']}: {config['model']['kind']} forecaster, {config['agent']['kind']} agent"
    if not picture.axes[0].get_title(loc="left"):
        picture.axes[0].set_title(f"{title}, test span, after costs", loc="left")
    drawn = io.BytesIO()
    picture.savefig(drawn, format="png", metadata={"Software": "tradewinds"})
    return drawn.getvalue()
