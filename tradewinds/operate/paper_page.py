"""The page of a paper account: its curve, what it holds, the last decision, and what was revised since."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from tradewinds.core.console import Console, again
from tradewinds.core.files import write_text
from tradewinds.operate.paper_journal import Journal
from tradewinds.pipeline.task import Prepared
from tradewinds.report import charts
from tradewinds.report.document import run_facts, series_facts
from tradewinds.report.page import span
from tradewinds.report.render import render, shown

PAGE = "index.html"
LISTED = 100  # steps and revisions of the tables, the newest first


def write_page(job: Prepared, journal: Journal, console: Console) -> Path:
    """Draw the page of an account that has been opened, whole or not at all; return its path."""
    path = journal.path.with_name(PAGE)
    report = {
        "run": run_facts(
            job, {"id": "paper", "command": "paper", "again": again("paper", console.typed), "seconds": 0}
        ),
        "data": series_facts(job),
        "honesty": {"verdict": _verdict(job, journal)},
        "warnings": _warnings(journal),
        "backtest": None,
    }
    curve = _curve(job, journal)
    figures = _figures(job, curve) if len(curve) > 1 else {}
    page = render(
        "paper.html", figures, report=report, account=journal.opened, newest=journal.steps[-1],
        cards=_cards(job, journal), steps=journal.steps[:-LISTED - 1 : -1], honesty=(),
        revisions=journal.revisions[:-LISTED - 1 : -1],
        drawn_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M}", number=_number, form=_form(job),
        **(span(curve) if figures else {"first": None, "ranges": ()}),
    )  # fmt: skip
    write_text(path, page)
    return path


def _form(job: Prepared) -> str:
    return "percent" if job.task.curve == "equity" else "money"


def _earned(job: Prepared, worth: float) -> float:
    """Return what an account has earned: a return, or money."""
    return worth - 1.0 if job.task.curve == "equity" else worth


def _curve(job: Prepared, journal: Journal) -> pd.DataFrame:
    """Return by naive time the worth of an account, and what of it is held where shares are."""
    steps = journal.steps
    index = pd.DatetimeIndex([step["at"] for step in steps]).tz_localize(None)
    table = pd.DataFrame({"equity.agent": [step["worth"] for step in steps]}, index=index)
    if job.task.curve == "equity":
        table["exposure"] = [sum(one["exposure"] or 0.0 for one in step["held"]) for step in steps]
    return table


def _figures(job: Prepared, curve: pd.DataFrame) -> dict[str, charts.Figure]:
    clock = charts.clock_of(pd.DatetimeIndex(curve.index))
    drawn = charts.thin(curve, job.config.backtest.plot_points, list(map(str, curve)))
    if job.task.curve != "equity":
        currency = job.series.price_unit.split("/")[0]
        return {"worth": charts.profit_chart(drawn.set_axis(["agent"], axis=1), currency, clock)}
    source = charts.source_of(drawn)
    return {
        "worth": charts.equity_chart(source, pd.DataFrame(), clock, log=False),
        "position": charts.position_chart(source, clock),
    }


def _verdict(job: Prepared, journal: Journal) -> str:
    first, last = journal.steps[0], journal.steps[-1]
    earned = shown(_earned(job, last["worth"]), _form(job))
    many = len(journal.steps)
    return (
        f"Opened at {first['at'][:16]}, {many} decision{'' if many == 1 else 's'} since, the last at {last['at'][:16]} "
        f"by version {last['version']}; it has earned {earned}. No money was at risk."
    )


def _warnings(journal: Journal) -> list[str]:
    late, revised = [step for step in journal.steps if step["late"]], len(journal.revisions)
    warnings = []
    if late:
        warnings.append(
            f"{len(late)} of {len(journal.steps)} decisions came too late to have been traded on, the last of "
            f"{late[-1]['at'][:16]}: {late[-1]['late']}"
        )
    if revised:
        warnings.append(f"{revised} values of bars it had read were others later; what was decided stays (below)")
    return warnings


def _cards(job: Prepared, journal: Journal) -> list[dict[str, str]]:
    last, decided = journal.steps[-1], journal.steps[-1]["decided_at"][:16]
    before = journal.steps[-2]["worth"] if len(journal.steps) > 1 else last["worth"]
    change = last["worth"] - before if job.task.curve != "equity" else last["worth"] / before - 1.0 if before else 0.0
    what = "equity" if job.task.curve == "equity" else "profit"
    return [
        {"label": what, "value": _number(last["worth"]), "beside": f"last step {shown(change, _form(job))}"},
        {"label": "decisions", "value": shown(len(journal.steps)), "beside": f"since {journal.steps[0]['at'][:10]}"},
        {
            "label": "champion",
            "value": f"version {last['version']}",
            "beside": f"decided {decided} UTC",
        },
    ]


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.6g}".replace("-", "\u2212")
    return shown(value)
