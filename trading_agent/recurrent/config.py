"""The settings of the agents that remember, `recurrent_ppo` and `recurrent_dqn`. Imports no torch."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import EnvironmentFacts, Requirement, raise_all, refuse_random_play
from trading_agent.dqn.config import ReplayConfig
from trading_agent.policy_gradient.config import ProximalConfig

Units = Annotated[int, Field(ge=1, description="units")]
Span = Annotated[float, Field(ge=2.0, description="steps")]


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
        rollout_steps: as of `ppo`, at least 4; gradients reach no further back than that.
        batch_size: transitions per gradient step, about: whole environments of a rollout, `rollout_steps` each.
    """

    kind: Literal["recurrent_ppo"] = "recurrent_ppo"
    cell: Literal["lstm", "gru"] = "lstm"
    memory_units: Units = 64
    memory_span: Span = 16.0
    num_envs: ranges.Environments = 64
    rollout_steps: Annotated[int, Field(ge=4, description="calls")] = 64
    hidden_sizes: ranges.HiddenSizes = (64,)
    batch_size: Annotated[int, Field(ge=1, description="transitions")] = 1024

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if there are several instruments."""
        return refuse_sets("recurrent_ppo", facts)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class RecurrentDQNConfig(ReplayConfig):
    """Settings of `train_recurrent_dqn`: those of agents with a memory of what was lived through, and what remembers.

    Attributes:
        kind: `recurrent_dqn`.
        cell: `lstm` or `gru`.
        memory_units: units of it; the values read them beside the observation.
        memory_span: as of `recurrent_ppo`.
        hidden_sizes: units of each hidden layer between memory and values.
        learning_rate: as of `dqn`.
        batch_size: sequences per update, drawn from the memory with replacement.
        sequence_steps: steps of a sequence that are learned from, at least 2.
        burn_in: steps before them from which the state is made fresh, beginning with one that was stored.
        learning_starts: as of `dqn`.
        target_interval: as of `dqn`.
    """

    kind: Literal["recurrent_dqn"] = "recurrent_dqn"
    cell: Literal["lstm", "gru"] = "lstm"
    memory_units: Units = 64
    memory_span: Span = 16.0
    hidden_sizes: ranges.HiddenSizes = (64,)
    learning_rate: ranges.Positive = 1e-3
    batch_size: Annotated[int, Field(ge=1, description="sequences")] = 32
    sequence_steps: Annotated[int, Field(ge=2, description="steps")] = 16
    burn_in: Annotated[int, Field(ge=0, description="steps")] = 16
    learning_starts: ranges.Interval = 4096
    target_interval: ranges.Updates = 100

    def __post_init__(self) -> None:
        faults = refuse_random_play(self.learning_starts, self.steps, self.num_envs)
        whole = (self.sequence_steps + self.burn_in) * self.num_envs
        for name in ("replay_size", "learning_starts"):
            if getattr(self, name) < whole:
                law = f"must hold one sequence of all {self.num_envs} environments, {whole} steps"
                faults.append(f"{name} {law}, was {getattr(self, name)}")
        raise_all(faults)

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        return {"discrete_actions": "kind=recurrent_dqn"}

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if there are several instruments."""
        return refuse_sets("recurrent_dqn", facts)


def refuse_sets(kind: str, facts: EnvironmentFacts) -> list[str]:
    """Return a sentence if an agent with one memory is to act on several instruments, which come and go."""
    if facts.num_instruments is None or facts.num_instruments == 1:
        return []
    law = f"kind={kind} has one memory, of one instrument, and there are {facts.num_instruments}"
    return [f"{law}: take agent=direct, planner, ppo or reinforce, with a weight for each"]
