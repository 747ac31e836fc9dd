"""The settings of `train_q_learning`. Imports no torch."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, ClassVar, Literal

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
    refuse_several,
)

MAX_CELLS = 1_000_000  # discretised states a Q-table may have


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class QLearningConfig(AgentConfig):
    """Settings of `train_q_learning`. "Env steps" count every environment.

    Attributes:
        steps: env steps to learn for, those of random play at the start included.
        columns: the observation columns the table is indexed by, each once; -1 is the last.
        kind: `q_learning`.
        num_envs: environments stepped at once; that of the env handed to `train_q_learning`.
        bins: cells per column, of equal share under random play; a column with no more values than that gets one
            cell per value, and so does a column of whole numbers within bounds, such as the number of a state.
        learning_rate: smallest step toward a target, in (0, 1]; the n-th visit of a cell moves it by
            max(learning_rate, n^-0.7).
        discount: weight of a reward one step later, in [0, 1).
        learning_starts: env steps of random play that the cells are fitted on.
        exploration: how actions are tried.
        validate_every: env steps between two validations (and checkpoints).
    """

    categories: ClassVar[Literal["one_hot", "number"]] = "number"

    steps: ranges.Steps
    columns: Annotated[tuple[int, ...], Field(min_length=1, description="observation columns")]
    kind: Literal["q_learning"] = "q_learning"
    num_envs: ranges.Environments = 64
    bins: Annotated[int, Field(ge=2, description="cells a column")] = 5
    learning_rate: ranges.PositiveShare = 1e-3
    discount: ranges.Discount = 0.95
    learning_starts: ranges.Interval = 2048
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    validate_every: ranges.Interval = 10_000

    def __post_init__(self) -> None:
        faults = refuse_random_play(self.learning_starts, self.steps, self.num_envs)
        if len(set(self.columns)) < len(self.columns):
            faults.append(f"columns must name each observation column once, was {self.columns}")
        if self.bins ** len(self.columns) > MAX_CELLS:
            law = f"must keep bins^columns within {MAX_CELLS:,} cells"
            faults.append(f"bins {law}, was {self.bins}^{len(self.columns)}")
        raise_all(faults)

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        return {"discrete_actions": "kind=q_learning"}

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if a column is not observed, or there are several instruments."""
        count, faults = facts.num_observations, refuse_several("q_learning", facts)
        if count is None or all(-count <= column < count for column in self.columns):
            return faults
        return [*faults, f"columns must lie within the {count} observed ones, was {self.columns}; [0] is the first"]
