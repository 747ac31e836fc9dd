"""Train any algorithm of Stable-Baselines3 or sb3-contrib like an agent of ours: validated, selected, saved safely.

Of a trained model only the policy is kept, no pickle. The extra `sb3` brings both. They hold the while-loop themselves,
so a `Training` is followed from within it; it is put down where a rollout begins, the first after each validation.
"""

import inspect
import json
from pathlib import Path
from typing import Any, Unpack

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box

from trading_agent.common.config import raise_all
from trading_agent.common.loop import (
    Learner,
    Metrics,
    Seeds,
    TrainedAgent,
    Training,
    TrainingOptions,
    finite,
    seeds_from,
)
from trading_agent.common.transitions import AnyVectorEnv
from trading_agent.sb3.config import OURS, StableBaselinesConfig
from trading_agent.sb3.policy import CLIP, StableBaselinesPolicy, algorithm_of, policy_class
from trading_agent.sb3.state import ModelState

EPSILON = 1e-8  # of VecNormalize


class StableBaselinesLearner(Learner):
    """A model of theirs, which learns by itself; here stands what a `Training` asks of it meanwhile."""

    def __init__(self, env: AnyVectorEnv, config: StableBaselinesConfig, seeds: Seeds) -> None:
        self.env, self.config, self.rng, self.stride = env, config, seeds.rng, config.num_envs
        self.vec_env, self.model = _model(env, config, seeds.network)
        self.parts = {"model": ModelState(self.model, self.vec_env)}

    def learn(self, done: int) -> Metrics:
        """Return what the model measured last; it has gone on itself."""
        return {
            name.split("/")[-1]: float(value)
            for name, value in self.model.logger.name_to_value.items()
            if name.startswith("train/") and np.isfinite(value)
        }

    def policy(self) -> StableBaselinesPolicy:
        """Return what acts now, with the scales of the observations as they are now.

        Raises:
            ValueError: a weight is nan or infinite.
        """
        weights = torch.cat([weight.detach().flatten() for weight in self.model.policy.parameters()])
        finite({"weights": float(weights.sum())}, self.model.num_timesteps)
        space = self.vec_env.observation_space
        mean, std = np.zeros(space.shape), np.ones(space.shape)
        if self.config.normalise:
            mean, std = self.vec_env.obs_rms.mean.copy(), np.sqrt(self.vec_env.obs_rms.var + EPSILON)
        options = {
            name: value
            for name, value in self.model.policy_kwargs.items()
            if _plain(value) and not name.startswith("optimizer")  # it learns no more
        }
        spaces = (Box(-np.inf, np.inf, space.shape, np.float32), self.model.action_space)
        make = policy_class(self.config.algorithm)
        return make(self.config.algorithm, self.model.policy, spaces, options, mean, std)


def train_sb3(env: AnyVectorEnv, config: StableBaselinesConfig, **options: Unpack[TrainingOptions]) -> TrainedAgent:
    """Train an algorithm of Stable-Baselines3; the outcome is that of `trading_agent.common.loop.train`.

    Args:
        env: N environments that restart in the same step, of flat observations.
        config: the settings.
        **options: as `TrainingOptions` says; the checkpoint is that of the first rollout after a validation, and going
            on from it is as exact. With `use_sde`, whose noise is drawn before a rollout begins, it is not written.

    Raises:
        ValueError: the algorithm is unknown, does not take an argument or these actions, the weights became nan, or
            `resume` does not fit.
    """
    learner = StableBaselinesLearner(env, config, seeds_from(options["seed"]))
    resume, folder = options.get("resume"), options.pop("checkpoint", None)
    training = Training(learner, config, **options)
    step = 0
    if resume is not None:
        step = training.checkpoint.read(resume)
    else:
        training.judge_baselines()
    learner.model.learn(
        config.steps - step,
        callback=_callback(training, learner, None if config.arguments.get("use_sde") else folder),
        log_interval=None,  # what was measured stays to be read
        reset_num_timesteps=resume is None,
    )
    return training.selection.result()


def refuse_arguments(config: StableBaselinesConfig) -> list[str]:
    """Return a sentence if the algorithm does not take one of `arguments`; it is imported for that.

    Raises:
        ValueError: its package is not installed.
    """
    names = set(inspect.signature(algorithm_of(config.algorithm).__init__).parameters)
    unknown = [name for name in config.arguments if name not in names]
    if not unknown:
        return []
    free = ", ".join(sorted(names - {"self", *OURS}))
    return [f"{config.algorithm} takes no argument {', '.join(unknown)}; it takes {free}"]


def _callback(training: Training, learner: StableBaselinesLearner, folder: Path | None) -> Any:
    from stable_baselines3.common.callbacks import BaseCallback

    class Follower(BaseCallback):
        """Lets the training do what is due after every call of `env.step`, and puts it down before a rollout."""

        validations = len(training.selection.history)  # before this rollout

        def _on_rollout_start(self) -> None:
            before, self.validations = self.validations, len(training.selection.history)
            if folder is not None and self.validations > before:
                training.checkpoint.write(folder, self.num_timesteps)

        def _on_step(self) -> bool:
            step, before = self.num_timesteps, self.num_timesteps - learner.stride
            training.follow(before, step, learner.learn(before))
            return bool(step < learner.config.steps)

    return Follower()


def _model(env: AnyVectorEnv, config: StableBaselinesConfig, seed: int) -> tuple[Any, Any]:
    """Return the environments as Stable-Baselines3 sees them, and a fresh model on them."""
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.vec_env import VecNormalize

    from trading_agent.sb3.adapter import as_vec_env

    raise_all(refuse_arguments(config))
    vec_env: Any = as_vec_env(env)
    if config.normalise:
        discount = float(config.arguments.get("gamma", 0.99))
        vec_env = VecNormalize(vec_env, clip_obs=CLIP, epsilon=EPSILON, gamma=discount)
    try:
        model = algorithm_of(config.algorithm)(
            config.family,
            vec_env,
            seed=seed,
            device="cpu",
            policy_kwargs={"net_arch": list(config.hidden_sizes)},
            **config.arguments,
        )
    except (AssertionError, TypeError) as error:
        raise ValueError(f"{config.algorithm} cannot learn here: {' '.join(str(error).split())}") from None
    model.set_logger(Logger(folder=None, output_formats=[]))  # theirs leaves a folder in the system's /tmp
    return vec_env, model


def _plain(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return not isinstance(value, gymnasium.Space)
