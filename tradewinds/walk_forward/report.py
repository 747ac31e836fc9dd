"""A walk forward as a report: its report.json, made of what was judged, and its page, made of that and its curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewinds.pipeline.task import Prepared, Task
from tradewinds.report import charts
from tradewinds.report.document import SCHEMA, believed, leak_warning, series_facts
from tradewinds.report.page import cards_of, metric_rows, span
from tradewinds.report.render import render, shown
from tradewinds.report.tables import naive_times, read_table

EQUITY = "equity"  # the table of curves
AGENT, MEDIAN = "agent_seed_", "agent"  # columns of it, and what the median seed's becomes in a chart
NO_BAND = pd.DataFrame({"low": [], "high": []})  # several seeds show how far luck goes


def walk_report(prepared: Prepared, document: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """Assemble report.json of a walk forward.

    Args:
        prepared: the request, its test rows those of all folds.
        document: what `judge_walk` found.
        run: id, command, started_at, seconds, config and versions.

    Returns:
        Plain data with the keys of every report; `walk_forward` holds folds and seeds, and `backtest.strategies.agent`
        is the median seed.
    """
    task, test = prepared.task, prepared.split.test
    median, baselines = document["median_seed"], dict(document["strategies"])
    agents = baselines.pop("agent")
    strategies = {"agent": {"metrics": agents[str(median)], "seed": median}}
    strategies |= {name: {"metrics": metrics, "seed": None} for name, metrics in baselines.items()}
    metrics = {name: strategy["metrics"] for name, strategy in strategies.items()}
    folds = [{**fold, "verdict": _fold_verdict(task, fold)} for fold in document["folds"]]
    words = task.verdict(prepared, metrics, document["honesty"])
    return {
        "schema": SCHEMA,
        "run": dict(run),
        "data": {
            **series_facts(prepared),
            "splits": {"test": prepared.time_range(range(test.start + 1, test.stop))},
        },
        "forecast": {},
        "backtest": {"strategies": strategies},
        "walk_forward": {
            "folds": folds,
            "median_seed": median,
            "agent_by_seed": agents,
            "agent_sharpe_by_seed": document["agent_sharpe_by_seed"],
        },
        "honesty": {
            **document["honesty"],
            "seeds": document["agent_sharpe_by_seed"]["seeds"],
            "verdict": believed(f"{words} {_folds_verdict(task, folds)}", document["honesty"]),
        },
        "warnings": [*leak_warning(document["honesty"]), *prepared.notes],
    }


def shown_value(value: float, form: str) -> str:
    """Write a headline for a terminal."""
    return f"{value:+.2%}" if form == "percent" else f"{value:+,.0f}"


def sharpe_of(task: Task[Any]) -> str:
    """Say of which returns the Sharpe of an attempt is: any schedule of a storage unit earns, so there of its lead."""
    return "Sharpe" if task.curve == "equity" else "Sharpe of the daily lead"


def _fold_verdict(task: Task[Any], fold: Mapping[str, Any]) -> str:
    """Say how many agents earned more than the rival in a fold, and whether they were more than constants."""
    labels, agents = task.labels(), fold["agent"].values()
    key = labels.headline[0]
    better = sum(agent[key] > fold[task.rival][key] + labels.tie for agent in agents)
    words = f"{better} of {len(agents)} seeds earned more than {_plain(task.rival)}"
    idle = len(agents) - fold["learned"] if fold["learned"] is not None else 0
    return f"{words}; {idle} learned nothing better than what takes no learning" if idle else words


def _folds_verdict(task: Task[Any], folds: Sequence[Mapping[str, Any]]) -> str:
    ahead = f"{_ahead(task, folds)} of {len(folds)} folds"
    return f"The median of its seeds earned more than {_plain(task.rival)} in {ahead}."


def _plain(strategy: str) -> str:
    return strategy.replace("_", " ")


def _ahead(task: Task[Any], folds: Sequence[Mapping[str, Any]]) -> int:
    """Count the folds in which the median seed led."""
    labels = task.labels()
    key = labels.headline[0]
    medians = [float(np.median([agent[key] for agent in fold["agent"].values()])) for fold in folds]
    return sum(m > fold[task.rival][key] + labels.tie for m, fold in zip(medians, folds, strict=True))


def walk_page(task: Task[Any], document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
    """Draw the page of a walk: every seed's curve, the folds' borders, and the tables.

    Args:
        task: whose curves these are.
        document: report.json.
        folder: of the artifact beside it.
        plot_points: bars drawn at most per line.
    """
    curves = naive_times(read_table(folder, EQUITY))
    median = f"{AGENT}{document['walk_forward']['median_seed']}"
    paths = curves.rename(columns={median: MEDIAN}).add_prefix("equity.")
    begins = [fold["rows"]["test"]["first"] for fold in document["walk_forward"]["folds"]]
    borders = [pd.Timestamp(begin).tz_localize(None) for begin in begins[1:]]
    draw = _equity_figures if task.curve == "equity" else _profit_figures
    labels = task.labels()
    return render(
        "walk.html", draw(document, paths, borders, plot_points), report=document,
        rows=metric_rows(labels.metrics, document), honesty=labels.honesty, sweeps=labels.sweeps,
        cards=_cards(task, document), colours=_colours(task, document),
        rival=task.rival, headline=labels.headline, curve=task.curve, **span(curves),
    )  # fmt: skip


def _equity_figures(
    document: Mapping[str, Any], paths: pd.DataFrame, borders: Sequence[pd.Timestamp], points: int
) -> dict[str, charts.Figure]:
    clock = charts.clock_of(pd.DatetimeIndex(paths.index))
    for name in ("agent", "buy_and_hold"):
        curve = paths[f"equity.{name}"].to_numpy()
        paths[f"fall.{name}"] = -charts.drawdown(curve)
        paths[f"sharpe.{name}"], window = charts.rolling_sharpe(curve, document["data"]["bars_per_year"])
    paths = paths.drop(columns="equity.perfect_foresight", errors="ignore")
    names = [str(name) for name in paths if str(name).startswith("equity.")]
    drawn = charts.source_of(charts.thin(paths, points, [*names, "fall.agent"]))
    scales = {name: charts.equity_chart(drawn, NO_BAND, clock, log=name == "log") for name in ("log", "linear")}
    for chart in scales.values():
        charts.draw_seeds(chart, drawn, [name for name in names if name.startswith(f"equity.{AGENT}")])
        charts.draw_borders(chart, borders)
    return {
        "equity_log": scales["log"],
        "equity_linear": scales["linear"],
        "drawdown": charts.drawdown_chart(drawn, clock),
        "sharpe": charts.sharpe_chart(drawn, window, clock),
    }


def _profit_figures(
    document: Mapping[str, Any], paths: pd.DataFrame, borders: Sequence[pd.Timestamp], points: int
) -> dict[str, charts.Figure]:
    clock = charts.clock_of(pd.DatetimeIndex(paths.index))
    drawn = charts.thin(paths, points, ["equity.agent"])
    currency = str(document["data"]["price_unit"]).split("/")[0]
    names = list(document["backtest"]["strategies"])
    curves = drawn[[f"equity.{name}" for name in names]].set_axis(names, axis=1)
    profit = charts.profit_chart(curves, currency, clock)
    seeds = [str(name) for name in drawn if str(name).startswith(f"equity.{AGENT}")]
    charts.draw_seeds(profit, charts.source_of(drawn), seeds)
    charts.draw_borders(profit, borders)
    return {"profit": profit}


def _colours(task: Task[Any], document: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the colours that the curves above the tables have."""
    strategies = document["backtest"]["strategies"]
    return charts.COLOURS if task.curve == "equity" else dict(zip(strategies, charts.PALETTE, strict=False))


def _cards(task: Task[Any], document: Mapping[str, Any]) -> list[dict[str, str]]:
    labels, forward = task.labels(), document["walk_forward"]
    summary = forward["agent_sharpe_by_seed"]
    count = len(summary["seeds"])
    (first, key, form), *others = labels.cards[:3]
    keys = [(f"{first}, seed {forward['median_seed']}", key, form), *others]
    return [
        *cards_of(document["backtest"]["strategies"], task.rival, keys),
        {
            "label": f"{sharpe_of(task)} over {count} seed{'' if count == 1 else 's'}",
            "value": shown(summary["interquartile_mean"]),
            "beside": f"95 % interval {shown(summary['interquartile_mean_ci95'])}; median {shown(summary['median'])}, "
            f"worst {shown(summary['worst'])}",
        },
        {
            "label": "folds ahead",
            "value": f"{_ahead(task, forward['folds'])} of {len(forward['folds'])}",
            "beside": f"median seed, of {_plain(task.rival)}",
        },
    ]
