"""`tradewinds run`: the straight path from a series, or an environment, to a report, in one command."""

import time
from typing import Any

from tradewinds.commands.words import say_series
from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import begun
from tradewinds.pipeline.provenance import AGENT, FORECASTER, require_checkpoint
from tradewinds.pipeline.task import Job, OwnModel, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Fit what the task needs, then judge it on rows nothing was fitted on."""
    return whole_path(config, console, "run")


def whole_path(config: Config, console: Console, command: str) -> dict[str, Any]:
    """Walk the straight path of a request; `command` is what was typed."""
    job = job_of(config)
    require_checkpoint(config, *_trained(job))
    say_series(job, console)
    from tradewinds.judge import judge
    from tradewinds.pipeline.steps import fit

    started = time.perf_counter()
    with begun(job.runs) as run:
        return judge(job, fit(job, run, console), run=run, command=command, console=console, started=started)


def _trained(job: Job) -> list[str]:
    """Return the kinds of what is trained on the path of a job."""
    if isinstance(job.task, OwnModel):
        return [job.task.product]
    return ([FORECASTER] if isinstance(job, Prepared) else []) + ([AGENT] if job.task.acts else [])
