"""An agent to hold: any Gymnasium environment in, a policy out."""

import copy
import dataclasses
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from trading_agent.common.config import settings_of
from trading_agent.common.player import Player
from trading_agent.common.registry import ALGORITHMS, load
from trading_agent.common.restored import RestoredVectorEnv

if TYPE_CHECKING:
    from trading_agent.common.loop import Progress, TrainedAgent
    from trading_agent.common.policy import Policy


class Agent:
    """An algorithm with its settings, and after `learn` the policy it found best.

    Args:
        kind: dqn, q_learning, ppo, reinforce, direct, planner, recurrent_ppo, recurrent_dqn or sb3 (pages in docs/).
        seed: all that is drawn is derived from it.
        settings: of the algorithm, such as steps=50_000 or learning_rate=1e-3; `num_envs` is the environment's.

    Attributes:
        trained: policy, its step and score, and the history of the validations; None before `learn`.

    Raises:
        ValueError: there is no such algorithm or setting; one that is out of its range is refused by `learn`.
    """

    def __init__(self, kind: str = "ppo", *, seed: int = 7, **settings: Any) -> None:
        if kind not in ALGORITHMS:
            raise ValueError(f"kind must be one of {', '.join(ALGORITHMS)}, was '{kind}'")
        known = names_of(load(ALGORITHMS[kind].config))
        strange = [name for name in settings if name not in known]
        if strange:
            raise ValueError(f"{kind} has no setting '{strange[0]}', it has {', '.join(known)}")
        number: Any = seed
        if isinstance(number, bool) or not isinstance(number, Integral) or int(number) < 0:
            raise ValueError(f"seed must be a whole number from 0 on, was {seed!r}")
        self.kind, self.seed, self.settings = kind, seed, settings
        self.trained: TrainedAgent | None = None
        self._player: tuple[int, Player] | None = None  # and in how many environments
        self._observed: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        """Return the call that makes it."""
        given = "".join(f", {name}={value!r}" for name, value in self.settings.items())
        return f"Agent({self.kind!r}, seed={self.seed}{given})"

    def learn(
        self,
        env: "VectorEnv[Any, Any, Any] | gymnasium.Env[Any, Any]",
        validation: "VectorEnv[Any, Any, Any] | gymnasium.Env[Any, Any] | None" = None,
        *,
        episodes: int = 10,
        progress: "Progress | None" = None,
        checkpoint: str | Path | None = None,
        resume: str | Path | None = None,
    ) -> Self:
        """Learn to act in an environment, and keep the policy that earns most in another.

        Args:
            env: a vector environment, or a plain one.
            validation: where policies are compared, on what comes after `env` where that is known. None: a copy of
                `env`, which says nothing of what comes.
            episodes: that are played to compare.
            progress: called as (env steps done, of, metrics).
            checkpoint: folder that holds the newest state, to resume from.
            resume: such a folder of an earlier call that was cut off.

        Raises:
            ValueError: a setting is out of its range, the algorithm cannot learn there, or a training diverged; it says
                which, or why.
        """
        from trading_agent.common.evaluation import evaluate

        learned_in = _vector(env)
        judged_in = _vector(copy.deepcopy(env) if validation is None else validation)
        for name in ("single_observation_space", "single_action_space"):
            ours, theirs = getattr(learned_in, name), getattr(judged_in, name)
            if ours.shape != theirs.shape or type(ours) is not type(theirs):
                raise ValueError(f"validation must have the {name[7:].replace('_', ' ')} of env, {ours}, was {theirs}")
        make = load(ALGORITHMS[self.kind].config)
        beside = {"num_envs": learned_in.num_envs} if "num_envs" in names_of(make) else {}
        self.trained = load(ALGORITHMS[self.kind].train)(
            learned_in,
            settings_of(make, "", {**beside, **self.settings}),
            seed=self.seed,
            validate=lambda policy: evaluate(policy, judged_in, episodes),
            progress=progress,
            checkpoint=None if checkpoint is None else Path(checkpoint),
            resume=None if resume is None else Path(resume),
        )
        self._player = None
        self._observed = learned_in.single_observation_space.shape
        return self

    @property
    def policy(self) -> "Policy":
        """What was found best.

        Raises:
            ValueError: nothing was learned yet.
        """
        if self.trained is None:
            raise ValueError("this agent has not learned yet; call learn with an environment first")
        return self.trained.policy

    def act(self, observation: Any, *, begins: bool = False) -> NDArray[Any]:
        """Return the best action at one observation (O,), or the best ones at several (N, O).

        Args:
            observation: of one environment, or of several.
            begins: an episode begins here: an agent that remembers (`recurrent_ppo`) forgets what came before. It
                also does where there are other environments than at the call before.

        Raises:
            ValueError: nothing was learned yet, or that is no observation of the environment it learned in.
        """
        policy, observations = self.policy, np.asarray(observation)
        shape = observations.shape[-1:] if self._observed is None else self._observed  # of a policy that was given it
        if shape not in (observations.shape, observations.shape[1:]):
            raise ValueError(f"an observation must be {shape}, or several (N, ...) of those, was {observations.shape}")
        if observations.dtype.kind == "f" and np.isnan(observations).any():
            raise ValueError("an observation must hold numbers, one was nan; nothing can be decided on it")
        if observations.shape == shape:
            return np.asarray(self.act(observations[None], begins=begins)[0])
        count = len(observations)
        if begins or self._player is None or self._player[0] != count:
            self._player = count, Player(policy, count)
        return self._player[1].act(observations)

    def save(self, folder: str | Path) -> None:
        """Write the policy into a folder, made if it is not there; `trading_agent.load_policy` reads it.

        Raises:
            ValueError: nothing was learned yet, or `folder` is a file.
        """
        from trading_agent.common.policy import save_policy

        place = Path(folder)
        if place.exists() and not place.is_dir():
            raise ValueError(f"'{place}' is a file, and a folder is written; name another")
        place.mkdir(parents=True, exist_ok=True)
        save_policy(self.policy, place)


def names_of(settings: type[Any]) -> list[str]:
    """Return the names of an algorithm's settings."""
    return [part.name for part in dataclasses.fields(settings)]


def _vector(env: Any) -> "VectorEnv[Any, Any, Any]":
    if isinstance(env, VectorEnv):
        return env
    if not isinstance(env, gymnasium.Env):
        raise ValueError(f"an agent learns in an environment of Gymnasium, was given {type(env).__name__}")
    return RestoredVectorEnv([lambda: env])
