"""The straight path, step by step: forecaster, hidden states, agent; each step leaves one artifact.

Written once for every task: what an agent acts in, and how it is scored, the task says.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from forecaster.data.series import Series
from forecaster.fitted import FittedForecaster
from tradewinds.core.console import Console, Silent
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.plugins import function_of
from tradewinds.pipeline.artifact import Artifact, parent, read, writing
from tradewinds.pipeline.encoding import (
    Fitted,
    Panel,
    States,
    encode_bars,
    encode_grown,
    encode_on,
    load_forecasters,
    load_states,
    of_instruments,
    save_states,
)
from tradewinds.pipeline.encoding import fit as fit_network
from tradewinds.pipeline.encoding import save as save_network
from tradewinds.pipeline.loggers import TrainingLog, logging
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.pretrained import keep_learned, known_to, pretrained_of
from tradewinds.pipeline.provenance import AGENT as AGENT
from tradewinds.pipeline.provenance import FORECASTER as FORECASTER
from tradewinds.pipeline.provenance import HIDDEN_STATES as HIDDEN_STATES
from tradewinds.pipeline.provenance import TRAINS, past_sha256, resume_of
from tradewinds.pipeline.task import Job, Models, OwnModel, Prepared
from tradewinds.pipeline.training_log import write_history
from tradewinds.pipeline.validation import Validation
from trading_agent import TrainedAgent, load_policy, save_policy
from trading_agent.common.config import AgentConfig
from trading_agent.common.spaces import EnvironmentFault

CHECKPOINT = "{part}.checkpoint"  # a folder of the run: what a training that is cut off goes on from
PAST_THE_SEAL = (
    "something that learns or chooses reached for rows after the validation rows, which are sealed for the judge"
)
LAST_RETURNS = 5  # log returns up to the last bar that selected the agent, by which its series is known again


def fit(job: Job, run: Path, console: Console, start: Artifact | None = None) -> Models:
    """Walk the path of a job into a new run folder, as far as its task goes.

    Args:
        job: the request.
        run: the folder.
        console: where progress is shown.
        start: a forecaster whose weights that of the job begins from; None begins anew.

    Raises:
        GateError: the job is sealed, and something that learns or chooses reached for the rows after it; or rows that
            are judged, or selected on, are among those that are learned from.
    """
    if isinstance(job.task, OwnModel):
        models: Models = job.task.learn(job, run, console)
        return models
    models = Models()
    if isinstance(job, Prepared):
        _refuse_split(job)
    try:
        if isinstance(job, Prepared):
            job.task.require_action(job)  # before an hour of training
            panel, artifact = train_forecaster(job, run, console, start)
            fitted = of_instruments(panel, job.series)
            models = encoded(job, fitted, artifact, run / HIDDEN_STATES, console)
        return train_agent(job, models, run, console)[0] if job.task.acts else models
    except IndexError as error:
        if not isinstance(job, Prepared) or job.sealed is None:
            raise
        raise GateError(f"{PAST_THE_SEAL}: {error}") from error


def _refuse_split(job: Prepared) -> None:
    """Refuse parts that overlap, and test rows that end before the last bar: where they end may not be chosen."""
    try:
        job.split.refuse_overlap()
    except ValueError as error:
        raise GateError(f"LEAK: {error}") from None
    if job.split.test.stop != len(job.index):
        raise GateError(
            f"LEAK: the test rows end with row {job.split.test.stop} of {len(job.index)}; they go on to the last bar"
        )


def train_forecaster(
    prepared: Prepared, run: Path, console: Console, start: Artifact | None = None
) -> tuple[dict[str, Any], Artifact]:
    """Fit one forecaster on all instruments, anew or from another's weights, and write it to `run`/forecaster.

    Without a `start` the weights of `model.pretrained` are begun with, if there are any.
    """
    config, started, rows = prepared.config, time.perf_counter(), prepared.split.forecaster
    known = prepared.until(rows.stop).panel
    pretrained = pretrained_of(config) if start is None else None
    origin = pretrained if start is None else start
    with training(prepared, run, console, FORECASTER, config.model.kind) as (progress, _):
        panel = fit_network(
            known,
            config.forecaster,
            rows,
            seed=seed_for(config.seed, FORECASTER),
            progress=progress,
            start=None if start is None else start.folder,
            checkpoint=run / CHECKPOINT.format(part=FORECASTER),
            resume=resume_of(config, FORECASTER),
        )
    fitted = next(iter(panel.values()))
    if config.trainer.precision == "auto":
        console.note(f"trained in {fitted.precision}, the faster here; trainer.precision={fitted.precision} repeats it")
    facts = {
        "fit_end_time": fitted.fit_end_time.isoformat(),
        "seconds": round(time.perf_counter() - started, 1),
        "precision": fitted.precision,
        "pretrained": pretrained is not None,
        "known_to": known_to(fitted.fit_end_time, origin).isoformat(),
    }
    plain, parents = config.plain(), {} if origin is None else {FORECASTER: origin}
    with writing(
        run / FORECASTER, FORECASTER, config=plain, inputs=prepared.inputs, parents=parents, facts=facts
    ) as folder:
        save_network(panel, folder)
        keep_learned(known, rows, folder, origin)
    forget_checkpoint(run, FORECASTER)
    console.wrote(run / FORECASTER)
    return panel, read(run / FORECASTER, FORECASTER)


def encode_states(
    prepared: Prepared,
    series: Series,
    fitted: Fitted | Panel,
    forecaster: Artifact,
    folder: Path,
    console: Console,
) -> tuple[States, Artifact]:
    """Encode the bars of a series, as far as they are not sealed, and write the artifact to `folder`."""
    states = encode_on(fitted, series, None, folder.parent.parent, console)
    plain, parents = prepared.config.plain(), {FORECASTER: forecaster}
    with writing(folder, HIDDEN_STATES, config=plain, inputs=prepared.inputs, parents=parents) as partial:
        save_states(fitted, states, partial)
    console.wrote(folder)
    return states, read(folder, HIDDEN_STATES)


def encoded(prepared: Prepared, fitted: Fitted | Panel, forecaster: Artifact, folder: Path, console: Console) -> Models:
    """Encode what is acted on, and return what there is so far."""
    states, artifact = encode_states(prepared, prepared.series, fitted, forecaster, folder, console)
    return Models(fitted, states, artifacts={FORECASTER: forecaster, HIDDEN_STATES: artifact})


def encoded_anew(job: Job, models: Models, console: Console | None = None, *, runs: Path | None = None) -> Models:
    """Return models with states of every bar of a series that has grown, or been opened, since they were encoded.

    Of the same data, opened by now, the bars that were sealed are encoded and no others.

    Args:
        job: the request.
        models: what was fitted.
        console: where a long walk is shown; None: nowhere.
        runs: folder of all runs of this name, where it is written down on its way; None: nowhere.
    """
    if not isinstance(job, Prepared) or models.forecaster is None or models.states is None:
        return models
    earlier, artifact = models.states, models.artifacts.get(HIDDEN_STATES)
    if earlier.index.equals(job.series.index):
        return models
    known = len(earlier.index)
    if (
        artifact is None
        or artifact.manifest["inputs"] != job.inputs
        or not earlier.index.equals(job.series.index[:known])
    ):
        return replace(models, states=encode_bars(models.forecaster, job.series))
    states = encode_on(models.forecaster, job.series, earlier, runs, console or Silent())
    return replace(models, states=states)


def train_agent(job: Job, models: Models, run: Path, console: Console) -> tuple[Models, TrainedAgent]:
    """Train the agent and write its artifact to `run`/agent; its checkpoint lives beside it until then.

    It learns where no bar exists after its own rows, and is chosen where none exists after the validation rows.
    """
    config, started = job.config, time.perf_counter()
    agent: Any = config.agent
    env = job.task.vector_env(
        *_before(job, models, "agent"),
        "agent",
        num_envs=agent.num_envs,
        episode_bars=config.rollout.episode_bars,
        starts="random",
        autoreset_mode=restarts(agent),
    )
    initial = {} if getattr(agent, "start", "random") == "random" else {"initial": first_weights(models)}
    validate = job.task.validator(*_before(job, models, "validation"))
    with training(job, run, console, AGENT, agent.kind) as (progress, log):
        trained: TrainedAgent = function_of("agent", agent)(
            env,
            agent,
            seed=seed_for(config.seed, AGENT),
            validate=validate,
            progress=progress,
            checkpoint=run / CHECKPOINT.format(part=AGENT),
            resume=resume_of(config, AGENT),
            **initial,
        )
        log.tell_scores(trained.history)
    trained = validate.settle(trained) if isinstance(validate, Validation) else trained
    facts = {
        "best_step": trained.best_step,
        "learned": trained.best_step > 0,
        "validation_score": trained.best_score,
        **_last_selected(job),
        "seconds": round(time.perf_counter() - started, 1),
    }
    with writing(
        run / AGENT, AGENT, config=config.plain(), inputs=job.inputs, parents=models.artifacts, facts=facts
    ) as folder:
        save_policy(trained.policy, folder)
        write_history(trained.history, folder)
    forget_checkpoint(run, AGENT)
    console.wrote(run / AGENT)
    artifacts = {**models.artifacts, AGENT: read(run / AGENT, AGENT)}
    return replace(models, policy=trained.policy, artifacts=artifacts, trained_to=_trained_to(job)), trained


def _before(job: Job, models: Models, part: str) -> tuple[Job, States | None]:
    """Return job and states to which no bar after a part of the split exists."""
    if not isinstance(job, Prepared):
        return job, models.states
    row = getattr(job.split, part).stop
    return job.until(row), None if models.states is None else models.states.until(row)


@contextmanager
def training(
    job: Job, run: Path, console: Console, part: str, kind: str
) -> Iterator[tuple[Callable[..., None], TrainingLog]]:
    """Show and log a training; say how to go on with one that was cut off, and what was wrong with its request."""
    checkpoint, resume = run / CHECKPOINT.format(part=part), resume_of(job.config, part)
    try:
        with (
            console.progress(f"train {kind}") as shown,
            logging(job.config, run, part, job.name, console, shown) as (progress, log),
        ):
            yield progress, log
    except (KeyboardInterrupt, EnvironmentFault):
        if checkpoint.is_dir():
            console.note(f"to go on: tradewinds {TRAINS[part]} with the same options and inputs.resume={checkpoint}")
        raise
    except ValueError as error:
        begun = checkpoint.is_dir()  # then this is a run that failed
        if begun or (resume is None and (part != AGENT or isinstance(job, Prepared))):
            raise
        where = "inputs.resume" if resume is not None else f"agent={kind} of '{job.name}'"
        raise RequestError(f"{where}: {error}") from None


def forget_checkpoint(run: Path, part: str) -> None:
    """Remove a training's checkpoint, which served resuming: the artifact is whole now."""
    shutil.rmtree(run / CHECKPOINT.format(part=part), ignore_errors=True)


