"""Agents that learn to act: any Gymnasium vector environment in, a policy out.

This room knows NumPy, PyTorch and Gymnasium, and nothing of markets. One folder per algorithm; formulas and departures
from the papers stand in docs/, a page each.

Names are loaded when they are first used, so that reading `trading_agent.common.config` loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading_agent.common.config import ExplorationConfig
    from trading_agent.common.loop import TrainedAgent
    from trading_agent.common.policy import Policy, episode_returns, evaluate, load_policy, save_policy
    from trading_agent.dqn.config import DQNConfig
    from trading_agent.dqn.dqn import train_dqn
    from trading_agent.dqn.replay import IndexedEnv
    from trading_agent.policy_gradient.config import PPOConfig, ReinforceConfig
    from trading_agent.policy_gradient.ppo import train_ppo
    from trading_agent.policy_gradient.reinforce import train_reinforce
    from trading_agent.q_learning.config import QLearningConfig
    from trading_agent.q_learning.q_learning import train_q_learning

__all__ = [
    "DQNConfig",
    "ExplorationConfig",
    "IndexedEnv",
    "PPOConfig",
    "Policy",
    "QLearningConfig",
    "ReinforceConfig",
    "TrainedAgent",
    "episode_returns",
    "evaluate",
    "load_policy",
    "save_policy",
    "train_dqn",
    "train_ppo",
    "train_q_learning",
    "train_reinforce",
]

_HOME = {
    "DQNConfig": "dqn.config",
    "ExplorationConfig": "common.config",
    "IndexedEnv": "dqn.replay",
    "PPOConfig": "policy_gradient.config",
    "Policy": "common.policy",
    "QLearningConfig": "q_learning.config",
    "ReinforceConfig": "policy_gradient.config",
    "TrainedAgent": "common.loop",
    "episode_returns": "common.policy",
    "evaluate": "common.policy",
    "load_policy": "common.policy",
    "save_policy": "common.policy",
    "train_dqn": "dqn.dqn",
    "train_ppo": "policy_gradient.ppo",
    "train_q_learning": "q_learning.q_learning",
    "train_reinforce": "policy_gradient.reinforce",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trading_agent' has no attribute '{name}'")
    return getattr(importlib.import_module(f"trading_agent.{_HOME[name]}"), name)
