"""Agents that learn to act: any Gymnasium vector environment in, a policy out.

This room knows NumPy, PyTorch and Gymnasium, and nothing of markets but for what `direct` has to know. One folder per
algorithm; formulas and departures from the papers stand in docs/, a page each.

Names are loaded when they are first used, so that reading settings loads no torch.
"""

from typing import TYPE_CHECKING, Any

from trading_agent.common.registry import ALGORITHMS, load

if TYPE_CHECKING:
    from trading_agent.agent import Agent as Agent
    from trading_agent.common.config import EnvironmentFacts as EnvironmentFacts
    from trading_agent.common.config import ExplorationConfig as ExplorationConfig
    from trading_agent.common.config import refuse as refuse
    from trading_agent.common.evaluation import episode_returns as episode_returns
    from trading_agent.common.evaluation import evaluate as evaluate
    from trading_agent.common.evaluation import step_rewards as step_rewards
    from trading_agent.common.loop import TrainedAgent as TrainedAgent
    from trading_agent.common.player import Player as Player
    from trading_agent.common.player import RecurrentPolicy as RecurrentPolicy
    from trading_agent.common.policy import Policy as Policy
    from trading_agent.common.policy import load_policy as load_policy
    from trading_agent.common.policy import save_policy as save_policy
    from trading_agent.common.spaces import PlainEnv as PlainEnv
    from trading_agent.common.transitions import IndexedEnv as IndexedEnv
    from trading_agent.direct.config import DirectConfig as DirectConfig
    from trading_agent.direct.direct import train_direct as train_direct
    from trading_agent.dqn.config import DQNConfig as DQNConfig
    from trading_agent.dqn.dqn import train_dqn as train_dqn
    from trading_agent.planner.config import PlannerConfig as PlannerConfig
    from trading_agent.planner.planner import train_planner as train_planner
    from trading_agent.policy_gradient.config import PPOConfig as PPOConfig
    from trading_agent.policy_gradient.config import ReinforceConfig as ReinforceConfig
    from trading_agent.policy_gradient.ppo import train_ppo as train_ppo
    from trading_agent.policy_gradient.reinforce import train_reinforce as train_reinforce
    from trading_agent.q_learning.config import QLearningConfig as QLearningConfig
    from trading_agent.q_learning.q_learning import train_q_learning as train_q_learning
    from trading_agent.recurrent.config import RecurrentDQNConfig as RecurrentDQNConfig
    from trading_agent.recurrent.config import RecurrentPPOConfig as RecurrentPPOConfig
    from trading_agent.recurrent.dqn import train_recurrent_dqn as train_recurrent_dqn
    from trading_agent.recurrent.ppo import train_recurrent_ppo as train_recurrent_ppo
    from trading_agent.sb3.config import StableBaselinesConfig as StableBaselinesConfig
    from trading_agent.sb3.train import train_sb3 as train_sb3

_SHARED = {
    "config": ("EnvironmentFacts", "ExplorationConfig", "refuse"),
    "evaluation": ("episode_returns", "evaluate", "step_rewards"),
    "loop": ("TrainedAgent",),
    "player": ("Player", "RecurrentPolicy"),
    "policy": ("Policy", "load_policy", "save_policy"),
    "spaces": ("PlainEnv",),
    "transitions": ("IndexedEnv",),
}
_HOMES = {name: f"trading_agent.common.{module}:{name}" for module, names in _SHARED.items() for name in names}
_HOMES["Agent"] = "trading_agent.agent:Agent"
_HOMES |= {home.split(":")[1]: home for entry in ALGORITHMS.values() for home in (entry.config, entry.train)}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trading_agent' has no attribute '{name}'")
    return load(_HOMES[name])
