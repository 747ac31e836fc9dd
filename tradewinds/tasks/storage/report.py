"""What a storage unit says in a report: its verdict and warnings, its table as text, its page and its picture.

Every number on the page is read from report.json.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from forecaster.data.series import Series
from tradewinds.evaluation.rivals import lead_words
from tradewinds.pipeline.records import Labels
from tradewinds.report import charts
from tradewinds.report.page import metric_rows, rival_rows, span
from tradewinds.report.png import draw
from tradewinds.report.render import render, shown
from tradewinds.report.tables import naive_times, read_table
from tradewinds.tasks.storage.inference import NO_RIVALS

METRICS = (
    ("profit", "profit", "money"),
    ("share_of_perfect_foresight", "share of perfect foresight", "percent"),
    ("profit_per_day", "profit per day", "number"),
    ("worst_day", "worst day", "number"),
    ("days_at_a_loss", "days at a loss", "percent"),
    ("sold_mwh", "sold, MWh", "count"),
    ("mean_price_sold", "mean price sold", "number"),
    ("bought_mwh", "bought, MWh", "count"),
    ("mean_price_bought", "mean price bought", "number"),
    ("wear_paid", "wear paid", "money"),
    ("full_cycles_per_day", "full cycles per day", "number"),
)
COLUMNS = (
    ("profit", "profit", "{:,.0f}"),
    ("share_of_perfect_foresight", "of perfect", "{:.1%}"),
    ("profit_per_day", "a day", "{:,.1f}"),
    ("worst_day", "worst day", "{:,.1f}"),
    ("full_cycles_per_day", "cycles/day", "{:.2f}"),
    ("wear_paid", "wear", "{:,.0f}"),
)
HONESTY = (
    ("profit_per_day_ci95", "95 % interval of the agent's profit per day", "stationary bootstrap over days"),
    *rival_rows("a day"),
    ("trials", "agents judged on these days so far, whatever their options and seeds", "the best of many is lucky"),
    (
        "deflated_sharpe",
        "probability that its lead over the plan on the ridge forecast is more than the luck of the best of them",
        "deflated Sharpe ratio of the daily lead",
    ),
)
CARDS = (
    ("profit", "profit", "money"),
    ("of perfect foresight", "share_of_perfect_foresight", "percent"),
    ("worst day", "worst_day", "money"),
)
SWEEPS = (
    ("wear_sweep", "wear, money a MWh drawn", "wear_per_mwh"),
    ("efficiency_sweep", "efficiency of a round trip", "round_trip_efficiency"),
)
LABELS = Labels(("profit", "money"), 0.0, CARDS, METRICS, HONESTY, SWEEPS)


def verdict(series: Series, metrics: Mapping[str, Mapping[str, Any]], honesty: Mapping[str, Any]) -> str:
    """Say in words what the unit earned on the test days, and whether luck suffices for its lead."""
    currency = series.price_unit.split("/")[0]
    agent, rival = metrics["agent"], metrics[honesty["strongest_rival"]]
    share = agent["share_of_perfect_foresight"]
    words = f"The agent earned {agent['profit']:,.0f} {currency} on the test days".replace("  ", " ")
    between = honesty["share_of_perfect_foresight_ci95"]
    words += "" if share is None else f", {share:.1%} of perfect foresight"
    words += "" if between is None else f" (95 % interval {between[0]:.1%} to {between[1]:.1%})"
    return f"{words}. {lead_words(honesty, format(rival['profit'], ',.0f'), '+,.2f')}"


def storage_remarks(metrics: Mapping[str, Mapping[str, Any]], *, learned: bool) -> list[str]:
    """Warn of an agent that learned nothing, or earned no more than a schedule that needs none."""
    if not learned:
        return ["nothing the agent learned beat one constant action on the validation rows, so that is what it does"]
    profit = {name: row["profit"] for name, row in metrics.items()}
    better = [
        name.replace("_", " ") for name, value in profit.items() if name not in NO_RIVALS and value >= profit["agent"]
    ]
    return [f"the agent earned no more than {', '.join(better)}"] if better else []


def forecast_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the errors of the price forecasts, one line each."""
    unit = document["data"]["price_unit"]
    yield f"errors of the price forecast at gate closure, {document['data']['test_days']} test days ({unit}):"
    yield f"  {'forecast':<26}{'mae':>12}{'rmse':>12}{'last slot':>12}"
    for name, score in document["forecast"].items():
        yield f"  {name:<26}" + "".join(f"{score[f'value_{key}']:>12.2f}" for key in ("mae", "rmse", "mae_last"))


