"""Agents that learn to act: any Gymnasium vector environment in, a policy out.

This room knows NumPy, PyTorch and Gymnasium, and nothing of markets. One page per algorithm: `dqn.py`,
`ppo.py`, `reinforce.py` and `q_learning.py`; formulas and departures from the papers stand in docs/, a page each.

Names are loaded when they are first used, so that reading `trading_agent.config` loads no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading_agent.config import DQNConfig, ExplorationConfig, QLearningConfig
    from trading_agent.dqn import train_dqn
    from trading_agent.gradient_config import PPOConfig, ReinforceConfig
    from trading_agent.policy import Policy, episode_returns, evaluate, load_policy, save_policy
    from trading_agent.ppo import train_ppo
    from trading_agent.q_learning import train_q_learning
    from trading_agent.reinforce import train_reinforce
    from trading_agent.replay import IndexedEnv
    from trading_agent.training import TrainedAgent

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
    "DQNConfig": "config",
    "ExplorationConfig": "config",
    "IndexedEnv": "replay",
    "PPOConfig": "gradient_config",
    "Policy": "policy",
    "QLearningConfig": "config",
    "ReinforceConfig": "gradient_config",
    "TrainedAgent": "training",
    "episode_returns": "policy",
    "evaluate": "policy",
    "load_policy": "policy",
    "save_policy": "policy",
    "train_dqn": "dqn",
    "train_ppo": "ppo",
    "train_q_learning": "q_learning",
    "train_reinforce": "reinforce",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'trading_agent' has no attribute '{name}'")
    return getattr(importlib.import_module(f"trading_agent.{_HOME[name]}"), name)
