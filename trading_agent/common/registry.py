"""The one list of algorithms: what each is named, and where its settings, its training and its policies stand.

All by "module:name", loaded when asked for, so that this list imports no algorithm and no torch; only names written
here are ever loaded, never one read from a file.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """Where the parts of an algorithm stand.

    Attributes:
        config: "module:Class" of its settings.
        train: "module:function" that takes (env, config, **`trading_agent.common.loop.TrainingOptions`).
        policies: "module:Class" of the policies it may return, by their kind.
    """

    config: str
    train: str
    policies: Mapping[str, str]


def _algorithm(config: str, train: str, policies: Mapping[str, str]) -> Algorithm:
    homes = {kind: f"trading_agent.{home}" for kind, home in policies.items()}
    return Algorithm(config=f"trading_agent.{config}", train=f"trading_agent.{train}", policies=homes)


ACTOR = {
    "actor": "policy_gradient.actor_critic:ActorPolicy",
    "set_actor": "policy_gradient.set_actor_critic:SetActorPolicy",
}
ALGORITHMS: Mapping[str, Algorithm] = {
    "dqn": _algorithm("dqn.config:DQNConfig", "dqn.dqn:train_dqn", {"q_network": "dqn.policy:NetworkPolicy"}),
    "direct": _algorithm(
        "direct.config:DirectConfig",
        "direct.direct:train_direct",
        {
            "exposure_network": "direct.policy:ExposurePolicy",
            "level_network": "direct.policy:LevelPolicy",
            "portfolio_network": "direct.policy:PortfolioPolicy",
        },
    ),
    "planner": _algorithm(
        "planner.config:PlannerConfig",
        "planner.planner:train_planner",
        {"planner": "planner.policy:PlannerPolicy", "allocation": "planner.allocation:AllocationPolicy"},
    ),
    "ppo": _algorithm("policy_gradient.config:PPOConfig", "policy_gradient.ppo:train_ppo", ACTOR),
    "reinforce": _algorithm(
        "policy_gradient.config:ReinforceConfig", "policy_gradient.reinforce:train_reinforce", ACTOR
    ),
    "recurrent_ppo": _algorithm(
        "recurrent.config:RecurrentPPOConfig",
        "recurrent.ppo:train_recurrent_ppo",
        {"recurrent_actor": "recurrent.actor_critic:RecurrentActorPolicy"},
    ),
    "recurrent_dqn": _algorithm(
        "recurrent.config:RecurrentDQNConfig",
        "recurrent.dqn:train_recurrent_dqn",
        {"recurrent_q_network": "recurrent.q_network:RecurrentQPolicy"},
    ),
    "sb3": _algorithm(
        "sb3.config:StableBaselinesConfig",
        "sb3.train:train_sb3",
        {"sb3": "sb3.policy:StableBaselinesPolicy", "sb3_recurrent": "sb3.policy:RecurrentStableBaselinesPolicy"},
    ),
    "q_learning": _algorithm(
        "q_learning.config:QLearningConfig",
        "q_learning.q_learning:train_q_learning",
        {"q_table": "q_learning.policy:TablePolicy"},
    ),
}
POLICIES: dict[str, str] = {
    "constant": "trading_agent.common.policy:ConstantPolicy",
    **{kind: home for algorithm in ALGORITHMS.values() for kind, home in algorithm.policies.items()},
}


def register_policy(kind: str, home: str) -> None:
    """Let policies of other people's be loaded again, by their kind; a later one of the same name takes its place.

    Args:
        kind: as the policy's own attribute says.
        home: "module:Class" of a `trading_agent.common.policy.Policy` with `from_saved(settings, tensors)`.
    """
    POLICIES[kind] = home


def load(home: str) -> Any:
    """Import "module:name"."""
    module, name = home.split(":")
    return getattr(importlib.import_module(module), name)
