"""REINFORCE and PPO over one actor-critic. Knows any action space."""
