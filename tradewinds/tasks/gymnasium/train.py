"""`tradewinds train-agent env=gymnasium`: the same agents on any environment of Gymnasium, judged on fresh episodes."""

import re
import shutil
import time
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers.vector import FlattenObservation

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import function_of
from tradewinds.pipeline.artifact import new_run_id, writing
from tradewinds.pipeline.prepare import check_place, seed_for
from tradewinds.pipeline.tensorboard import log_history, logging, require_tensorboard
from tradewinds.pipeline.training_log import write_history
from tradewinds.request.schema import Config
from tradewinds.tasks.vector_env import restarts
from trading_agent import Policy, TrainedAgent, episode_returns, save_policy

KIND = "agent"
CHECKPOINT = "agent.checkpoint"
CAUSED = (gymnasium.error.Error, ImportError)  # an id nobody registered, or whose packages are missing


def main(config: Config, console: Console) -> dict[str, Any]:
    """Train, let validation episodes choose, judge on other episodes, and write the agent's artifact."""
    agent: Any = config.agent
    rules, started = config.env, time.perf_counter()
    run = Path(config.run.dir) / (config.run.name or re.sub(r"[^A-Za-z0-9_-]", "_", rules.id)) / new_run_id()
    check_place(Path(config.run.dir))
    asked = config.run.tensorboard
    require_tensorboard(asked=asked)
    validation = make(rules.id, rules.validation_episodes)
    resume = None if config.inputs.resume is None else Path(config.inputs.resume)

    def validate(policy: Policy) -> float:
        seed = seed_for(config.seed, "validation")
        return float(episode_returns(policy, validation, rules.validation_episodes, seed=seed).mean())

    try:
        with console.progress(f"train {agent.kind} on {rules.id}") as said, logging(said, run, asked=asked) as progress:
            trained: TrainedAgent = function_of("agent", agent)(
                make(rules.id, agent.num_envs, restarts(agent)),
                agent,
                seed=seed_for(config.seed, KIND),
                validate=validate,
                progress=progress,
                checkpoint=run / CHECKPOINT,
                resume=resume,
            )
    except KeyboardInterrupt:
        if (run / CHECKPOINT).is_dir():
            console.note(f"to go on: tradewinds train-agent with the same options and inputs.resume={run / CHECKPOINT}")
        raise
    except ValueError as error:
        if (run / CHECKPOINT).is_dir():  # it had begun: this is a run that failed
            raise
        raise RequestError(f"agent={agent.kind} env.id={rules.id}: {error}") from None
    earned = episode_returns(
        trained.policy, make(rules.id, rules.episodes), rules.episodes, seed=seed_for(config.seed, "judgement")
    )
    facts = {
        "env": rules.id,
        "best_step": trained.best_step,
        "validation_score": trained.best_score,
        "episodes": rules.episodes,
        "return_mean": float(earned.mean()),
        "return_sd": float(earned.std(ddof=1)),
        "return_min": float(earned.min()),
        "seconds": round(time.perf_counter() - started, 1),
    }
    with writing(run / KIND, KIND, config=config.plain(), inputs={"env": rules.id}, facts=facts) as folder:
        save_policy(trained.policy, folder)
        write_history(trained.history, folder)
    shutil.rmtree(run / CHECKPOINT, ignore_errors=True)
    console.result(
        f"{rules.id}: return {earned.mean():.1f} +- {earned.std(ddof=1):.1f} over {rules.episodes} fresh episodes, "
        f"{agent.kind} of step {trained.best_step:,}"
    )
    log_history(trained.history, run, asked=asked)
    console.wrote(run / KIND)
    return {"agent": str(run / KIND), **facts}


def make(name: str, num_envs: int, autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP) -> VectorEnv[Any, Any, Any]:
    """Return N environments of that name, observations flat, in one array where Gymnasium has them so.

    Raises:
        RequestError: Gymnasium does not know it, or it needs what is not installed.
    """
    try:
        spec = gymnasium.spec(name)
        own = spec.vector_entry_point is not None and autoreset_mode == AutoresetMode.NEXT_STEP
        env: VectorEnv[Any, Any, Any] = gymnasium.make_vec(
            name,
            num_envs=num_envs,
            vectorization_mode="vector_entry_point" if own else "sync",
            vector_kwargs={} if own else {"autoreset_mode": autoreset_mode},
        )
    except CAUSED as error:
        said = " ".join(str(error).split())
        raise RequestError(f"env.id must name an environment that Gymnasium can make, was '{name}': {said}") from None
    seen = env.single_observation_space
    return env if isinstance(seen, Box) and len(seen.shape) == 1 else FlattenObservation(env)
