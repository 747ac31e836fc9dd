"""The settings of `train_planner`. Imports no torch."""

from collections.abc import Mapping
from typing import Literal

from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import AgentConfig, EnvironmentFacts, Requirement


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class PlannerConfig(AgentConfig):
    """Settings of `train_planner`. A step is a past decision learned from.

    Attributes:
        steps: decisions learned from, all passes together.
        kind: `planner`.
        num_envs: decisions an update learns from.
        forecasts: names of the forecasts that are mixed, such as `network`; none: all that an observation holds.
        first_share: share of the mix that the first forecast, the network's own, begins with, the others sharing the
            rest alike; null: all alike. Many that err alike, as regressions of the same prices do, outvote it else.
            The plan on the first alone is a candidate, too.
        learning_rate: how far an update of average size moves the weights of the mix, at the start; it falls to
            nothing on a straight line. 0: the first mix is planned on, and nothing is learned.
        validate_every: steps between two validations (and checkpoints).
    """

    steps: ranges.Steps = 8000
    kind: Literal["planner"] = "planner"
    num_envs: ranges.Environments = 16
    forecasts: tuple[str, ...] = ()
    first_share: ranges.Share | None = 0.75
    learning_rate: ranges.NotNegative = 5e-3
    validate_every: ranges.Interval = 2000

    def __post_init__(self) -> None:
        if len(set(self.forecasts)) < len(self.forecasts):
            raise ValueError(f"forecasts must name each forecast once, was {list(self.forecasts)}")

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        return {"plans": "kind=planner"}

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if a forecast is not observed."""
        unknown = [name for name in self.forecasts if facts.forecasts is not None and name not in facts.forecasts]
        if not unknown:
            return []
        return [f"forecasts must be of {', '.join(facts.forecasts or ())}, held {', '.join(unknown)}"]
