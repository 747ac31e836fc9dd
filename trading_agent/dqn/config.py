"""The settings of `train_dqn`, and what others that learn from a memory share with it. Imports no torch."""

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
    refuse_several,
)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ReplayConfig(AgentConfig):
    """What agents have in common that learn values from a memory; "env steps" count every environment.

    Attributes:
        steps: env steps to learn for, those of random play at the start included.
        num_envs: environments stepped at once; that of the env.
        hidden_sizes: units of each hidden layer.
        learning_rate: Adam's step per update.
        discount: weight of a reward one step later, in [0, 1).
        replay_size: transitions the memory holds; the oldest are overwritten.
        learning_starts: env steps of random play before the first update; observations and rewards are scaled by what
            was seen in them.
        standardise: whether observations are scaled by what was seen in random play.
        updates_per_step: gradient steps per call of `env.step`; 0.25 is one in four calls.
        target_interval: gradient steps (not env steps) between two copies of the learned network to the target network.
        exploration: how actions are tried.
        average: share of the old weights that the judged policy, a running average over updates, keeps; 0 judges the
            newest weights.
        gradient_clip: largest L2 norm of one update's gradient.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: ranges.Steps
    num_envs: ranges.Environments = 64
    hidden_sizes: ranges.HiddenSizes = (32,)
    learning_rate: ranges.Positive = 1e-4
    discount: ranges.Discount = 0.95
    replay_size: ranges.Transitions = 100_000
    learning_starts: ranges.Interval = 2048
    standardise: bool = True
    updates_per_step: ranges.Positive = 1.0
    target_interval: ranges.Updates = 50
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    average: ranges.ShareBelowOne = 0.0
    gradient_clip: ranges.Norm = 10.0
    validate_every: ranges.Interval = 4000


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class DQNConfig(ReplayConfig):
    """Settings of `train_dqn`.

    Attributes:
        kind: `dqn`.
        duelling: the network tells the value of the state from the advantages of the actions (Wang et al. 2016).
        anneal: whether the learning rate falls to nothing on a straight line.
        batch_size: transitions per update, drawn from the memory with replacement.
        counterfactual: every transition drawn teaches the value of all actions, not only of the one taken: needs an
            environment that can say what each would have led to (`IndexedEnv`).
        n_step: steps whose rewards are added up before the value that follows, at least 1.
        priority: exponent of the last error in the probability of being drawn (Schaul et al. 2016), in [0, 1]; 0 draws
            uniformly.
        priority_correction: how much the bias of that is undone at the start, in [0, 1]; it rises to 1 at the end.
        teacher: `planner` plays every other environment of the random play by the best plan on the forecasts observed,
            and what that led to is remembered; `none`: all play is random.
        update_every: calls of `env.step` between two bursts of gradient steps; with 1 they are spread evenly.
        double: the online network chooses the next action and the target network values it (van Hasselt 2016).
        target_update: `hard` copies the online network every `target_interval` updates; `soft` moves the target
            network by the fraction `tau` after every update.
        tau: fraction of a soft move, in (0, 1].
    """

    kind: Literal["dqn"] = "dqn"
    duelling: bool = False
    anneal: bool = False
    batch_size: ranges.Transitions = 256
    counterfactual: bool = False
    n_step: Annotated[int, Field(ge=1, le=255, description="steps")] = 1
    priority: ranges.Share = 0.0
    priority_correction: ranges.Share = 0.4
    teacher: Literal["none", "planner"] = "none"
    update_every: ranges.Calls = 1
    double: bool = True
    target_update: Literal["hard", "soft"] = "hard"
    tau: ranges.PositiveShare = 0.005

    def __post_init__(self) -> None:
        faults = refuse_random_play(self.learning_starts, self.steps, self.num_envs)
        if self.n_step > 1 and self.counterfactual:
            law = "must be 1 with counterfactual targets, which know what one action leads to"
            faults.append(f"n_step {law}, was {self.n_step}")
        if self.replay_size < self.num_envs:
            law = f"must hold one step of all {self.num_envs} environments"
            faults.append(f"replay_size {law}, was {self.replay_size}")
        raise_all(faults)

    def requirements(self) -> Mapping[Requirement, str]:
        """Return what an environment must offer, each with the setting that asks for it."""
        needs: dict[Requirement, str] = {"discrete_actions": "kind=dqn"}
        needs |= {"index": "counterfactual=true"} if self.counterfactual else {}
        return needs | ({"plans": "teacher=planner"} if self.teacher == "planner" else {})

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if there are several instruments."""
        return refuse_several("dqn", facts)
