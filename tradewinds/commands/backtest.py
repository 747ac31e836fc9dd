"""`tradewinds backtest`: open the test span once, judge what was trained before, and report."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.champion import prove, registered_version
from tradewinds.operate.database import Database
from tradewinds.operate.judged_later import later_job
from tradewinds.operate.registry import Registry
from tradewinds.pipeline.artifact import Artifact, begun, read
from tradewinds.pipeline.provenance import AGENT, find_agent, find_forecaster
from tradewinds.pipeline.task import Job, Models
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Judge the agent that `inputs.agent` names, or where nobody acts the forecaster of `inputs.forecaster`.

    A registered one (`models.version`), or an agent that is named and was trained on other data, is judged on what it
    never learned from.
    """
    job, models = _judged(config, console)
    from tradewinds.judge import judge

    with begun(job.runs) as run:
        return judge(job, models, run=run, command="backtest", console=console)


def _judged(config: Config, console: Console) -> tuple[Job, Models]:
    if config.models.version is not None:
        return _version(config, console)
    if config.inputs.agent != "latest":
        agent = _as_registered(read(Path(config.inputs.agent), AGENT), config)
        job, asked = job_of(config), config.backtest.since is not None or config.backtest.seen
        if asked or agent.manifest["inputs"]["sha256"] != job.inputs["sha256"]:
            return later_job(config, agent, f"agent {agent.folder}", console)
    _refuse_since(config)
    job = job_of(config)
    artifact = find_agent(job) if job.task.acts else find_forecaster(job)
    from tradewinds.pipeline.steps import found_models  # it loads torch

    return job, found_models(job, artifact, console)


def _version(config: Config, console: Console) -> tuple[Job, Models]:
    """Return a registered version on what it never learned from; what comes of it is a run of that model's name."""
    runs, named = Path(config.run.dir), config.inputs
    if (named.agent, named.forecaster) != ("latest", "latest"):
        raise RequestError(
            f"models.version={config.models.version} and inputs.agent={named.agent} or inputs.forecaster="
            f"{named.forecaster} both name a model; leave one out"
        )
    name = config.run.name or _only_model(config) or job_of(config, whole=True).name
    version = registered_version(config, name)
    assert version is not None
    config = replace(config, run=replace(config.run, name=name))
    called = f"version {version.number} of '{name}'"
    console.note(f"model: {called}, {runs / version.run}")
    return later_job(config, prove(runs, version), called, console)


def _as_registered(agent: Artifact, config: Config) -> Artifact:
    """Hold an agent to what was registered, where it was."""
    runs = Path(config.run.dir)
    for version in Registry(Database.of(config.run)).versions():
        if (runs / version.run).resolve() == agent.folder.resolve().parent:
            return prove(runs, version)
    return agent


def _only_model(config: Config) -> str | None:
    names = {version.name for version in Registry(Database.of(config.run)).versions()}
    return names.pop() if len(names) == 1 else None


def _refuse_since(config: Config) -> None:
    """Refuse to move the test rows of a request whose models were chosen knowing where they begin."""
    for key, value, off in (("since", config.backtest.since, None), ("seen", config.backtest.seen, False)):
        if value != off:
            raise RequestError(
                f"backtest.{key} is for a model made before, judged on later bars or on another series, was {value}; "
                "name one, such as models.version=champion or inputs.agent=FOLDER, or leave it out: the split says "
                "what is tested"
            )
