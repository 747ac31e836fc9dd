"""Settings of the agent. Light: no torch."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trading_agent.common.config import AgentConfig, Requirement


@dataclass(frozen=True, kw_only=True)
class MomentumConfig(AgentConfig):
    """An agent that follows the sign of one column of what it observes.

    Attributes:
        column: number of that column; with `rollout.observe=[forecast]` 0 is the forecast of the next bar.
        steps: env steps that show how large the column usually is.
        num_envs: N, environments that take them.
    """

    kind: Literal["momentum"] = "momentum"
    column: Annotated[int, Field(ge=0, description="the number of a column")] = 0
    steps: Annotated[int, Field(ge=1, description="env steps")] = 1000
    num_envs: Annotated[int, Field(ge=1, description="environments")] = 8

    def requirements(self) -> Mapping[Requirement, str]:
        """Ask for actions that are levels."""
        return {"discrete_actions": "kind"}
