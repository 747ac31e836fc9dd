"""How a search is told: lines for a terminal, and a page with its history, its slices and what mattered."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool

from tradewinds.report import charts
from tradewinds.report.render import render, shown
from tradewinds.search.goals import sign_of

MOST_LISTED = 200  # trials of a page's table, the best first
HONESTY = (
    ("p_value_over_nothing", "SPA p-value over who knows nothing", "small: the best is no luck, all trials counted"),
    ("p_value_over_default", "SPA p-value over the request's own settings", "small: searching was worth it"),
    ("deflated_sharpe", "chance that the best score is skill", "deflated Sharpe ratio, all trials counted"),
    ("pbo", "probability of overfitting", "how often the best of one half is below the median of the other"),
    ("lead_elsewhere", "lead over the own settings where chosen, and elsewhere", "what is lost between: shrinkage"),
)


def search_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was found."""
    search = document["search"]
    goal, best = search["goals"][0], search["best"]
    yield (
        f"{search['tried']} of {search['wanted']} settings tried ({search['given_up']} given up), {search['sampler']}, "
        f"by {' and '.join(search['goals'])}"
    )
    for reason, count in search["given_up_for"].items():
        yield f"  given up, {count} of them: {reason}"
    if search["tried"] < search["wanted"]:
        left = search["wanted"] - search["tried"]
        yield f"  the time of search.minutes is over; typed again, it goes on with the {left} left"
    yield f"  {'':<22}{goal:>12}"
    yield f"  {'own settings':<22}{search['default'][goal]:>12.4g}"
    if best is not None:
        yield f"  {'median of the trials':<22}{search['median']:>12.4g}"
        yield f"  {'best, trial ' + str(best['trial']):<22}{best[goal]:>12.4g}"
        for key, value in best["values"].items():
            yield f"    {key}={_short(value)}"
        if len(search["goals"]) > 1:
            yield f"  none is better by both goals than {len(search['front'])} of them; the page lists these"
        elsewhere = search["lead_elsewhere"]
        if elsewhere is not None:
            yield (
                f"  lead over the own settings, chosen on one half of the rows: {elsewhere['there']:+.4g} there, "
                f"{elsewhere['elsewhere']:+.4g} on the other"
            )
    yield search["verdict"]
    if search["run_best"] is not None:
        yield f"to judge the best: {search['run_best']}"


def search_page(document: Mapping[str, Any]) -> str:
    """Draw search.html."""
    search, trials = document["search"], document["trials"]
    goal = search["goals"][0]
    complete = [trial for trial in trials if not trial["note"]]
    keys = [told.split(":")[0] for told in search["space"]]
    figures = {"history": _history(complete, goal, search["default"][goal])}
    slices = {f"slice_{number}": _slice(complete, key, goal) for number, key in enumerate(keys)}
    if len(search["goals"]) > 1:
        figures["front"] = _front(complete, search["goals"], search["front"])
    ranked = sorted(complete, key=lambda trial: -sign_of(goal) * trial[goal])[:MOST_LISTED]
    cards = [
        {"label": f"{goal} of the best", "value": _number(None if search["best"] is None else search["best"][goal]),
         "beside": f"own settings {_number(search['default'][goal])}"},
        {"label": "tried", "value": shown(search["tried"], "count"), "beside": f"{search['given_up']} given up"},
    ]  # fmt: skip
    report = {**document, "honesty": {**document["honesty"], **{key: search.get(key) for key, _, _ in HONESTY}}}
    report["honesty"] |= {f"{key}_reason": search.get(f"{key}_reason", "") for key, _, _ in HONESTY}
    return render(
        "search.html", {**figures, **slices}, report=report, search=search, honesty=HONESTY, cards=cards, first=None,
        ranges=(), keys=keys, ranked=ranked, slices=tuple(slices), short=_short, number=_number,
    )  # fmt: skip


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "\u2013" if value is None else f"{value:.4g}".replace("-", "\u2212")


def _history(trials: list[dict[str, Any]], goal: str, own: float) -> charts.Figure:
    """Draw what each trial came to, the best so far, and the request's own settings."""
    plot = charts.plain_figure(f"{goal} of each trial, and the best so far", height=280)
    numbers, reached = [trial["trial"] for trial in trials], np.array([trial[goal] for trial in trials])
    plot.scatter(numbers, reached, color=charts.COLOURS["flat"], size=6, legend_label="trial")
    if len(reached):
        best = sign_of(goal) * np.maximum.accumulate(sign_of(goal) * reached)
        plot.step(
            numbers, best, mode="after", color=charts.COLOURS["agent"], line_width=2.5, legend_label="best so far"
        )
        ends, colour = [numbers[0], numbers[-1]], charts.COLOURS["random_same_turnover"]
        plot.line(ends, [own, own], color=colour, line_dash="dashed", legend_label="own settings")
    plot.xaxis.axis_label, plot.yaxis.axis_label = "trial", goal
    return charts.with_legend(plot)


def _slice(trials: list[dict[str, Any]], key: str, goal: str) -> charts.Figure:
    """Draw the goal over one key: darker trials are later."""
    values = [trial[key] for trial in trials]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    across = values if numeric else [str(value) for value in values]
    spread = numeric and values and min(values) > 0 and max(values) / min(values) > 8
    options: dict[str, Any] = {"x_axis_type": "log"} if spread else {}
    if not numeric:
        options = {"x_range": sorted(set(map(str, values)))}
    plot = charts.plain_figure(key, height=210, **options)
    source = ColumnDataSource({"x": across, "y": [trial[goal] for trial in trials], "n": [t["trial"] for t in trials],
                               "alpha": np.linspace(0.25, 1.0, max(len(trials), 1))[: len(trials)]})  # fmt: skip
    plot.scatter("x", "y", source=source, color=charts.COLOURS["agent"], alpha="alpha", size=7)
    plot.add_tools(HoverTool(tooltips=[("trial", "@n"), (key, "@x"), (goal, "@y")]))
    plot.yaxis.axis_label = goal
    return plot


def _front(trials: list[dict[str, Any]], goals: list[str], front: list[dict[str, Any]]) -> charts.Figure:
    """Draw trials by both goals, and those that none is better than by both."""
    plot = charts.plain_figure("Both goals", height=280)
    one, two = goals
    plot.scatter([t[one] for t in trials], [t[two] for t in trials], color=charts.COLOURS["flat"], size=6)
    plot.scatter([t[one] for t in front], [t[two] for t in front], color=charts.COLOURS["agent"], size=9)
    plot.xaxis.axis_label, plot.yaxis.axis_label = one, two
    return plot
