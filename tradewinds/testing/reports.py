"""What a metric and a section of the page must hold to."""

import copy
import re
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from tradewinds.evaluation.custom_metrics import Array, Metric
from tradewinds.report.sections import Section
from tradewinds.testing.rules import need, told

PER_YEAR = 252.0
FETCHES = re.compile(
    r"""(?:src|href|action|poster|data)\s*=\s*["']?\s*(?:https?:)?//|@import|url\(\s*["']?\s*(?:https?:)?//"""
)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "path"}


def check_metric(function: Metric) -> None:
    """Check a metric: `(curve, increments, per_year) -> float | None`.

    Args:
        function: what a name of `backtest.metrics` stands for: of (T,) equity, (T - 1,) simple returns, bars a year.

    Raises:
        ConformanceError: it fails, returns what is neither a finite number nor None, or another one when asked again.
    """
    returns = np.random.default_rng(0).normal(0.0005, 0.01, 300)
    cases = {
        "a random walk": returns,
        "an account that never trades": np.zeros(300),
        "one that only rises": np.full(300, 0.001),
        "one that is ruined": np.append(returns[:-1], -1.0),
        "a single bar": returns[:1],
    }
    for what, increments in cases.items():
        first, second = (_measured(function, what, increments) for _ in range(2))
        need(first == second, f"the metric of {what} was {first}, and {second} when asked again; it must keep nothing")


def _measured(function: Callable[..., Any], what: str, increments: Array) -> float | None:
    curve, moves = np.append(1.0, np.cumprod(1.0 + increments)), increments.copy()
    curve.flags.writeable = moves.flags.writeable = False
    with told(
        f"the metric of {what}", "it must take (curve, increments, per_year), write into none, and bear any of them"
    ):
        with np.errstate(all="ignore"):
            value = function(curve, moves, PER_YEAR)
    number = isinstance(value, int | float | np.floating) and bool(np.isfinite(value))
    need(
        value is None or number, f"the metric of {what} is {value!r}; it must be a finite number, or None where none is"
    )
    return None if value is None else float(value)


def small_report() -> dict[str, Any]:
    """Return a report.json of a trading account in little: its shape, and the keys that a section is likely to read."""
    metrics = {"total_return": 0.05, "sharpe_annual_ddof1_arithmetic": 0.4, "max_drawdown_from_start_capital": 0.1}
    model = {"kind": "lstm", "horizon": 1, "context_length": 16}
    return {
        "schema": 1,
        "run": {"id": "20260101T000000.000000-0000", "command": "run", "seed": 7, "config": {"model": model}},
        "data": {
            "name": "made up",
            "instruments": ["one"],
            "bars": 300,
            "bars_per_year": PER_YEAR,
            "price_unit": "USD",
        },
        "forecast": {"lstm": {"change_mae": 0.007}, "naive": {"change_mae": 0.0071}},
        "backtest": {"strategies": {name: {"metrics": metrics, "seed": None} for name in ("agent", "buy_and_hold")}},
        "honesty": {"leakcheck": "clean", "verdict": "Luck suffices."},
        "warnings": [],
    }


def check_section(function: Section, document: Mapping[str, Any] | None = None, folder: Path | None = None) -> None:
    """Check a section of the page: `(document, folder) -> HTML`.

    Args:
        function: what a name of `backtest.sections` stands for.
        document: report.json of a run; None for one in little (`small_report`).
        folder: of the artifact behind it; None for one that holds `equity.parquet`.

    Raises:
        ConformanceError: it fails; returns no text, tags that are not closed, or something to be fetched; changes the
            document; or says something else when asked again.
    """
    report = small_report() if document is None else document
    with TemporaryDirectory() as name:
        place = Path(name) if folder is None else folder
        if folder is None:
            walk = np.random.default_rng(0).normal(0.0, 0.01, (50, 2)).cumsum(axis=0)
            index = pd.date_range("2020-01-01", periods=50, freq="D", tz="UTC")
            pd.DataFrame(np.exp(walk), index, ["agent", "buy_and_hold"]).to_parquet(place / "equity.parquet")
        before = copy.deepcopy(dict(report))
        with told("the section", "it must take (document, folder) and return HTML, whatever tables the folder lacks"):
            html, again = function(report, place), function(report, place)
    need(isinstance(html, str), f"the section returned a {type(html).__name__}; it must return HTML, a text")
    need(dict(report) == before, "the section changed the document; copy what is to be changed")
    need(html == again, "the section says something else when asked again; a page is drawn the same twice")
    found = FETCHES.search(html)
    need(
        found is None,
        f"the section fetches something ({found[0] if found else ''}...); a page opens no address: inline it",
    )
    parser = _Tags()
    parser.feed(html)
    need(
        not parser.open, f"the section leaves <{parser.open[-1] if parser.open else ''}> open or out of order; close it"
    )


class _Tags(HTMLParser):
    """Keeps the tags that are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in VOID:
            self.open.append(f"/{tag}")
