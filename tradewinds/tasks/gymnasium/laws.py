"""What an environment of Gymnasium cannot be asked, by the request alone. Light: imports no torch."""

from collections.abc import Mapping

import gymnasium

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config
from tradewinds.tasks.agent_laws import agent_faults
from tradewinds.tasks.gymnasium.named import categories_of, make_one, unmade
from trading_agent.common.config import EnvironmentFacts, Requirement
from trading_agent.common.spaces import EnvironmentFault

OTHERS = "it is a game: take agent=ppo, reinforce, dqn, recurrent_ppo or sb3"
CURES: Mapping[Requirement, str] = {
    "discrete_actions": "its actions are a Box: take agent=ppo, recurrent_ppo or reinforce",
    "box_actions": "its actions are Discrete: take agent=ppo, recurrent_ppo or dqn",
    "index": "set agent.counterfactual=false",
    "plans": OTHERS,
    "derivative": OTHERS,
}


def refuse_gymnasium(config: Config) -> None:
    """Refuse an environment that cannot be made or take one step, and an agent that cannot act in it.

    Raises:
        RequestError: every fault, joined.
    """
    env = make_one(config.env, categories_of(config.agent))
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    (columns,) = env.observation_space.shape or (None,)
    try:
        env.reset(seed=0)
        env.action_space.seed(0)
        env.step(env.action_space.sample())
    except EnvironmentFault as fault:
        raise unmade(config.env, fault) from None
    env.close()
    offers: frozenset[Requirement] = frozenset({"same_step", "discrete_actions" if discrete else "box_actions"})
    faults = list(agent_faults(config, EnvironmentFacts(offers=offers, num_observations=columns), CURES))
    if faults:
        raise RequestError(f"env.id={config.env.id}: {'; '.join(faults)}")
