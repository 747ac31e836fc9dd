"""The one list of algorithms: what each is named, and where its settings, its training and its policies stand.

All by "module:name", loaded when asked for, so that this list imports no algorithm and no torch; only names written
here are ever loaded, never one read from a file.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    policies: Mapping[str, str] = field(default_factory=dict)


ACTOR = {"actor": "trading_agent.policy_gradient.actor_critic:ActorPolicy"}
ALGORITHMS: Mapping[str, Algorithm] = {
    "dqn": Algorithm(
        config="trading_agent.dqn.config:DQNConfig",
        train="trading_agent.dqn.dqn:train_dqn",
        policies={"q_network": "trading_agent.dqn.policy:NetworkPolicy"},
    ),
    "direct": Algorithm(
        config="trading_agent.direct.config:DirectConfig",
        train="trading_agent.direct.direct:train_direct",
        policies={
            "exposure_network": "trading_agent.direct.policy:ExposurePolicy",
            "level_network": "trading_agent.direct.policy:LevelPolicy",
        },
    ),
    "planner": Algorithm(
        config="trading_agent.planner.config:PlannerConfig",
        train="trading_agent.planner.planner:train_planner",
        policies={"planner": "trading_agent.planner.policy:PlannerPolicy"},
    ),
    "ppo": Algorithm(
        config="trading_agent.policy_gradient.config:PPOConfig",
        train="trading_agent.policy_gradient.ppo:train_ppo",
        policies=ACTOR,
    ),
    "reinforce": Algorithm(
        config="trading_agent.policy_gradient.config:ReinforceConfig",
        train="trading_agent.policy_gradient.reinforce:train_reinforce",
        policies=ACTOR,
    ),
    "sb3": Algorithm(
        config="trading_agent.sb3.config:StableBaselinesConfig",
        train="trading_agent.sb3.train:train_sb3",
        policies={"sb3": "trading_agent.sb3.policy:StableBaselinesPolicy"},
    ),
    "q_learning": Algorithm(
        config="trading_agent.q_learning.config:QLearningConfig",
        train="trading_agent.q_learning.q_learning:train_q_learning",
        policies={"q_table": "trading_agent.q_learning.policy:TablePolicy"},
    ),
}
POLICIES: Mapping[str, str] = {
    "constant": "trading_agent.common.policy:ConstantPolicy",
    **{kind: home for algorithm in ALGORITHMS.values() for kind, home in algorithm.policies.items()},
}


def load(home: str) -> Any:
    """Import "module:name"."""
    module, name = home.split(":")
    return getattr(importlib.import_module(module), name)
