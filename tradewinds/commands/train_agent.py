"""`tradewinds train-agent`: teach the agent on bars its forecaster never saw, or in an environment of Gymnasium."""

import shutil
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.artifact import new_run_id
from tradewinds.pipeline.provenance import AGENT, HIDDEN_STATES, find_forecaster, require_checkpoint
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train an agent, on a trained forecaster's hidden states where its task has a series."""
    job = job_of(config)
    require_checkpoint(config, AGENT)
    if isinstance(job, Prepared):
        job.task.require_action(job)
    forecaster = find_forecaster(job) if isinstance(job, Prepared) else None
    from tradewinds.pipeline.encoding import load_forecasters
    from tradewinds.pipeline.steps import encoded, train_agent
    from tradewinds.pipeline.walk_file import forget_walk

    run, models = job.runs / new_run_id(), Models()
    if forecaster is not None:
        fitted = load_forecasters(forecaster.folder, job.series)
        console.note(f"forecaster: {forecaster.folder}")
        models = encoded(job, fitted, forecaster, run / HIDDEN_STATES, console)
    try:
        models, trained = train_agent(job, models, run, console)
    except RequestError:
        shutil.rmtree(run, ignore_errors=True)
        raise
    forget_walk(models.forecaster, job.runs)
    if trained.best_step == 0:
        console.note(
            "note: step 0 is kept: what the agent learned never beat what learns nothing, where it was validated"
        )
    folder = models.artifacts[AGENT].folder
    return {"agent": str(folder), "best_step": trained.best_step, "validation_score": trained.best_score}
