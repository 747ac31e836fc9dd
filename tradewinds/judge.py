"""The judge: the one place that opens a test span, for every task.

It logs the opening, lets the policy decide and the task's ledger reckon, says how far to believe the numbers, warns of
leaks before anything else, and writes report.json, its page and the artifact behind it.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tradewinds.core.console import Console, again
from tradewinds.core.errors import GateError
from tradewinds.core.files import append_line, json_text, write_bytes, write_json, write_text
from tradewinds.core.turns import alone, in_turn
from tradewinds.data.notes import Note
from tradewinds.data.row_marks import keep_marks, marked, marks_of
from tradewinds.evaluation.seed_statistics import seed_line
from tradewinds.evaluation.trials import judged_trial, opening_block, trial_block
from tradewinds.leakcheck.own_check import check_run
from tradewinds.pipeline.artifact import writing
from tradewinds.pipeline.records import Attempt
from tradewinds.pipeline.steps import encoded_anew
from tradewinds.pipeline.task import Job, Models, Prepared
from tradewinds.pipeline.walk_file import forget_walk
from tradewinds.report.document import assemble, leak_of
from tradewinds.report.index import write_index
from tradewinds.report.sections import with_sections
from tradewinds.report.tables import write_tables
from tradewinds.tasks import task_of_report
from tradewinds.tasks.ablation import ablated
from tradewinds.tasks.predictions import in_words

REPORT, PAGE, PICTURE = "report.json", "report.html", "report.png"


def judge(
    job: Job, models: Models, *, run: Path, command: str, console: Console, started: float | None = None
) -> dict[str, Any]:
    """Judge models on the test span, write the artifact, report.json and report.html to `run`, and print the tables.

    Args:
        job: the request, its data and its task; its test rows are opened here, if they are sealed.
        models: what was fitted.
        run: the run's folder.
        command: which command this is.
        console: where to say what came out.
        started: `time.perf_counter` when the command began; None for now.
    """
    started = time.perf_counter() if started is None else started
    began = datetime.now(UTC) - timedelta(seconds=time.perf_counter() - started)
    job, task = job.opened(), job.task
    with in_turn():  # the openings and trials that are counted are those before it
        log_opening(job, run.name)
        models = encoded_anew(job, models, console, runs=run.parent)
        rows = job.split.test if isinstance(job, Prepared) else range(0)
        decisions = task.decide(job, models, rows) if task.acts else None
        outcome = None if decisions is None else task.outcome(job, decisions)
        forecasts = task.score(job, models, decisions)
        honesty = {**forecasts.honesty}
        ablation = ablated(job, forecasts) if isinstance(job, Prepared) else None
        honesty |= {} if ablation is None else {"ablation": ablation}
        if outcome is not None:
            honesty = {**task.inference(job, outcome, forecasts), **honesty}
        honesty |= trials(job, None if outcome is None else task.attempt(job, outcome), run)
    if isinstance(job, Prepared):
        honesty |= check_run(job, models, outcome, decisions=decisions, forecasts=forecasts).block()
    document = assemble(
        job,
        forecasts,
        honesty,
        task.sections(job, models, outcome, forecasts, honesty),
        run={
            "id": run.name,
            "command": command,
            "again": again(command, console.typed),
            "started_at": began.isoformat(),
            "seconds": round(time.perf_counter() - started, 1),
        },
    )
    tables = {**task.tables(job, models, outcome), **forecasts.tables}
    publish(job, document, tables, run=run, folder=task.folder, artifacts=models.artifacts, console=console)
    forget_walk(models.forecaster, run.parent)
    told = {
        "run": str(run),
        "report": str(run / REPORT),
        task.folder: document[task.folder],
        "verdict": document["honesty"]["verdict"],
    }
    stop_at_leak(document, told, console)
    if isinstance(job, Prepared):
        console.result(in_words(job, models))
    return told


def publish(
    job: Job,
    document: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    *,
    run: Path,
    folder: str,
    artifacts: Mapping[str, Any],
    console: Console,
    page: Callable[[Mapping[str, Any], Path, int], str] | None = None,
    lines: Sequence[str] | None = None,
    kept: Mapping[str, Any] | None = None,
) -> None:
    """Write a report with the artifact that proves it, draw its page, and tell it.

    Args:
        job: the request.
        document: report.json.
        tables: what the artifact keeps for other tools, by name.
        run: the run's folder.
        folder: of the artifact in it, and its kind.
        artifacts: that it was made from.
        console: where to tell it.
        page: draws report.html; None for the task's own.
        lines: what to tell; None for what the task tells of the document.
        kept: further JSON documents of the artifact, by file name.
    """
    task, text = job.task, json_text(document)
    proof = {"report_sha256": hashlib.sha256(text.encode()).hexdigest()}
    with writing(
        run / folder, folder, config=job.config.plain(), inputs=job.inputs, parents=artifacts, facts=proof
    ) as partial:
        write_tables(tables, partial)
        for name, content in (kept or {}).items():
            write_json(partial / name, content)
    write_text(run / REPORT, text)
    points = job.config.backtest.plot_points
    drawn = (page or task.page)(document, run / folder, points)
    write_text(run / PAGE, with_sections(drawn, document, run / folder))
    leak = leak_of(document["honesty"])
    if leak is not None:
        console.result(f"LEAK: {leak}")
    for line in task.lines(document) if lines is None else lines:
        console.result(line)
    by_seed = document["honesty"].get("sharpe_by_seed")
    if lines is None and by_seed and len(by_seed["seeds"]) > 1:
        console.result(seed_line(by_seed))
    for warning in document["warnings"]:
        console.warn(warning, again=isinstance(warning, Note) and warning.about == "doubt")
    console.wrote(run / REPORT)
    console.wrote(run / PAGE)
    with alone():
        console.wrote(write_index(Path(job.config.run.dir)))


def stop_at_leak(document: Mapping[str, Any], told: Mapping[str, Any], console: Console) -> None:
    """End a command whose report, written by now, found a leak: whoever reads exit statuses only must hear of it.

    Raises:
        GateError: there is one.
    """
    leak = leak_of(document["honesty"])
    if leak is not None:
        console.finish(told)
        raise GateError(f"{leak}; the report is written, and none of its numbers can be believed")


def draw(run: Path, *, plot_points: int) -> list[Path]:
    """Draw the page of a finished run again, and its picture if it has one; return where they lie."""
    document = json.loads((run / REPORT).read_text(encoding="utf-8"))
    task = task_of_report(document)
    page = task.page(document, run / task.folder, plot_points)
    write_text(run / PAGE, with_sections(page, document, run / task.folder))
    picture = task.picture(document, run / task.folder, plot_points)
    if picture is None:
        return [run / PAGE]
    write_bytes(run / PICTURE, picture)
    return [run / PAGE, run / PICTURE]


def trials(job: Job, attempt: Attempt | None, run: Path, *, way: str = "") -> dict[str, Any]:
    """Write an attempt into the trial log, and judge it by all there were; without one count who looked."""
    if not isinstance(job, Prepared):
        return {}
    runs, rows = Path(job.config.run.dir), keep_rows(job)
    if attempt is None:
        return opening_block(rows, runs)
    span = job.time_range(job.split.test)
    trial = judged_trial(
        attempt.increments,
        series=str(job.inputs["series"]),
        way=attempt.way,
        rows=rows,
        data_sha256=job.inputs["sha256"],
        first=span["first"],
        last=span["last"],
        periods=attempt.periods,
        periods_per_year=attempt.per_year,
        config=job.config.deciding() | ({"way": way} if way else {}),
        seed=job.config.seed,
        run=run,
    )
    return trial_block(trial, attempt.increments, runs)


def keep_rows(prepared: Prepared) -> str:
    """Keep the marks of the test rows under the folder of all runs, and return their digest: which data they are."""
    series = prepared.series
    marks = [marks_of(series.close[:, column], prepared.split.test) for column in marked(series.instruments)]
    return keep_marks(np.unique(np.concatenate(marks)), Path(prepared.config.run.dir))


def log_opening(job: Job, run_id: str) -> None:
    """Write down that the test rows were looked at."""
    opening = {
        "run": run_id,
        "opened_at": datetime.now(UTC).isoformat(),
        "config_hash": job.config.hash,
        "data_sha256": job.inputs["sha256"],
        "test": job.task.test_span(job),
        "rows": keep_rows(job) if isinstance(job, Prepared) else None,
    }
    job.runs.mkdir(parents=True, exist_ok=True)
    append_line(job.runs / "test_openings.jsonl", json.dumps(opening, sort_keys=True))
