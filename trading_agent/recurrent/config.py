"""The settings of the agents that remember, `recurrent_ppo` and `recurrent_dqn`. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import EnvironmentFacts
from trading_agent.policy_gradient.config import ProximalConfig

Units = Annotated[int, Field(ge=1, description="units")]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class RecurrentPPOConfig(ProximalConfig):
    """Settings of `train_recurrent_ppo`: those of `ppo`, and what remembers.

    Attributes:
        kind: `recurrent_ppo`.
        cell: `lstm` or `gru`.
        memory_units: units of it; policy and value read them beside the observation.
        memory_span: steps over which these units first forget, from 2 for some to this for others; what lies back
            further is learned slowly or not at all.
        num_envs: as of `ppo`.
        hidden_sizes: as of `ppo`, between memory and output.
        rollout_steps: as of `ppo`; gradients reach no further back than that.
        batch_size: transitions per gradient step, about: whole environments of a rollout, `rollout_steps` each.
    """

    kind: Literal["recurrent_ppo"] = "recurrent_ppo"
    cell: Literal["lstm", "gru"] = "lstm"
    memory_units: Units = 64
    memory_span: Annotated[float, Field(ge=2.0, description="steps")] = 16.0
    num_envs: ranges.Environments = 64
    hidden_sizes: ranges.HiddenSizes = (64,)
    batch_size: Annotated[int, Field(ge=1, description="transitions")] = 1024

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if there are several instruments."""
        return refuse_sets("recurrent_ppo", facts)


def refuse_sets(kind: str, facts: EnvironmentFacts) -> list[str]:
    """Return a sentence if an agent with one memory is to act on several instruments, which come and go."""
    if facts.num_instruments is None or facts.num_instruments == 1:
        return []
    law = f"kind={kind} has one memory, of one instrument, and there are {facts.num_instruments}"
    return [f"{law}: take agent=direct, planner, ppo or reinforce, with a weight for each"]
