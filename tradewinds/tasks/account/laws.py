"""What a trading account cannot be asked, by the request alone. Light: imports no torch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config
from tradewinds.tasks.agent_laws import agent_faults
from trading_agent.common.config import AgentConfig, EnvironmentFacts, Requirement
from trading_agent.direct.config import DirectConfig

WEIGHTS = ("long_weights", "long_short_weights")  # actions of several assets
PLANNED = ("levels", "exposure")  # actions that a plan of one asset can be turned into
CURES: Mapping[Requirement, str] = {
    "discrete_actions": (
        "env.actions must be levels, was '{actions}'; weights of several instruments are what agent=direct, planner, "
        "ppo and reinforce learn"
    ),
    "box_actions": "env.actions must be exposure, was '{actions}'",
    "plans": "let rollout.observe hold forecast",
}


def refuse_account(config: Config) -> None:
    """Refuse what cannot work together.

    Raises:
        RequestError: every fault, joined.
    """
    faults = [*_sight_faults(config), *agent_faults(config, account_facts(config), CURES)]
    if faults:
        raise RequestError("; ".join(faults))


def account_facts(config: Config) -> EnvironmentFacts:
    """Return what is known of the environment of a request, before there are data."""
    rules = config.env
    offers: set[Requirement] = {"index", "derivative", "same_step"}
    offers.add("discrete_actions" if rules.actions == "levels" else "box_actions")
    if (rules.actions in PLANNED or rules.actions in WEIGHTS) and "forecast" in config.rollout.observe:
        offers.add("plans")
    return EnvironmentFacts(offers=frozenset(offers), rules=rules, num_instruments=1)


def refuse_several(config: Config, instruments: Sequence[str]) -> None:
    """Refuse what cannot be done on several instruments at once, which only the data tell.

    Raises:
        RequestError: every fault, joined.
    """
    rules, agent, many = config.env, config.agent, f"the series has {len(instruments)} instruments"
    cure = (
        f"or choose one with rollout.instrument={instruments[0]}, or act on one after another: -m rollout.instrument="
        f"{','.join(instruments[:4])}"
    )
    faults = []
    if rules.actions not in WEIGHTS:
        faults.append(
            f"env.actions must be long_weights or long_short_weights, a weight for each, was {rules.actions}: {many}"
        )
    if getattr(agent, "context_length", 1) > 1:
        faults.append(f"agent.context_length must be 1, was {agent.context_length}: {many}")  # type: ignore[attr-defined]
    if isinstance(agent, AgentConfig) and not faults:
        facts = replace(account_facts(config), num_instruments=len(instruments))
        faults += [f"agent.{fault}" for fault in agent.refuse(facts)]
    if faults:
        raise RequestError(f"{'; '.join(faults)}; {cure}")


def refuse_one(config: Config, series: Series, first: int) -> None:
    """Refuse what cannot be done on one instrument: a plan of weights, or to act before its own history begins.

    Args:
        config: the request.
        series: its bars, which may begin late, pause and end.
        first: the first row that is acted on.

    Raises:
        RequestError: one sentence.
    """
    agent, actions = config.agent, config.env.actions
    if series.traded is not None:
        name, bars = series.instruments[0], np.flatnonzero(series.traded[:, 0])
        begins = int(bars[0]) if len(bars) else len(series.index) - 1
        if begins + config.model.context_length >= first:
            raise RequestError(
                f"{name} begins {series.index[begins]:%Y-%m-%d} or later, and its agent learns from "
                f"{series.index[first]:%Y-%m-%d} on, with {config.model.context_length} bars before that; act on all "
                "instruments at once, or on another"
            )
        if isinstance(agent, DirectConfig) and actions == "levels":
            raise RequestError(
                f"agent.kind=direct with env.actions=levels knows no bars without trade, and {name} has some; set "
                "env.actions=exposure, or take agent=dqn"
            )
    if actions in WEIGHTS and isinstance(agent, AgentConfig) and "plans" in agent.requirements():
        setting = agent.requirements()["plans"]
        raise RequestError(f"agent.{setting} plans one instrument with env.actions=levels or exposure, was {actions}")


def _sight_faults(config: Config) -> Iterator[str]:
    observe = config.rollout.observe
    if "forecasts" in observe:
        yield "rollout.observe may hold forecasts with env=battery only; forecast is the network's"
    if "chances" in observe and config.model.head != "bins":
        yield f"rollout.observe may hold chances with model.head=bins only, which tells them, was {config.model.head}"
    if "plan" in observe and config.env.actions not in PLANNED:
        yield "rollout.observe may hold plan with env.actions=levels or exposure; agent=planner plans a storage unit"
