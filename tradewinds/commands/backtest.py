"""`tradewinds backtest`: open the test span once, judge what was trained before, and report."""

from typing import Any

from tradewinds.core.console import Console
from tradewinds.pipeline.artifact import begun
from tradewinds.pipeline.provenance import find_agent, find_forecaster
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Judge the agent that `inputs.agent` names, or where nobody acts the forecaster of `inputs.forecaster`."""
    job = job_of(config)
    artifact = find_agent(job) if job.task.acts else find_forecaster(job)
    from tradewinds.judge import judge
    from tradewinds.pipeline.steps import found_models

    models = found_models(job, artifact, console)
    with begun(job.runs) as run:
        return judge(job, models, run=run, command="backtest", console=console)
