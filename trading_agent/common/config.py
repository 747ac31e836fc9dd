"""What the settings of all agents share: exploration, and what an algorithm asks of an environment.

A setting out of its range is refused where it is made; a combination that cannot work is told by `refuse`, before any
work is done. Imports no torch and knows no algorithm.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, get_type_hints

from pydantic import ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from trading_agent.common import ranges

T = TypeVar("T")
Requirement: TypeAlias = Literal["discrete_actions", "box_actions", "index", "plans", "derivative", "same_step"]
CrossSection: TypeAlias = Literal["none", "mean", "attention"]  # what an item is shown of the others
NEEDS: Mapping[Requirement, str] = {
    "discrete_actions": "an environment with discrete actions",
    "box_actions": "an environment whose actions are numbers of a box",
    "index": "an environment that can say what every action would have led to",
    "plans": "an environment that says how it is planned",
    "derivative": "an environment whose law has a derivative",
    "same_step": "an environment that restarts in the same step",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnvironmentFacts:
    """What is known of an environment before there is one; nothing is refused for what is not known yet (None).

    Attributes:
        offers: the requirements it meets.
        rules: its settings.
        num_bars: rows of the table that the agent learns on.
        num_instruments: how many it acts on at once.
        num_observations: columns of an observation.
        forecasts: names of the forecasts in an observation.
    """

    offers: frozenset[Requirement] | None = None
    rules: Any = None
    num_bars: int | None = None
    num_instruments: int | None = None
    num_observations: int | None = None
    forecasts: tuple[str, ...] | None = None


class AgentConfig:
    """What every agent's settings can say of themselves.

    Attributes:
        categories: how a category of an observation is told: `one_hot`, a column each; or its `number`.
    """

    categories: ClassVar[Literal["one_hot", "number"]] = "one_hot"

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        return {}

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence for everything else that cannot work there."""
        return []


def refuse(config: Any, facts: EnvironmentFacts) -> list[str]:
    """Return a sentence for everything that cannot work where `facts` hold: nothing if all may, or all is unknown.

    Args:
        config: the settings of an agent; those of a plugin are asked nothing unless they are an `AgentConfig`.
        facts: of the environment.

    Returns:
        Sentences that open with the name of a setting, such as "window_bars must be ..." or "kind=dqn needs ...".
    """
    if not isinstance(config, AgentConfig):
        return []
    missing = [] if facts.offers is None else [need for need in config.requirements() if need not in facts.offers]
    return [f"{config.requirements()[need]} needs {NEEDS[need]}" for need in missing] + config.refuse(facts)


def raise_all(faults: Sequence[str]) -> None:
    """Raise one ValueError that holds every fault, if there is any."""
    if faults:
        raise ValueError("; ".join(faults))


def refuse_several(kind: str, facts: EnvironmentFacts) -> list[str]:
    """Return a sentence if an agent of one discrete action is to act on several instruments at once."""
    if facts.num_instruments is None or facts.num_instruments == 1:
        return []
    law = f"kind={kind} chooses one of a few actions and acts on one instrument, not on {facts.num_instruments}"
    return [f"{law}: take agent=direct, planner, ppo or reinforce, with a weight for each"]


def refuse_random_play(learning_starts: int, steps: int, num_envs: int) -> list[str]:
    """Return a sentence if random play, in whole steps of all environments, leaves no env steps to learn from."""
    played = -(-learning_starts // num_envs) * num_envs
    if played < steps:
        return []
    whole = "" if played == learning_starts else f", which is {played} in whole steps of {num_envs} environments"
    return [f"learning_starts must be fewer than the {steps} steps, was {learning_starts}{whole}"]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ExplorationConfig:
    """How the learner tries what it does not believe best; the rate falls on a straight line, then stays.

    Attributes:
        kind: `epsilon_greedy` acts at random with probability epsilon; `boltzmann` draws actions in proportion to
            exp(Q / temperature).
        start: epsilon, or the temperature, at step 0. Epsilon lies in [0, 1]; the temperature is positive and in units
            of the typical reward (its root mean square under random play).
        end: the same at the end of the decay.
        fraction: share of all steps over which `start` becomes `end`, in (0, 1].
    """

    kind: Literal["epsilon_greedy", "boltzmann"] = "epsilon_greedy"
    start: ranges.NotNegative = 1.0
    end: ranges.NotNegative = 0.05
    fraction: ranges.PositiveShare = 0.5

    def __post_init__(self) -> None:
        greedy = self.kind == "epsilon_greedy"
        law = "a probability in [0, 1]" if greedy else "a positive temperature"
        faults = [
            f"{name} must be {law}, was {rate}"
            for name, rate in (("start", self.start), ("end", self.end))
            if not (rate <= 1.0 if greedy else rate > 0.0)
        ]
        raise_all(faults)


def settings_of(schema: type[T], called: str, values: Any) -> T:
    """Make settings of what somebody gave under a name; what pydantic refuses is told in a sentence each.

    Raises:
        ValueError: `values` are no mapping, or a setting is unknown or out of its range.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{called} must be a mapping of settings by name, was {values!r}")
    try:
        return schema(**values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
    raise ValueError("; ".join(_sentence(schema, called, fault) for fault in faults))


def _sentence(schema: Any, called: str, fault: ErrorDetails) -> str:
    name = ".".join(filter(None, (called, *map(str, fault["loc"]))))
    if fault["type"] == "unexpected_keyword_argument":
        return f"{name} is no setting; there are {', '.join(schema.__dataclass_fields__)}"
    if fault["type"] == "missing":
        return f"{name} must be given: {_meaning(schema, fault['loc'][-1])}"
    law = fault["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return f"{name} {law}, was {fault['input']!r}" if fault["loc"] else law


def _meaning(schema: Any, name: Any) -> str:
    """Return what a setting is, in the words of its type."""
    notes = getattr(get_type_hints(schema, include_extras=True)[name], "__metadata__", ())
    return str(next((note.description for note in notes if getattr(note, "description", None)), name))
