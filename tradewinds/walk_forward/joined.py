"""Models fitted anew for each fold and seed, the tests of all folds joined into one account, judged and told."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewinds.core.console import Console, again
from tradewinds.core.files import write_text
from tradewinds.core.plugins import plugins_of
from tradewinds.evaluation.overfitting import bar_sharpe
from tradewinds.evaluation.seed_statistics import seed_line, seed_summary
from tradewinds.judge import PAGE, REPORT, log_opening, publish, stop_at_leak, trials
from tradewinds.leakcheck.stretch import aligned
from tradewinds.leakcheck.verdict import Leak
from tradewinds.leakcheck.walks import account
from tradewinds.pipeline.artifact import begun, read, sweep_partials, versions
from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.report.document import CLEAN, leak_of
from tradewinds.report.sections import with_sections
from tradewinds.tasks import task_of_report
from tradewinds.walk_forward.folds import KIND as FOLD
from tradewinds.walk_forward.folds import FoldSeed, decisions_of, facts_of, plan, run_all
from tradewinds.walk_forward.report import AGENT, EQUITY, sharpe_of, shown_value, walk_page, walk_report

KIND, FILE = "walk_forward", "walk_forward.json"


def walk(prepared: Prepared, console: Console) -> dict[str, Any]:
    """Fit and test all folds and seeds that are not there yet, and join their tests."""
    started = time.perf_counter()
    prepared = aligned(prepared)
    folds = plan(prepared)
    sweep_partials(prepared.runs)
    with begun(prepared.runs) as run:
        return _walk(prepared, folds, run, started, console)


def _walk(prepared: Prepared, folds: list[FoldSeed], run: Path, started: float, console: Console) -> dict[str, Any]:
    config = prepared.config
    tested = _tested(prepared, folds)
    log_opening(tested, run.name)
    with console.progress("walk-forward") as progress:
        computed = run_all(prepared, folds, progress)
    document, curves = judge_walk(prepared, folds, run)
    document["honesty"] |= leak_verdicts(folds, document.pop("money"))
    facts: dict[str, Any] = {
        "id": run.name,
        "command": "walk-forward",
        "again": again("walk-forward", console.typed),
        "started_at": datetime.now(UTC).isoformat(),
        "seconds": round(time.perf_counter() - started, 1),
        "computed": computed,
        "kept": len(folds) - computed,
        "config": config.deciding() | {"walk_forward": config.plain()["walk_forward"]},
        "config_hash": config.hash,
        "seed": config.seed,
        "threads": 1,
        "plugins": plugins_of(config.plain()),
        "versions": versions(),
    }
    report = walk_report(tested, document, facts)
    publish(
        prepared,
        report,
        {EQUITY: curves},
        run=run,
        folder=KIND,
        artifacts={f"fold_{fold.number}_seed_{fold.seed}": read(fold.folder, FOLD) for fold in folds},
        console=console,
        page=partial(walk_page, prepared.task),
        kept={FILE: {"schema": 1, "run": facts, **document}},
        lines=[
            *walk_lines(prepared, report),
            f"{computed} of {len(folds)} folds were computed, the others were there",
        ],
    )
    told = {"walk_forward": str(run / KIND), "computed": computed, **document}
    stop_at_leak(report, told, console)
    return told


def judge_walk(prepared: Prepared, folds: list[FoldSeed], run: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Join the decisions of all folds into one account per seed, and judge it beside the baselines.

    Each agent decides as if its account had been fresh when its fold began; the joint account carries what is held from
    fold to fold, and pays for every change. The median seed stands for all where one has to.

    Returns:
        Plain data, and by `money` the leaks that a second account found; (T,) curves of all seeds and baselines, a
        column each.
    """
    task, tested = prepared.task, _tested(prepared, folds)
    seeds = sorted({fold.seed for fold in folds})
    jobs = {seed: replace(tested, config=replace(prepared.config, seed=seed)) for seed in seeds}
    decisions = {seed: task.chain([decisions_of(fold) for fold in folds if fold.seed == seed]) for seed in seeds}
    outcomes = {seed: task.outcome(jobs[seed], decisions[seed]) for seed in seeds}
    attempts = {seed: task.attempt(jobs[seed], outcome) for seed, outcome in outcomes.items()}
    sharpes = {}
    for seed, attempt in attempts.items():
        assert attempt is not None
        sharpes[seed] = bar_sharpe(attempt.increments.to_numpy()) * float(np.sqrt(attempt.per_year))
    median = sorted(seeds, key=lambda seed: (sharpes[seed], seed))[(len(seeds) - 1) // 2]
    whole = outcomes[median]
    honesty = task.inference(tested, whole, task.score(tested, None, decisions[median]))
    for seed in [seed for seed in seeds if seed != median] + [median]:  # the last one knows of all
        counted = trials(jobs[seed], attempts[seed], run, way=repr(prepared.config.walk_forward))
    document = {
        "folds": [_fold(tested, folds, number, outcomes) for number in range(prepared.config.walk_forward.folds)],
        "median_seed": median,
        "strategies": {"agent": {str(seed): outcome.metrics["agent"] for seed, outcome in outcomes.items()}}
        | {name: whole.metrics[name] for name in whole.strategies if name != "agent"},
        "agent_sharpe_by_seed": seed_summary(seeds, [sharpes[seed] for seed in seeds]),
        "honesty": honesty | counted,
        "money": {seed: account(jobs[seed], outcome) for seed, outcome in outcomes.items()},
    }
    curves = {f"{AGENT}{seed}": outcome.curves["agent"] for seed, outcome in outcomes.items()}
    curves |= {name: whole.curves[name] for name in whole.strategies if name != "agent"}
    return document, pd.DataFrame(curves)


def draw_again(run: Path, *, plot_points: int) -> list[Path]:
    """Draw the page of a finished walk again."""
    document = json.loads((run / REPORT).read_text(encoding="utf-8"))
    page = walk_page(task_of_report(document), document, run / KIND, plot_points)
    write_text(run / PAGE, with_sections(page, document, run / KIND))
    return [run / PAGE]


def _tested(prepared: Prepared, folds: Sequence[FoldSeed]) -> Prepared:
    """Return the request with all tests as its test rows, from the bar on whose close the first decision is taken."""
    first, last = folds[0].fold, folds[-1].fold
    test = range(first.rows.start + first.split.test.start - 1, last.rows.stop)
    return replace(prepared, split=replace(prepared.split, test=test))


def _fold(tested: Prepared, folds: Sequence[FoldSeed], number: int, outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
    """Tell who saw which bars in a fold, and what the joint accounts earned in its test."""
    fold, task = next(fold for fold in folds if fold.number == number).fold, tested.task
    rows = {}
    for name in ("forecaster", "agent", "validation", "test"):
        part = getattr(fold.split, name)
        rows[name] = tested.time_range(range(part.start + fold.rows.start, part.stop + fold.rows.start))
    test = range(*rows["test"]["rows"])
    return {
        "rows": rows,
        "agent": {str(seed): task.earned(tested, outcome, "agent", test) for seed, outcome in outcomes.items()},
        "learned": sum(facts_of(each)["learned"] for each in folds if each.number == number),
        task.rival: task.earned(tested, next(iter(outcomes.values())), task.rival, test),
    }


def leak_verdicts(folds: Sequence[FoldSeed], money: Mapping[int, Leak | None]) -> dict[str, Any]:
    """Return the leak checks of all folds and seeds in one: `clean`, or the first leak and its fold.

    Args:
        folds: all of them.
        money: by seed, what a second account found in the joint one.
    """
    for seed, leak in money.items():
        if leak is not None:
            return {"leakcheck": f"all folds, seed {seed}: {leak}"}
    verdicts = {fold: facts_of(fold).get("leakcheck") for fold in folds}
    for fold, word in verdicts.items():
        if leak_of({"leakcheck": word}) is not None:
            return {"leakcheck": f"fold {fold.number + 1}, seed {fold.seed}: {word}"}
    unasked = sum(word is None for word in verdicts.values())
    if unasked:
        return {"leakcheck": None, "leakcheck_reason": f"{unasked} of {len(folds)} folds were not asked"}
    return {"leakcheck": next((word for word in verdicts.values() if word != CLEAN), CLEAN)}


def walk_lines(prepared: Prepared, report: Mapping[str, Any]) -> list[str]:
    """Tell folds, seeds and the joint account as lines."""
    task = prepared.task
    key, form = task.labels().headline
    rival = task.rival.replace("_", " ")
    width = max(14, len(rival) + 2)
    lines = [f"  {'fold':<6}{'test':<26}{rival:>{width}}{'agents: worst':>16}{'median':>10}{'best':>10}"]
    for number, fold in enumerate(report["walk_forward"]["folds"], 1):
        first, last = fold["rows"]["test"]["first"][:10], fold["rows"]["test"]["last"][:10]
        earned = sorted(agent[key] for agent in fold["agent"].values())
        cells = (fold[task.rival][key], earned[0], float(np.median(earned)), earned[-1])
        texts = [shown_value(cell, form) for cell in cells]
        lines.append(
            f"  {number:<6}{first + ' .. ' + last:<26}{texts[0]:>{width}}{texts[1]:>16}{texts[2]:>10}{texts[3]:>10}"
        )
    by_seed = seed_line(report["walk_forward"]["agent_sharpe_by_seed"], f"agent's {sharpe_of(task)}")
    return [
        "walk-forward, after costs:",
        *lines,
        *task.strategy_lines(report),
        f"{by_seed}; the median seed is shown",
    ]
