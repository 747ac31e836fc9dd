"""What a storage unit cannot be asked, by the request alone. Light: imports no torch."""

from collections.abc import Iterator, Mapping

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config
from tradewinds.tasks.agent_laws import agent_faults
from trading_agent.common.config import EnvironmentFacts, Requirement

LONGEST_DAY = 25  # hours, where clocks are turned back
CURES: Mapping[Requirement, str] = {
    "discrete_actions": "env.actions must be levels, was '{actions}'",
    "box_actions": "env.actions must be power, was '{actions}'",
    "derivative": "a storage unit's has none: with env=battery take agent=planner, ppo or storage_dqn",
}


def refuse_storage(config: Config) -> None:
    """Refuse what cannot work together.

    Raises:
        RequestError: every fault, joined.
    """
    offers: set[Requirement] = {"index", "plans", "same_step"}
    offers.add("discrete_actions" if config.env.actions == "levels" else "box_actions")
    facts = EnvironmentFacts(offers=frozenset(offers), rules=config.env)
    faults = [*_sight_faults(config), *agent_faults(config, facts, CURES)]
    if faults:
        raise RequestError("; ".join(faults))


def _sight_faults(config: Config) -> Iterator[str]:
    if config.signal.holdings is not None:
        yield "signal.holdings are of a trading account (env=trading), and env=battery holds energy; leave it out"
    if config.model.horizon < LONGEST_DAY:
        yield (
            f"model.horizon must be at least {LONGEST_DAY} bars with env=battery, was {config.model.horizon}: a day's "
            "schedule needs a forecast of all its hours, and a day on which clocks are turned back has 25"
        )
    shown = [name for name in config.rollout.observe if "forecast" in name]
    if len(shown) != 1:
        held = " and ".join(shown) or "neither"
        yield f"rollout.observe must hold either forecast or forecasts with env=battery, held {held}"
    if config.backtest.ablation:
        yield "backtest.ablation is told of forecasts scored bar by bar, and env=battery's are by day; leave it out"
    if "chances" in config.rollout.observe:
        yield "rollout.observe may hold chances with env=trading only; a storage unit plans on values"
    if "plan" in config.rollout.observe:
        yield "rollout.observe may hold plan with env.actions=levels or exposure; agent=planner plans a storage unit"
    bars = getattr(config.agent, "context_length", 1)
    if bars > 1:
        yield f"agent.context_length must be 1 with env=battery, whose rows are days, was {bars}"
