"""`tradewinds train-agent`: teach the agent on bars its forecaster never saw; validation bars pick the checkpoint."""

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.fitted import load_forecaster
from forecaster.hidden_states import HiddenStates
from tradewinds.commands.encode import encode_states
from tradewinds.commands.train_forecaster import find_forecaster
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import function_of
from tradewinds.pipeline.artifact import Artifact, new_run_id, read, writing
from tradewinds.pipeline.prepare import Prepared, prepare, seed_for
from tradewinds.pipeline.tensorboard import log_history, logging
from tradewinds.pipeline.training_log import write_history
from tradewinds.request.schema import Config
from tradewinds.tasks.vector_env import restarts, vector_env
from trading_agent import Policy, TrainedAgent, evaluate, save_policy

KIND = "agent"
CHECKPOINT = "agent.checkpoint"
LAST_RETURNS = 5  # log returns up to the last bar that selected the agent, by which its series is known again


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train an agent on a trained forecaster's hidden states; or on an environment of Gymnasium."""
    if config.env.kind == "gymnasium":
        from tradewinds.tasks.gymnasium import train as classics

        return classics.main(config, console)
    prepared = prepare(config)
    prepared.require_prices()
    forecaster = find_forecaster(prepared)
    series = prepared.series
    fitted = load_forecaster(forecaster.folder, series.instruments[0])
    console.note(f"forecaster: {forecaster.folder}")
    run = prepared.runs / new_run_id()
    states, encoded = encode_states(prepared, series, fitted, forecaster, run / "hidden_states", console)
    parents = {"forecaster": forecaster, "hidden_states": encoded}
    try:
        trained, artifact = train_agent(prepared, states, parents, run, console)
    except RequestError:
        shutil.rmtree(run)
        raise
    return {"agent": str(artifact.folder), "best_step": trained.best_step, "validation_score": trained.best_score}


def first_weights(prepared: Prepared, parents: dict[str, Artifact]) -> dict[str, NDArray[np.float32]]:
    """Return scales and LSTM of the forecaster, where an LSTM policy is to start from them (`agent.start=forecaster`).

    Raises:
        RequestError: they do not read what the policy will.
    """
    fitted = load_forecaster(parents["forecaster"].folder, prepared.series.instruments[0])
    if len(fitted.static):
        raise RequestError("agent.start=forecaster needs a forecaster without features.static, which no policy reads")
    own = "recurrent."
    network = fitted.model.network.state_dict()
    weights = {name.removeprefix(own): tensor.numpy() for name, tensor in network.items() if name.startswith(own)}
    scales = {"feature_mean": np.float32(fitted.mean), "feature_std": np.float32(fitted.std)}
    return {**scales, **weights}


def train_agent(
    prepared: Prepared, states: HiddenStates, parents: dict[str, Artifact], run: Path, console: Console
) -> tuple[TrainedAgent, Artifact]:
    """Train the agent and write its artifact to `run`/agent; its checkpoint lives beside it until then."""
    config, split, started = prepared.config, prepared.split, time.perf_counter()
    asked = config.run.tensorboard
    agent: Any = config.agent
    env = vector_env(
        prepared,
        states,
        split.agent,
        num_envs=agent.num_envs,
        episode_bars=config.rollout.episode_bars,
        starts="random",
        autoreset_mode=restarts(agent),
    )
    alone = vector_env(prepared, states, split.validation, num_envs=1)

    def validate(policy: Policy) -> float:
        return evaluate(policy, alone, episodes=1, standard_errors=config.rollout.standard_errors)

    resume = None if config.inputs.resume is None else Path(config.inputs.resume)
    more = {} if getattr(agent, "start", "random") == "random" else {"initial": first_weights(prepared, parents)}
    try:
        with console.progress(f"train {agent.kind}") as said, logging(said, run, asked=asked) as progress:
            trained: TrainedAgent = function_of("agent", agent)(
                env,
                agent,
                seed=seed_for(config.seed, KIND),
                validate=validate,
                progress=progress,
                checkpoint=run / CHECKPOINT,
                resume=resume,
                **more,
            )
    except KeyboardInterrupt:
        if (run / CHECKPOINT).is_dir():
            console.note(f"to go on: tradewinds train-agent with the same options and inputs.resume={run / CHECKPOINT}")
        raise
    except ValueError as error:
        if resume is None or (run / CHECKPOINT).is_dir():  # it had begun: this is a run that failed
            raise
        raise RequestError(f"inputs.resume: {error}") from None
    last = split.validation.stop
    facts = {
        "best_step": trained.best_step,
        "learned": trained.best_step > 0,
        "validation_score": trained.best_score,
        "trained_to": states.index[last - 1].isoformat(),
        "last_returns": prepared.series.changes()[last - LAST_RETURNS : last, 0].tolist(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    with writing(
        run / KIND, KIND, config=config.plain(), inputs=prepared.inputs, parents=parents, facts=facts
    ) as folder:
        save_policy(trained.policy, folder)
        write_history(trained.history, folder)
    shutil.rmtree(run / CHECKPOINT, ignore_errors=True)  # it served resuming; the artifact is whole now
    log_history(trained.history, run, asked=asked)
    console.wrote(run / KIND)
    return trained, read(run / KIND, KIND)