def strategy_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of strategies, one line each."""
    yield f"storage unit, test days (money in {_currency(document)}):"
    yield f"  {'strategy':<26}" + "".join(f"{label:>13}" for _, label, _ in COLUMNS)
    for name, strategy in document["backtest"]["strategies"].items():
        values = [(strategy["metrics"][key], form) for key, _, form in COLUMNS]
        yield f"  {name:<26}" + "".join(f"{'-' if v is None else form.format(v):>13}" for v, form in values)


def page(document: Mapping[str, Any], folder: Path, plot_points: int) -> str:
    """Draw report.html of a storage unit.

    Args:
        document: report.json.
        folder: of the backtest's artifact.
        plot_points: slots drawn at most per line.
    """
    paths, band = (naive_times(read_table(folder, name)) for name in ("paths", "band"))
    strategies = document["backtest"]["strategies"]
    colours = dict(zip(strategies, charts.PALETTE, strict=False))
    drawn = charts.thin(paths, plot_points, ["price", "profit.agent"])
    clock = charts.clock_of(pd.DatetimeIndex(paths.index))
    columns = drawn[[f"profit.{name}" for name in strategies]].rename(columns=lambda name: name.removeprefix("profit."))
    profit = charts.profit_chart(columns, _currency(document), clock)
    price = charts.time_figure(
        charts.with_unit("Price and its forecast at gate closure", document["data"]["price_unit"]), clock, height=220
    )
    model = document["run"]["config"]["model"]["kind"]
    line = price.line(drawn.index, drawn["price"], color=charts.INK, line_width=1.2, legend_label="price")
    line.tags = ["ink"]
    price.line(
        drawn.index,
        drawn[f"forecast.{model}"],
        color=charts.PALETTE[0],
        line_width=1.2,
        legend_label=f"{model} forecast",
    )
    charts.with_legend(price)
    week = paths[: paths.index[0] + pd.Timedelta(days=7) - pd.Timedelta(seconds=1)]
    first = charts.clock_of(pd.DatetimeIndex(week.index), name="week")
    charge = charts.time_figure("Energy in the store in the first week, MWh", first, height=180)
    for name in ("perfect_foresight", "agent"):
        charge.step(
            week.index, week[f"charge.{name}"], mode="after", color=colours[name], legend_label=name.replace("_", " ")
        )
    charts.with_legend(charge)
    if len(band):
        profit.varea(band.index, band["low"], band["high"], color=colours["agent"], alpha=0.12)
    return render(
        "storage.html", {"profit": profit, "price": price, "charge": charge}, report=document,
        rows=metric_rows(METRICS, document), honesty=HONESTY, colours=colours,
        cards=_cards(document), sweeps=SWEEPS, **span(paths),
    )  # fmt: skip


def picture(document: Mapping[str, Any], folder: Path, plot_points: int) -> bytes:
    """Draw profit so far and the price as one PNG."""
    paths = read_table(folder, "paths")
    table = charts.thin(paths, plot_points, ["price", "profit.agent"])

    def fill(canvas: Figure) -> None:
        profit, price = canvas.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        for (name, strategy), colour in zip(document["backtest"]["strategies"].items(), charts.PALETTE, strict=False):
            label = f"{name.replace('_', ' ')} {strategy['metrics']['profit']:,.0f}"
            width = 2.0 if name == "agent" else 1.0
            profit.plot(table.index, table[f"profit.{name}"], color=colour, lw=width, label=label)
        profit.legend(loc="upper left", frameon=False, fontsize=8)
        profit.set_ylabel("profit so far")
        price.plot(table.index, table["price"], color=charts.INK, lw=0.7)
        price.set_ylabel(document["data"]["price_unit"])

    return draw(document, fill)


def _currency(document: Mapping[str, Any]) -> str:
    """Return what money is counted in: the part of a unit such as USD/MWh that is not energy."""
    return str(document["data"]["price_unit"]).split("/")[0] or "the currency of the price"


def _cards(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    strategies = document["backtest"]["strategies"]
    return [
        {
            "label": name.replace("_", " "),
            "value": shown(strategy["metrics"]["profit"], "money"),
            "beside": f"{shown(strategy['metrics']['share_of_perfect_foresight'], 'percent')} of perfect foresight",
        }
        for name, strategy in strategies.items()
        if name != "idle"
    ]
