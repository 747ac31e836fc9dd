"""The settings of the policy gradients, `ppo` and `reinforce`. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from trading_agent.common import ranges
from trading_agent.common.config import AgentConfig, CrossSection, EnvironmentFacts

RUNNING = "scales=running are those of one row of columns, and several instruments share theirs: take scales=first"


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class PolicyGradientConfig(AgentConfig):
    """What the two have in common; "env steps" count every environment.

    Attributes:
        steps: env steps to learn for, one rollout of random play at the start included.
        num_envs: environments stepped at once; that of the env.
        rollout_steps: calls of `env.step` between two updates.
        hidden_sizes: units of each hidden layer, of the policy and of the value.
        learning_rate: AdamW's step at the start.
        anneal: whether the learning rate (and the clip of `ppo`) falls to nothing on a straight line.
        discount: weight of a reward one step later, in [0, 1).
        entropy_weight: weight of the policy's entropy in the loss, at least 0.
        value_weight: weight of the value's squared error in the loss, positive.
        weight_decay: of AdamW, at least 0: what noise columns are unlearned by.
        gradient_clip: largest L2 norm of one update's gradient.
        average: share of the old weights that the judged policy, a running average over updates, keeps; 0 judges the
            newest weights.
        standardise: whether observations are scaled by what the first rollout saw.
        reward_unit: what rewards are learned in units of: the typical `reward` of the first rollout, its root mean
            square; the typical `return`, the deviation of its discounted sums; or `auto`: the latter where rewards come
            at every step and add up to much, their mean beyond their deviation, as in most games.
        scales: whether both scales stay those of the `first` rollout, of random play, or are `running`: those of all
            that has been seen so far, for environments where learning leads elsewhere. A policy keeps those that it
            was judged with.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: ranges.Steps
    num_envs: ranges.Environments = 64
    rollout_steps: ranges.Calls = 64
    hidden_sizes: ranges.HiddenSizes = (64, 64)
    learning_rate: ranges.Positive = 3e-3
    anneal: bool = True
    discount: ranges.Discount = 0.95
    entropy_weight: ranges.NotNegative = 0.0
    value_weight: ranges.Positive = 0.5
    weight_decay: ranges.NotNegative = 0.0
    gradient_clip: ranges.Norm = 0.5
    average: ranges.ShareBelowOne = 0.0
    standardise: bool = True
    reward_unit: Literal["auto", "reward", "return"] = "auto"
    scales: Literal["first", "running"] = "first"
    validate_every: ranges.Interval = 40_000

    def __post_init__(self) -> None:
        first = self.rollout_steps * self.num_envs
        if first >= self.steps:
            raise ValueError(
                f"rollout_steps must leave steps to learn from after a first rollout of random play, "
                f"was {self.rollout_steps} of {self.num_envs} environments, {first} of {self.steps} steps"
            )

    def refuse(self, facts: EnvironmentFacts) -> list[str]:
        """Return a sentence if running scales are asked for where one network acts on several instruments."""
        several = facts.num_instruments is not None and facts.num_instruments > 1
        return [RUNNING] if several and self.scales == "running" else []


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ProximalConfig(PolicyGradientConfig):
    """What proximal policy optimisation adds, with a memory or without.

    Attributes:
        gae_lambda: weight of a temporal-difference error one step later, beside the discount, in [0, 1].
        clip: how far the probability of an action may move in one update before it is no longer rewarded, in (0, 1).
        epochs: times each rollout is learned from.
        batch_size: transitions per gradient step.
    """

    gae_lambda: ranges.Share = 0.95
    clip: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    epochs: Annotated[int, Field(ge=1, description="epochs")] = 4
    batch_size: Annotated[int, Field(ge=2, description="transitions")] = 4096


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class PPOConfig(ProximalConfig):
    """Settings of `train_ppo`.

    Attributes:
        kind: `ppo`.
        num_envs: as above.
        cross_section: where actions are a number for each of several items with columns of their own, what an item is
            shown of the others: `none`, the `mean` of their hidden units, or `attention`.
    """

    kind: Literal["ppo"] = "ppo"
    num_envs: ranges.Environments = 256
    cross_section: CrossSection = "mean"


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ReinforceConfig(PolicyGradientConfig):
    """Settings of `train_reinforce`: those of every policy gradient.

    Attributes:
        kind: `reinforce`.
        cross_section: as of `ppo`.
    """

    kind: Literal["reinforce"] = "reinforce"
    cross_section: CrossSection = "mean"
