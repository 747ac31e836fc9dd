"""Environments of Gymnasium, many at once, and whole episodes of them. Knows no series and no forecast."""

from typing import TYPE_CHECKING, Any

import gymnasium
from gymnasium.vector import AutoresetMode, VectorEnv

from tradewinds.tasks.gymnasium.config import GymnasiumConfig
from tradewinds.tasks.gymnasium.named import make_one, own_limit, spec_of, unmade
from trading_agent.common.restored import ArraysVectorEnv, RestoredVectorEnv
from trading_agent.common.spaces import Categories, is_plain

if TYPE_CHECKING:
    from trading_agent import Policy
    from trading_agent.common.evaluation import Episodes


def make(
    rules: GymnasiumConfig,
    num_envs: int,
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
    categories: Categories = "one_hot",
) -> VectorEnv[Any, Any, Any]:
    """Return N environments of that name as agents read them, in one array where Gymnasium has them so.

    Raises:
        RequestError: Gymnasium does not know it, or it needs what is not installed.
    """
    spec = spec_of(rules)
    batched = spec.vector_entry_point is not None and own_limit(rules) and not rules.wrappers
    if batched and autoreset_mode == AutoresetMode.NEXT_STEP:
        try:
            env: VectorEnv[Any, Any, Any] = gymnasium.make_vec(spec, num_envs, "vector_entry_point")
        except Exception as error:  # whatever the environment's own code raises
            raise unmade(rules, error) from None
        if is_plain(env.single_observation_space, env.single_action_space):
            return ArraysVectorEnv(env)
        env.close()
    return RestoredVectorEnv([lambda: make_one(rules, categories)] * num_envs, autoreset_mode)


def episodes_of(
    policy: "Policy", rules: GymnasiumConfig, episodes: int, *, seed: int, categories: Categories = "one_hot"
) -> "Episodes":
    """Play whole episodes, each in its own environment; one seed, the same starts."""
    from trading_agent.common.evaluation import play_episodes

    return play_episodes(policy, make(rules, episodes, categories=categories), episodes, seed=seed)
