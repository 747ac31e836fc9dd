"""What a task must hold to: it answers the whole port, and a small run of it ends with a report that found no leak."""

import dataclasses
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tradewinds.core.console import Silent
from tradewinds.core.resources import resource_dir
from tradewinds.judge import PAGE, REPORT, judge
from tradewinds.pipeline.artifact import new_run_id
from tradewinds.pipeline.prepare import prepare
from tradewinds.pipeline.steps import fit
from tradewinds.pipeline.task import Task
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.testing.rules import need, told

SMALL = (
    "series=ar1",
    "series.bars=500",
    "model.context_length=8",
    "model.horizon=2",
    "model.hidden_size=4",
    "trainer.epochs=1",
    "features=returns_and_volatility",
    "agent.steps=400",
    "agent.learning_starts=100",
    "agent.validate_every=200",
    "backtest.bootstrap_draws=100",
    "backtest.random_draws=3",
)
ACTING = {"plans", "attempt", "chain", "earned", "as_trained", "decision", "decided", "duel"}  # asked of who acts
SCHEMA = ("schema", "run", "data", "forecast", "backtest", "honesty", "warnings")


def check_task(task: type[Any], settings: Any, words: tuple[str, ...] = SMALL) -> None:
    """Check a task: a class of `tradewinds.pipeline.task.Task` on a series; takes some seconds.

    Args:
        task: what `env.kind` stands for.
        settings: of its kind.
        words: a small request, as typed, but for `env`.

    Raises:
        ConformanceError: a part of the port is missing; a run fails, or leaves no whole report.json, a leak or no
            page.
    """
    with told("building the task", "it must need no arguments"):
        built = task()
    members = [*Task.__annotations__, *(name for name, one in vars(Task).items() if callable(one) and name[0] != "_")]
    asked = set(members) - (set() if built.acts else ACTING)
    lacks = [name for name in members if name in asked and not hasattr(built, name)]
    need(
        not lacks,
        f"the task lacks {', '.join(lacks)}; see tradewinds.pipeline.task.Task, and derive from one of ours, such as "
        "tradewinds.tasks.series_task.SeriesTask",
    )
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    with TemporaryDirectory() as name:
        plain["run"] = {**plain["run"], "dir": name}
        config = dataclasses.replace(request_from(plain), env=settings)
        with told("a small run of the task", "tradewinds run shows where, in the log it names"):
            job = prepare(config, built).seal()
            run = job.runs / new_run_id()
            models = fit(job, run, Silent())
            judge(job, models, run=run, command="run", console=Silent())
        _check_report(run)


def _check_report(run: Path) -> None:
    document = json.loads((run / REPORT).read_text(encoding="utf-8"))
    lacks = [name for name in SCHEMA if name not in document]
    need(
        not lacks, f"report.json lacks {', '.join(lacks)}; return them from `sections`, with null and a reason for none"
    )
    leak = document["honesty"].get("leakcheck")
    need(leak is None or "leak at" not in leak, f"the run's own check found a {leak}; see docs/leakage.md")
    page = (run / PAGE).read_text(encoding="utf-8")
    need("</html>" in page, f"{PAGE} is no whole page; return it from `page`, as tradewinds.report.render writes it")
