"""The report of a storage unit: its part of report.json, its table as text, and its page.

Every number on the page is read from report.json.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from bokeh.models import NumeralTickFormatter

from forecaster.fitted import FittedForecaster
from tradewinds.pipeline.prepare import Prepared
from tradewinds.report import charts
from tradewinds.report.document import SCHEMA, run_facts, series_facts
from tradewinds.report.render import shown
from tradewinds.tasks.storage.backtest import StorageBacktest
from trading_env import PowerMarket

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
    (
        "lead_over_yesterday_per_day_ci95",
        "95 % interval of its lead over yesterday's schedule, per day",
        "if it holds 0, the lead may be luck",
    ),
    (
        "lead_over_ridge_plan_per_day_ci95",
        "95 % interval of its lead over the plan on the ridge forecast, per day",
        "the strongest rule without a network",
    ),
    ("trials", "agents judged on these days so far, whatever their options and seeds", "the best of many is lucky"),
    (
        "deflated_sharpe",
        "probability that its lead over that plan is more than the luck of the best of them",
        "deflated Sharpe ratio of the daily lead",
    ),
)
PALETTE = ("#0072b2", "#cc79a7", "#e69f00", "#d55e00", "#94a3b8", "#009e73", "#56b4e9")


def storage_document(
    prepared: Prepared,
    fitted: FittedForecaster,
    played: StorageBacktest,
    market: PowerMarket,
    *,
    honesty: dict[str, Any],
    run: dict[str, Any],
    learned: bool,
) -> dict[str, Any]:
    """Assemble report.json of a storage unit: the keys of every report, money in the currency of the price.

    Args:
        prepared: the request with its data.
        fitted: the forecaster.
        played: the test days' backtest.
        market: the test days.
        honesty: how far to believe it.
        run: id, command, started_at, seconds.
        learned: whether the agent is more than one constant action.
    """
    config, series, split = prepared.config, prepared.series, prepared.split
    parts = {name: getattr(split, name) for name in ("forecaster", "agent", "validation", "test")}
    assert market.index is not None
    return {
        "schema": SCHEMA,
        "run": run_facts(prepared, run),
        "data": {
            **series_facts(prepared),
            "splits": {name: prepared.time_range(rows) for name, rows in parts.items()},
            "fit_end": {"row": fitted.fit_end, "time": fitted.fit_end_time.isoformat()},
            "test_days": len(market.features),
            "first_delivery": str(market.index[0].astype("datetime64[m]")),
            "last_delivery": str(market.index[-1].astype("datetime64[m]")),
        },
        "forecast": played.scores,
        "backtest": {
            "strategies": {
                name: {"metrics": played.metrics[name], "seed": config.seed if name == "agent" else None}
                for name in played.strategies
            }
        },
        "honesty": {
            **honesty,
            "seeds": [config.seed],
            "verdict": _verdict(played, honesty, series.price_unit.split("/")[0]),
        },
        "warnings": [*prepared.notes, *_remarks(played, learned=learned)],
    }


def _verdict(played: StorageBacktest, honesty: dict[str, Any], currency: str) -> str:
    """Say in words what the unit earned on the test days, and whether luck suffices for its lead."""
    agent, simple = (played.metrics[name] for name in ("agent", "yesterdays_schedule"))
    share = agent["share_of_perfect_foresight"]
    words = f"The agent earned {agent['profit']:,.0f} {currency} on the test days".replace("  ", " ")
    between = honesty["share_of_perfect_foresight_ci95"]
    words += "" if share is None else f", {share:.1%} of perfect foresight"
    words += "" if between is None else f" (95 % interval {between[0]:.1%} to {between[1]:.1%})"
    words += f"; yesterday's schedule {simple['profit']:,.0f}."
    lead = honesty["lead_over_yesterday_per_day_ci95"]
    if lead is None:
        return words
    if lead[0] > 0.0:
        return f"{words} Its lead is more than luck: {lead[0]:,.1f} to {lead[1]:,.1f} a day with 95 % confidence."
    worse = "it is worse beyond luck" if lead[1] < 0.0 else "the difference may be luck"
    return f"{words} Against that schedule {worse}: {lead[0]:,.1f} to {lead[1]:,.1f} a day with 95 % confidence."


def _remarks(played: StorageBacktest, *, learned: bool) -> list[str]:
    profit = dict(zip(played.strategies, played.path.profit.sum(axis=0).tolist(), strict=True))
    if not learned:
        return ["nothing the agent learned beat one constant action on the validation rows, so that is what it does"]
    better = [
        name.replace("_", " ")
        for name, value in profit.items()
        if name not in ("agent", "perfect_foresight") and value >= profit["agent"]
    ]
    return [f"the agent earned no more than {', '.join(better)}"] if better else []


def storage_lines(document: dict[str, Any]) -> Iterator[str]:
    """Yield the table of strategies, one line each, and of the price forecasts."""
    unit = document["data"]["price_unit"]
    yield f"forecasts at gate closure, {document['data']['test_days']} test days ({unit}; a lower error is better):"
    for name, score in document["forecast"].items():
        yield f"  {name:<26}{'mae':>8}{score['mae']:>10.2f}{'rmse':>8}{score['rmse']:>10.2f}"
    yield f"storage unit, test days (money in {_currency(document)}):"
    yield f"  {'strategy':<26}" + "".join(f"{label:>13}" for _, label, _ in COLUMNS)
    for name, strategy in document["backtest"]["strategies"].items():
        values = [(strategy["metrics"][key], form) for key, _, form in COLUMNS]
        yield f"  {name:<26}" + "".join(f"{'-' if v is None else form.format(v):>13}" for v, form in values)


def storage_page(document: dict[str, Any], paths: pd.DataFrame, points: int) -> dict[str, Any]:
    """Return what storage.html shows: its figures, and the values beside them."""
    strategies = document["backtest"]["strategies"]
    colours = dict(zip(strategies, PALETTE, strict=False))
    drawn = charts.thin(paths, points, ["price", "profit.agent"])
    clock = charts.clock_of(pd.DatetimeIndex(paths.index))
    profit = charts.time_figure(f"Profit so far, {_currency(document)}", clock, height=320)
    for name, colour in colours.items():
        width = 2.5 if name == "agent" else 1.3
        profit.line(
            drawn.index, drawn[f"profit.{name}"], color=colour, line_width=width, legend_label=name.replace("_", " ")
        )
    profit.yaxis.formatter = NumeralTickFormatter(format="0,0")
    charts.with_legend(profit).legend.click_policy = "hide"
    price = charts.time_figure(
        f"Price and its forecast at gate closure, {document['data']['price_unit']}", clock, height=220
    )
    model = document["run"]["config"]["model"]["kind"]
    line = price.line(drawn.index, drawn["price"], color=charts.INK, line_width=1.2, legend_label="price")
    line.tags = ["ink"]
    price.line(
        drawn.index, drawn[f"forecast.{model}"], color=PALETTE[0], line_width=1.2, legend_label=f"{model} forecast"
    )
    charts.with_legend(price)
    week = paths.iloc[: 24 * 7]
    first = charts.clock_of(pd.DatetimeIndex(week.index), name="week")
    charge = charts.time_figure("Energy in the store in the first week, MWh", first, height=180)
    for name in ("perfect_foresight", "agent"):
        charge.step(
            week.index, week[f"charge.{name}"], mode="after", color=colours[name], legend_label=name.replace("_", " ")
        )
    charts.with_legend(charge)
    return {
        "figures": {"profit": profit, "price": price, "charge": charge},
        "values": {
            "report": document,
            "rows": METRICS,
            "honesty": HONESTY,
            "colours": colours,
            "cards": _cards(document),
        },
    }


def _currency(document: dict[str, Any]) -> str:
    """Return what money is counted in: the part of a unit such as USD/MWh that is not energy."""
    return str(document["data"]["price_unit"]).split("/")[0] or "the currency of the price"


def _cards(document: dict[str, Any]) -> list[dict[str, Any]]:
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
