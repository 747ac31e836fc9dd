"""Pages about several runs: `index.html` lists those of a folder, `compare.html` sets some side by side.

Every number is read from the runs' report.json.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tradewinds.core.files import write_text
from tradewinds.report import charts
from tradewinds.report.render import render, shown
from tradewinds.report.tables import naive_times, read_table

LISTED = 500  # newest runs that the index names
METRICS = (
    ("total return", "total_return", "percent"),
    ("Sharpe", "sharpe_annual_ddof1_arithmetic", "number"),
    ("max drawdown", "max_drawdown_from_start_capital", "percent"),
    ("turnover/yr", "turnover_per_year", "number"),
    ("mean return", "return_mean", "number"),  # of an environment's episodes
    ("of perfect foresight", "share_of_perfect_foresight", "percent"),  # of a storage unit
)
OF_CLASSES = (("accuracy", "accuracy", "percent"), ("log loss", "log_loss", "number"))  # of cases told apart


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what it shows, what it is sorted by, and where it leads."""

    text: str
    value: str
    link: str = ""


def write_index(runs: Path) -> Path:
    """Write `runs`/index.html, a list of the newest finished runs under `runs`, newest first; return its path."""
    path = runs / "index.html"
    write_text(path, index_page(runs, finished(runs)))
    return path


def finished(runs: Path) -> tuple[Path, ...]:
    """Return the reports of the finished runs under a folder, newest first."""
    return tuple(sorted(runs.glob("*/*/report.json"), key=lambda path: path.parent.name, reverse=True))


def index_page(
    runs: Path,
    reports: Sequence[Path],
    *,
    place: str = "",
    title: str = "Runs",
    facts: Sequence[str] = (),
    warnings: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """Return a page that lists finished runs.

    Args:
        runs: the folder of all runs.
        reports: of those that are listed, newest first.
        place: what leads from the page to that folder, such as `runs/`.
        title: of the page.
        facts: lines above the list.
        warnings: what has to be known first.
        links: other pages, by their names.
    """
    rows = [row for path in reports[:LISTED] if (row := _row_of(path, runs, place))]
    more = f", the newest {LISTED} of them" if len(reports) > LISTED else ""
    under = f"{len(reports)} finished run{'' if len(reports) == 1 else 's'}{more}; a head sorts by its column."
    columns = ["run", "started", "series", "forecaster", "agent", "seed", *_heads()]
    return _page(title, under, columns, rows, warnings=warnings, facts=facts, links=links)


def _row_of(path: Path, runs: Path, place: str) -> list[Cell]:
    """Return the row of a finished run; nothing for a report that is none of ours."""
    try:
        cells = _row_read(path.resolve(), runs.resolve(), path.stat().st_mtime_ns)
    except OSError:  # pruned meanwhile
        return []
    return [replace(cells[0], link=place + cells[0].link), *cells[1:]] if cells else []


@lru_cache(maxsize=2 * LISTED)
def _row_read(path: Path, runs: Path, changed_at: int) -> list[Cell]:
    """Read a row; a report that has not changed since is not read again."""
    report = _read(path)
    return _row(path.parent, report, runs) if report else []


def write_comparison(runs: Sequence[Path], path: Path, *, plot_points: int) -> Path:
    """Write `path`, a page that compares finished runs; return it.

    Runs whose test rows are not the same bars are compared all the same, and the page says so.
    """
    reports = [(run, json.loads((run / "report.json").read_text(encoding="utf-8"))) for run in runs]
    rows = [_row(run, report, path.parent) for run, report in reports]
    columns = ["run", "started", "series", "forecaster", "agent", "seed", *_heads()]
    tests = {
        (report["data"]["sha256"], report["data"].get("judged_sha256"), *report["data"]["splits"]["test"]["rows"])
        for _, report in reports
    }
    warnings = (
        ["these runs were not tested on the same bars or cases: their numbers cannot be compared"]
        if len(tests) > 1
        else []
    )
    drawn = {}
    for run in runs:
        if (run / "backtest" / "equity.parquet").is_file():
            table = naive_times(read_table(run / "backtest", "equity"))[["agent"]].rename(columns={"agent": "equity"})
            drawn[f"{run.parent.name} {run.name[-4:]}"] = charts.thin(table, plot_points, ["equity"])
    under = f"{len(runs)} runs; equity of those that trade, of their agents on their test rows, after costs."
    chart = charts.comparison_chart(drawn) if drawn else None
    write_text(path, _page("Runs compared", under, columns, rows, warnings=warnings, chart=chart))
    return path


def _heads() -> list[str]:
    return [
        *(label for label, _, _ in METRICS), "buy and hold", "error of the value, naive = 1",
        *(label for label, _, _ in OF_CLASSES),
    ]  # fmt: skip


def _row(run: Path, report: dict[str, Any], base: Path) -> list[Cell]:
    config, strategies = report["run"]["config"], (report["backtest"] or {}).get("strategies", {})
    model, agent = config["model"]["kind"], strategies["agent"]["metrics"] if strategies else {}
    link = run.resolve().relative_to(base.resolve()) if _inside(run, base) else run.resolve()
    started = report["run"]["started_at"][:16].replace("T", " ")
    learner = config["agent"]["kind"] if strategies else ""
    seeds = report["honesty"]["seeds"]
    seed = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}..{seeds[-1]}"
    data = report["data"]
    forecaster = model if "bars" in data or "classes" in data else ""  # an environment of Gymnasium is not forecast
    texts = [started, data["name"], forecaster, learner, seed]
    numbers = [(agent.get(key), form) for _, key, form in METRICS]
    holder = strategies.get("buy_and_hold", {"metrics": {}})["metrics"]
    numbers.append((holder.get("total_return"), "percent"))
    numbers.append((_share_of_naive(report["forecast"], model), "number"))
    own = report["forecast"].get(model, {}) if "classes" in data else {}
    numbers += [(own.get(key), form) for _, key, form in OF_CLASSES]
    return [
        Cell(f"{run.parent.name} {run.name[-4:]}", run.name, f"{link.as_posix()}/report.html"),
        *(Cell(text, text) for text in texts),
        *(Cell(shown(value, form), "-1e99" if value is None else repr(value)) for value, form in numbers),
    ]


