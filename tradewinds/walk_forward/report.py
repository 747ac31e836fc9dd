"""A walk forward as a report: its report.json, made of what was judged, and its page, made of that and its equity."""

from typing import Any

import numpy as np
import pandas as pd

from tradewinds.pipeline.prepare import Prepared
from tradewinds.report import charts
from tradewinds.report.document import SCHEMA, series_facts, traded_verdict
from tradewinds.report.render import shown

EQUITY = "equity.parquet"
LEAD = 0.001  # of total return: less is a tie, such as between two that held the same and entered a bar apart
AGENT, MEDIAN = "agent_seed_", "agent"  # columns of the equity table, and what the median seed's becomes in a chart
NO_BAND = pd.DataFrame({"low": [], "high": []})  # several seeds show how far luck goes


def walk_report(prepared: Prepared, document: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """Assemble report.json of a walk forward.

    Args:
        prepared: the request, its test rows those of all folds.
        document: what `judge_walk` found.
        run: id, command, started_at, seconds, config and versions.

    Returns:
        Plain data with the keys of every report; `walk_forward` holds folds and seeds, and `backtest.strategies.agent`
        is the median seed.
    """
    test = prepared.split.test
    median, found = document["median_seed"], dict(document["strategies"])
    agents = found.pop("agent")
    strategies = {"agent": {"metrics": agents[str(median)], "seed": median}}
    strategies |= {name: {"metrics": metrics, "seed": None} for name, metrics in found.items()}
    metrics = {name: strategy["metrics"] for name, strategy in strategies.items()}
    folds = [{**fold, "verdict": _fold_verdict(fold)} for fold in document["folds"]]
    leak = document["honesty"].get("leakcheck")
    return {
        "schema": SCHEMA,
        "run": run,
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
            "verdict": f"{traded_verdict(metrics, document['honesty'])} {_folds_verdict(folds)}",
        },
        "warnings": [
            *([] if leak in (None, "clean") else [f"{leak}; none of these numbers can be believed"]),
            *prepared.notes,
        ],
    }


def _fold_verdict(fold: dict[str, Any]) -> str:
    """Say how many agents earned more than buy-and-hold in a fold, and whether they were more than constants."""
    holder, agents = fold["buy_and_hold"]["total_return"], fold["agent"].values()
    better = sum(agent["total_return"] > holder + LEAD for agent in agents)
    words = f"{better} of {len(agents)} seeds earned more than buy and hold"
    idle = len(agents) - fold["learned"] if fold["learned"] is not None else 0
    return f"{words}; {idle} found nothing better than a constant position" if idle else words


def _folds_verdict(folds: list[dict[str, Any]]) -> str:
    return f"The median of its seeds earned more than buy and hold in {_ahead(folds)} of {len(folds)} folds."


def _ahead(folds: list[dict[str, Any]]) -> int:
    """Count the folds in which the median seed led."""
    medians = [float(np.median([one["total_return"] for one in fold["agent"].values()])) for fold in folds]
    return sum(m > fold["buy_and_hold"]["total_return"] + LEAD for m, fold in zip(medians, folds, strict=True))


def walk_page(document: dict[str, Any], equity: pd.DataFrame, points: int) -> dict[str, Any]:
    """Return what walk.html shows: its figures, and the values beside them.

    Args:
        document: report.json.
        equity: (T, S) by naive time: a column a seed, and one a baseline.
        points: bars drawn at most per line.
    """
    clock = charts.clock_of(pd.DatetimeIndex(equity.index))
    median = f"{AGENT}{document['walk_forward']['median_seed']}"
    paths = equity.rename(columns={median: MEDIAN}).add_prefix("equity.")
    for name in ("agent", "buy_and_hold"):
        curve = paths[f"equity.{name}"].to_numpy()
        paths[f"fall.{name}"] = -charts.drawdown(curve)
        paths[f"sharpe.{name}"], window = charts.rolling_sharpe(curve, document["data"]["bars_per_year"])
    paths = paths.drop(columns="equity.perfect_foresight", errors="ignore")
    kept = [str(name) for name in paths if str(name).startswith("equity.")]
    drawn = charts.source_of(charts.thin(paths, points, [*kept, "fall.agent"]))
    begins = [fold["rows"]["test"]["first"] for fold in document["walk_forward"]["folds"]]
    scales = {name: charts.equity_chart(drawn, NO_BAND, clock, log=name == "log") for name in ("log", "linear")}
    for chart in scales.values():
        others = [name for name in kept if name.startswith(f"equity.{AGENT}")]
        charts.draw_seeds(chart, drawn, others)
        charts.draw_borders(chart, [pd.Timestamp(begin).tz_localize(None) for begin in begins[1:]])
    return {
        "figures": {
            "equity_log": scales["log"],
            "equity_linear": scales["linear"],
            "drawdown": charts.drawdown_chart(drawn, clock),
            "sharpe": charts.sharpe_chart(drawn, window, clock),
        },
        "values": {"report": document, "cards": _cards(document), "colours": charts.COLOURS},
    }


def _cards(document: dict[str, Any]) -> list[dict[str, str]]:
    strategies, walk = document["backtest"]["strategies"], document["walk_forward"]
    agent, holder = strategies["agent"]["metrics"], strategies["buy_and_hold"]["metrics"]
    summary = walk["agent_sharpe_by_seed"]
    keys = (
        (f"total return, seed {walk['median_seed']}", "total_return", "percent"),
        ("Sharpe", "sharpe_annual_ddof1_arithmetic", "number"),
        ("max drawdown", "max_drawdown_from_start_capital", "percent"),
    )
    cards = [
        {"label": label, "value": shown(agent[key], form), "beside": f"buy and hold {shown(holder[key], form)}"}
        for label, key, form in keys
    ]
    return [
        *cards,
        {
            "label": f"Sharpe over {len(summary['seeds'])} seeds",
            "value": shown(summary["interquartile_mean"]),
            "beside": f"95 % interval {shown(summary['interquartile_mean_ci95'])}; median {shown(summary['median'])}, "
            f"worst {shown(summary['worst'])}",
        },
        {
            "label": "folds ahead",
            "value": f"{_ahead(walk['folds'])} of {len(walk['folds'])}",
            "beside": "median seed, of buy and hold",
        },
    ]