def first_weights(models: Models) -> dict[str, NDArray[np.float32]]:
    """Return scales and LSTM of the forecaster, where an LSTM policy is to start from them (`agent.start=forecaster`).

    Raises:
        RequestError: they do not read what the policy will.
    """
    fitted = models.shared
    if not isinstance(fitted, FittedForecaster):
        raise RequestError("agent.start=forecaster needs a network that reads bars; take another model than day_lstm")
    if len(fitted.static):
        raise RequestError("agent.start=forecaster needs a forecaster without features.static, which no policy reads")
    if fitted.senses:
        raise RequestError(
            "agent.start=forecaster needs a forecaster without texts and pictures, which no policy reads"
        )
    if fitted.config.model.scaling != "rows":
        raise RequestError("agent.start=forecaster needs a forecaster with model.scaling=rows, as every policy has")
    prefix = "recurrent."
    network = fitted.model.network.state_dict()
    weights = {name.removeprefix(prefix): part.numpy() for name, part in network.items() if name.startswith(prefix)}
    scales = {"feature_mean": np.float32(fitted.mean), "feature_std": np.float32(fitted.std)}
    return {**scales, **weights}


def restarts(agent: Any) -> AutoresetMode:
    """Return how the environments of an agent restart: Stable-Baselines3 knows one way only."""
    needs = agent.requirements() if isinstance(agent, AgentConfig) else {}
    return AutoresetMode.SAME_STEP if "same_step" in needs else AutoresetMode.NEXT_STEP


