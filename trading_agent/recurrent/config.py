"""The settings of the agents that remember, `recurrent_ppo` and `recurrent_dqn`. Imports no torch."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import (
    AgentConfig,
    EnvironmentFacts,
    ExplorationConfig,
    Requirement,
    raise_all,
    refuse_random_play,
)
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
class RecurrentDQNConfig(AgentConfig):
    """Settings of `train_recurrent_dqn`; "env steps" count every environment.

    Attributes:
        steps: env steps to learn for, those of random play at the start included.
        kind: `recurrent_dqn`.
        cell: `lstm` or `gru`.
        memory_units: units of it; the values read them beside the observation.
        memory_span: as of `recurrent_ppo`.
        num_envs: environments stepped at once; that of the env.
        hidden_sizes: units of each hidden layer between memory and values.
        learning_rate: Adam's step per update.
        discount: weight of a reward one step later, in [0, 1).
        batch_size: sequences per update, drawn from the memory with replacement.
        sequence_steps: steps of a sequence that are learned from, at least 2.
        burn_in: steps before them from which the state is made fresh, beginning with one that was stored.
        replay_size: transitions that are remembered; the oldest are overwritten.
        learning_starts: env steps of random play before the first update; observations and rewards are scaled by what
            was seen in them.
        standardise: whether observations are scaled so.
        updates_per_step: gradient steps per call of `env.step`; 0.25 is one in four calls.
        target_interval: gradient steps between two copies of the learned network to the target network.
        exploration: how actions are tried.
        average: share of the old weights that the judged policy, a running average over updates, keeps; 0 judges the
            newest weights.
        gradient_clip: largest L2 norm of one update's gradient.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: ranges.Steps
    kind: Literal["recurrent_dqn"] = "recurrent_dqn"
    cell: Literal["lstm", "gru"] = "lstm"
    memory_units: Units = 64
    memory_span: Span = 16.0
    num_envs: ranges.Environments = 64
    hidden_sizes: ranges.HiddenSizes = (64,)
    learning_rate: ranges.Positive = 1e-3
    discount: ranges.Discount = 0.95
    batch_size: Annotated[int, Field(ge=1, description="sequences")] = 32
    sequence_steps: Annotated[int, Field(ge=2, description="steps")] = 16
    burn_in: Annotated[int, Field(ge=0, description="steps")] = 16
    replay_size: ranges.Transitions = 100_000
    learning_starts: ranges.Interval = 4096
    standardise: bool = True
    updates_per_step: ranges.Positive = 1.0
    target_interval: ranges.Updates = 100
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    average: ranges.ShareBelowOne = 0.0
    gradient_clip: ranges.Norm = 10.0
    validate_every: ranges.Interval = 4000

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
