"""The settings of the policy gradients, `ppo` and `reinforce`. Imports no torch."""

from dataclasses import dataclass
from typing import Literal

from trading_agent.common.config import _common_laws, _refuse


@dataclass(frozen=True, kw_only=True)
class _PolicyGradientConfig:
    """What the two have in common; "env steps" count every environment.

    Attributes:
        steps: env steps to learn for, one rollout of random play at the start included.
        num_envs: environments stepped at once; that of the env.
        rollout_steps: calls of `env.step` between two updates.
        hidden_sizes: units of each hidden layer, of the policy and of the value.
        learning_rate: Adam's step at the start.
        anneal: whether the learning rate (and the clip of `ppo`) falls to nothing on a straight line.
        discount: weight of a reward one step later, in [0, 1).
        entropy_weight: weight of the policy's entropy in the loss, at least 0.
        value_weight: weight of the value's squared error in the loss, positive.
        weight_decay: of AdamW, at least 0: what noise columns are unlearned by.
        gradient_clip: largest L2 norm of one update's gradient.
        average: share of the old weights that the judged policy, a running average over updates, keeps; 0 judges the
            newest weights.
        standardise: whether observations are scaled by what the first rollout saw.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: int
    num_envs: int = 8
    rollout_steps: int = 32
    hidden_sizes: tuple[int, ...] = (64, 64)
    learning_rate: float = 1e-3
    anneal: bool = True
    discount: float = 0.98
    entropy_weight: float = 0.0
    value_weight: float = 0.5
    weight_decay: float = 0.0
    gradient_clip: float = 0.5
    average: float = 0.0
    standardise: bool = True
    validate_every: int = 5_000

    def __post_init__(self) -> None:
        _refuse(*self._laws())

    def _laws(self) -> tuple[tuple[bool, str], ...]:
        first = self.rollout_steps * self.num_envs
        return (
            *_common_laws(self.steps, self.num_envs, self.discount, self.validate_every),
            (self.rollout_steps >= 1, f"rollout_steps must be at least 1 call, was {self.rollout_steps}"),
            (
                first < self.steps or self.steps < 2,
                f"rollout_steps must leave steps to learn from after a first rollout of random play, "
                f"was {self.rollout_steps} of {self.num_envs} environments, {first} of {self.steps} steps",
            ),
            (
                len(self.hidden_sizes) > 0 and min(self.hidden_sizes, default=0) >= 1,
                f"hidden_sizes must name at least one layer of at least 1 unit, was {self.hidden_sizes}",
            ),
            (self.learning_rate > 0.0, f"learning_rate must be positive, was {self.learning_rate}"),
            (self.entropy_weight >= 0.0, f"entropy_weight must be at least 0, was {self.entropy_weight}"),
            (self.value_weight > 0.0, f"value_weight must be positive, was {self.value_weight}"),
            (self.weight_decay >= 0.0, f"weight_decay must be at least 0, was {self.weight_decay}"),
            (self.gradient_clip > 0.0, f"gradient_clip must be a positive norm, was {self.gradient_clip}"),
            (0.0 <= self.average < 1.0, f"average must be a share in [0, 1), was {self.average}"),
        )


@dataclass(frozen=True, kw_only=True)
class PPOConfig(_PolicyGradientConfig):
    """Settings of `train_ppo`: those of every policy gradient, and its own.

    Attributes:
        kind: `ppo`.
        gae_lambda: weight of a temporal-difference error one step later, beside the discount, in [0, 1].
        clip: how far the probability of an action may move in one update before it is no longer rewarded, in (0, 1).
        epochs: times each rollout is learned from.
        batch_size: transitions per gradient step.
    """

    kind: Literal["ppo"] = "ppo"
    gae_lambda: float = 0.95
    clip: float = 0.2
    epochs: int = 4
    batch_size: int = 256

    def _laws(self) -> tuple[tuple[bool, str], ...]:
        return (
            *super()._laws(),
            (0.0 <= self.gae_lambda <= 1.0, f"gae_lambda must be in [0, 1], was {self.gae_lambda}"),
            (0.0 < self.clip < 1.0, f"clip must be in (0, 1), was {self.clip}"),
            (self.epochs >= 1, f"epochs must be at least 1, was {self.epochs}"),
            (self.batch_size >= 2, f"batch_size must be at least 2 transitions, was {self.batch_size}"),
        )


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig(_PolicyGradientConfig):
    """Settings of `train_reinforce`: those of every policy gradient.

    Attributes:
        kind: `reinforce`.
    """

    kind: Literal["reinforce"] = "reinforce"