def _trained_to(job: Job) -> pd.Timestamp | None:
    return job.series.index[job.split.validation.stop - 1] if isinstance(job, Prepared) else None


def _last_selected(job: Job) -> dict[str, Any]:
    """Return the first and the last bar that selected the agent, and the changes up to it."""
    if not isinstance(job, Prepared):
        return {}
    last = job.split.validation.stop
    changes = job.series.changes()[last - LAST_RETURNS : last]
    returns = (changes if job.several else changes[:, 0]).tolist()
    index = job.series.index
    return {
        "selected_from": index[job.split.validation.start].isoformat(),
        "trained_to": index[last - 1].isoformat(),
        "last_returns": returns,
        "past_sha256": past_sha256(job, job.index[last - 1]),
    }


def found_models(job: Job, artifact: Artifact, console: Console) -> Models:
    """Load the agent that was found, with all that is behind it; of a task without one the forecaster."""
    console.note(f"{artifact.manifest['kind']}: {artifact.folder}")
    if job.task.acts:
        return load_models(job, artifact)
    assert isinstance(job, Prepared)
    fitted = load_forecasters(artifact.folder, job.series)
    return Models(fitted, encode_bars(fitted, job.series), artifacts={FORECASTER: artifact})


def load_models(
    job: Job, agent: Artifact, *, again: bool = False, renamed: bool = False, adopting: range | None = None
) -> Models:
    """Load a trained agent and what it was made from, or the model of a task that has its own.

    Args:
        job: the present request.
        agent: the artifact.
        again: encode the present series, which may have grown since, instead of reading the states of then.
        renamed: whether the one instrument that the forecaster was fitted on may bear another name here.
        adopting: bars of a series that it was not fitted on, by which the forecaster reads it; None: it was.

    Raises:
        ValueError: it cannot read the series.
    """
    if isinstance(job.task, OwnModel):
        models: Models = job.task.loaded(job, agent)
        return models
    policy = load_policy(agent.folder, plans=job.task.plans)
    if not isinstance(job, Prepared):
        return Models(policy=policy, artifacts={AGENT: agent})
    forecaster = parent(agent, FORECASTER)
    encoded_then = parent(agent, HIDDEN_STATES)
    fitted = load_forecasters(forecaster.folder, job.series, encoded_then.folder, renamed=renamed, adopting=adopting)
    artifacts = {FORECASTER: forecaster, AGENT: agent}
    if again:
        states = encode_grown(fitted, job.series, encoded_then.folder)
    else:
        artifacts[HIDDEN_STATES] = encoded_then
        states = load_states(encoded_then.folder, several=job.several)
    trained_to = pd.Timestamp(agent.manifest["facts"]["trained_to"])
    return Models(fitted, states, policy, artifacts, trained_to)
