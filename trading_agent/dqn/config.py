"""The settings of `train_dqn`. Imports no torch."""

from dataclasses import dataclass, field
from typing import Literal

from trading_agent.common.config import ExplorationConfig, _common_laws, _refuse


@dataclass(frozen=True, kw_only=True)
class DQNConfig:
    """Settings of `train_dqn`. "Env steps" count every environment: one call of `env.step` makes `num_envs` of them.

    Attributes:
        steps: env steps to learn for, those of random play at the start included.
        kind: `dqn`.
        num_envs: environments stepped at once; that of the env handed to `train_dqn`.
        hidden_sizes: units of each hidden layer.
        duelling: the network tells the value of the state from the advantages of the actions (Wang et al. 2016).
        learning_rate: Adam's step per update.
        anneal: whether it falls to nothing on a straight line.
        discount: weight of a reward one step later, in [0, 1).
        batch_size: transitions per update, drawn from the memory with replacement.
        counterfactual: every transition drawn teaches the value of all actions, not only of the one taken: needs an
            environment that can say what each would have led to (`IndexedEnv`).
        n_step: steps whose rewards are added up before the value that follows, at least 1.
        priority: exponent of the last error in the probability of being drawn (Schaul et al. 2016), in [0, 1]; 0 draws
            uniformly.
        priority_correction: how much the bias of that is undone at the start, in [0, 1]; it rises to 1 at the end.
        replay_size: transitions the memory holds; the oldest are overwritten.
        learning_starts: env steps of random play before the first update; observations and rewards are scaled by what
            was seen in them.
        teacher: `planner` plays every other environment of these steps by the best plan on the forecasts observed, and
            what that led to is remembered; `none`: all play is random.
        standardise: whether observations are scaled by what was seen in random play.
        updates_per_step: gradient steps per call of `env.step`; 0.25 is one in four calls.
        update_every: calls of `env.step` between two bursts of gradient steps; with 1 they are spread evenly.
        double: the online network chooses the next action and the target network values it (van Hasselt 2016).
        target_update: `hard` copies the online network every `target_interval` updates; `soft` moves the target
            network by the fraction `tau` after every update.
        target_interval: gradient steps (not env steps) between two hard copies.
        tau: fraction of a soft move, in (0, 1].
        exploration: how actions are tried.
        average: share of the old weights that the judged policy, a running average over updates, keeps; 0 judges the
            newest weights.
        gradient_clip: largest L2 norm of one update's gradient.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: int
    kind: Literal["dqn"] = "dqn"
    num_envs: int = 8
    hidden_sizes: tuple[int, ...] = (64, 64)
    duelling: bool = False
    learning_rate: float = 1e-3
    anneal: bool = False
    discount: float = 0.99
    batch_size: int = 128
    counterfactual: bool = False
    n_step: int = 1
    priority: float = 0.0
    priority_correction: float = 0.4
    replay_size: int = 100_000
    learning_starts: int = 1_000
    teacher: Literal["none", "planner"] = "none"
    standardise: bool = True
    updates_per_step: float = 1.0
    update_every: int = 1
    double: bool = True
    target_update: Literal["hard", "soft"] = "hard"
    target_interval: int = 250
    tau: float = 0.005
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
    average: float = 0.0
    gradient_clip: float = 10.0
    validate_every: int = 5_000

    def __post_init__(self) -> None:
        _refuse(
            *_common_laws(self.steps, self.num_envs, self.discount, self.validate_every),
            (
                len(self.hidden_sizes) > 0 and min(self.hidden_sizes, default=0) >= 1,
                f"hidden_sizes must name at least one layer of at least 1 unit, was {self.hidden_sizes}",
            ),
            (self.learning_rate > 0.0, f"learning_rate must be positive, was {self.learning_rate}"),
            (self.batch_size >= 1, f"batch_size must be at least 1 transition, was {self.batch_size}"),
            (1 <= self.n_step <= 255, f"n_step must lie in [1, 255] steps, was {self.n_step}"),
            (
                self.n_step <= 1 or not self.counterfactual,
                f"n_step must be 1 with counterfactual targets, which know what one action leads to, was {self.n_step}",
            ),
            (0.0 <= self.priority <= 1.0, f"priority must be an exponent in [0, 1], was {self.priority}"),
            (
                0.0 <= self.priority_correction <= 1.0,
                f"priority_correction must be in [0, 1], was {self.priority_correction}",
            ),
            (
                self.replay_size >= self.num_envs,
                f"replay_size must hold one step of all {self.num_envs} environments, was {self.replay_size}",
            ),
            (
                self.learning_starts >= 1 and (self.steps < 2 or self.learning_starts < self.steps),
                f"learning_starts must be at least 1 and fewer than the {self.steps} steps, was {self.learning_starts}",
            ),
            (self.update_every >= 1, f"update_every must be at least 1 call of env.step, was {self.update_every}"),
            (self.updates_per_step > 0.0, f"updates_per_step must be positive, was {self.updates_per_step}"),
            (self.teacher in ("none", "planner"), f"teacher must be none or planner, was '{self.teacher}'"),
            (self.target_update in ("hard", "soft"), f"target_update must be hard or soft, was '{self.target_update}'"),
            (self.target_interval >= 1, f"target_interval must be at least 1 update, was {self.target_interval}"),
            (0.0 < self.tau <= 1.0, f"tau must be a fraction in (0, 1], was {self.tau}"),
            (0.0 <= self.average < 1.0, f"average must be a share in [0, 1), was {self.average}"),
            (self.gradient_clip > 0.0, f"gradient_clip must be a positive norm, was {self.gradient_clip}"),
        )