def _share_of_naive(scores: dict[str, Any], model: str) -> float | None:
    """Return the error of the value ahead as a share of the naive one's; None where one of them is not there."""
    ours, naive = (scores.get(name, {}).get("value_mae") for name in (model, "naive"))
    return ours / naive if ours is not None and naive else None


def _told(columns: list[str], rows: list[list[Cell]]) -> tuple[list[str], list[list[Cell]]]:
    """Leave out columns of which no run has a number: they are of other tasks."""
    columns_shown = [
        number for number in range(len(columns)) if any(row[number].text not in ("", shown(None)) for row in rows)
    ]
    return [columns[number] for number in columns_shown], [[row[number] for number in columns_shown] for row in rows]


def _inside(run: Path, base: Path) -> bool:
    return run.resolve().is_relative_to(base.resolve())


def _read(path: Path) -> dict[str, Any]:
    """Return a report, or nothing if it is not one of ours: a list of runs must not fail on a stray file."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return report if report["schema"] == 1 and "forecast" in report and "backtest" in report else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _page(
    title: str,
    under: str,
    columns: list[str],
    rows: list[list[Cell]],
    *,
    warnings: Sequence[str] = (),
    chart: charts.Figure | None = None,
    facts: Sequence[str] = (),
    links: Sequence[tuple[str, str]] = (),
) -> str:
    columns, rows = _told(columns, rows)
    style = (Path(__file__).parent / "templates" / "page.css").read_text(encoding="utf-8")
    dark = re.search(r':root\[data-theme="dark"\] (\{.*?\})', style, re.DOTALL)
    return render(
        "index.html", {} if chart is None else {"equity": chart}, title=title, under=under, columns=columns, rows=rows,
        warnings=warnings, facts=facts, links=links, dark=dark[1] if dark and chart is None else "{}",
    )  # fmt: skip
