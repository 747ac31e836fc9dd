"""`tradewinds enjoy RUN`: play the kept policy of a game, tell its returns, and write a video."""

from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.artifact import read
from tradewinds.pipeline.provenance import AGENT
from tradewinds.pipeline.task import Game
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import task_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Play fresh episodes with the policy of the run that `inputs.run` names.

    Raises:
        RequestError: there is no such run, or it is none of a game.
    """
    named = config.inputs.run
    if not isinstance(named, str):
        raise RequestError(f"enjoy plays one run at a time, was {list(named)}")
    run = _newest(config) if named == "latest" else Path(named)
    if not (run / AGENT).is_dir():
        raise RequestError(f"inputs.run must name the folder of a run with an agent, was '{run}' (no {AGENT}/ there)")
    artifact = read(run / AGENT, AGENT)
    trained = request_from(artifact.manifest["config"])
    task = task_of(trained)
    if not isinstance(task, Game):
        raise RequestError(
            f"enjoy plays games, and '{run}' is a run of the task {task.kind}; its page shows what its agent did: "
            f"tradewinds report {run}"
        )
    from trading_agent import load_policy

    return task.enjoy(trained, load_policy(artifact.folder), asked=config, run=run, console=console)


def _newest(config: Config) -> Path:
    pattern = f"{config.run.name}/*/{AGENT}" if config.run.name else f"*/*/{AGENT}"
    runs = sorted((path.parent for path in Path(config.run.dir).glob(pattern)), key=lambda run: run.name)
    if not runs:
        raise RequestError(f"no agent under {config.run.dir} yet; type `tradewinds run env=gymnasium` first")
    return runs[-1]
