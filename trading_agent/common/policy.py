"""Policies: what an agent has learned, without the learning. They act greedily, are judged, saved and loaded.

On disk a policy is `policy.safetensors` and `policy.json`; loading runs no code that the files bring along.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from trading_agent.common.transitions import AnyVectorEnv, Walk

WEIGHTS, FACTS = "policy.safetensors", "policy.json"


class Policy(Protocol):
    """A rule from observations to actions, without chance."""

    kind: str

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the best actions at (N, O) observations, (N,) or (N, A); of equally good ones the first."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return the plain values `from_saved` needs."""
        ...

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays `from_saved` needs."""
        ...


class ConstantPolicy:
    """Always the same action: what a learned policy has to beat (kind `constant`).

    Args:
        action: a number of `Discrete`, or the values of a `Box`.
    """

    kind = "constant"

    def __init__(self, action: int | tuple[float, ...]) -> None:
        self.action = action

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the action (N,) or (N, A) times."""
        if isinstance(self.action, int):
            return np.full(len(observations), self.action, dtype=np.int64)
        return np.tile(np.array(self.action, dtype=np.float32), (len(observations), 1))

    def settings(self) -> dict[str, Any]:
        """Return the action."""
        return {"action": self.action}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: there are no weights."""
        return {}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "ConstantPolicy":
        """Build it anew."""
        action = settings["action"]
        return cls(action if isinstance(action, int) else tuple(action))


KINDS = {  # the home of each kind of policy, loaded when it is asked for
    "constant": "trading_agent.common.policy:ConstantPolicy",
    "q_network": "trading_agent.dqn.policy:NetworkPolicy",
    "exposure_network": "trading_agent.direct.policy:ExposurePolicy",
    "level_network": "trading_agent.direct.policy:LevelPolicy",
    "q_table": "trading_agent.q_learning.policy:TablePolicy",
    "actor": "trading_agent.policy_gradient.actor_critic:ActorPolicy",
    "planner": "trading_agent.planner.policy:PlannerPolicy",
    "sb3": "trading_agent.sb3.train:StableBaselinesPolicy",
}


def evaluate(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0, standard_errors: float = 0.0) -> float:
    """Return the mean return (sum of rewards, not discounted) of `policy` over `episodes` whole episodes.

    The episodes are shared out to the N environments beforehand, so that short ones are not counted more often.

    Args:
        policy: what acts.
        env: where; reset with `seed`, so that policies judged after one another meet the same episodes.
        episodes: how many, at least 1.
        seed: of the reset.
        standard_errors: how many standard errors of the mean return to subtract, treating the rewards of single steps
            as independent: s sqrt(n) / episodes for n steps with standard deviation s. With 0 it is the mean return;
            with more it is a cautious score, exactly the mean return only for a policy whose rewards do not vary.

    Raises:
        ValueError: `episodes` is below 1.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, was {episodes}")
    walk = Walk(env, seed=seed)
    left = (episodes + np.arange(env.num_envs)) // env.num_envs
    rewards = []
    while left.any():
        moved = walk.advance(policy.act(walk.observations))
        rewards.append(moved.rewards[left[moved.envs] > 0].astype(np.float64))
        left[moved.envs] -= (moved.terminated | moved.truncated) & (left[moved.envs] > 0)
    steps = np.concatenate(rewards)
    return float(steps.sum() - standard_errors * np.sqrt(len(steps)) * steps.std()) / episodes


def episode_returns(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return the (episodes,) returns of whole episodes, shared out to the N environments beforehand as in `evaluate`.

    Raises:
        ValueError: `episodes` is below 1.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, was {episodes}")
    walk = Walk(env, seed=seed)
    left = (episodes + np.arange(env.num_envs)) // env.num_envs
    running, earned = np.zeros(env.num_envs), []
    while left.any():
        moved = walk.advance(policy.act(walk.observations))
        running[moved.envs] += moved.rewards
        ended = moved.envs[moved.terminated | moved.truncated]
        earned.extend(running[ended[left[ended] > 0]].tolist())
        left[ended] -= left[ended] > 0
        running[ended] = 0.0
    return np.array(earned)


def save_policy(policy: Policy, folder: Path) -> None:
    """Write `policy` into an existing folder."""
    (folder / WEIGHTS).write_bytes(save(policy.tensors()))
    facts = {"kind": policy.kind, "settings": policy.settings()}
    (folder / FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_policy(folder: Path) -> Policy:
    """Read the policy that `save_policy` wrote.

    Raises:
        ValueError: the folder holds no policy, or one that does not fit together.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return restore_policy(facts["kind"], facts["settings"], load_file(folder / WEIGHTS))
    except (OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError, RuntimeError) as fault:
        raise ValueError(f"folder must hold a policy written by save_policy, was '{folder}': {fault}") from fault


def restore_policy(kind: str, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """Build a policy from what its `settings` and `tensors` returned.

    Raises:
        ValueError: the kind is not known.
    """
    if kind not in KINDS:
        raise ValueError(f"kind of policy must be one of {', '.join(KINDS)}, was '{kind}'")
    module, name = KINDS[kind].split(":")
    policy: Policy = getattr(importlib.import_module(module), name).from_saved(settings, tensors)
    return policy
