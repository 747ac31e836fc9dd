"""The settings of the agents: plain frozen dataclasses that refuse what cannot work. Imports no torch."""

from dataclasses import dataclass
from typing import Literal

MAX_CELLS = 1_000_000  # discretised states a Q-table may have


def _refuse(*laws: tuple[bool, str]) -> None:
    """Raise one ValueError that names every law which does not hold."""
    faults = [message for holds, message in laws if not holds]
    if faults:
        raise ValueError("; ".join(faults))


@dataclass(frozen=True, kw_only=True)
class ExplorationConfig:
    """How the learner tries what it does not believe best; the rate falls on a straight line, then stays.

    Attributes:
        kind: `epsilon_greedy` acts at random with probability epsilon; `boltzmann` draws actions in proportion to
            exp(Q / temperature).
        start: epsilon, or the temperature, at step 0. Epsilon lies in [0, 1]; the temperature is positive and in units
            of the typical reward (its root mean square under random play).
        end: the same at the end of the decay.
        fraction: share of all steps over which `start` becomes `end`, in (0, 1].
    """

    kind: Literal["epsilon_greedy", "boltzmann"] = "epsilon_greedy"
    start: float = 1.0
    end: float = 0.05
    fraction: float = 0.5

    def __post_init__(self) -> None:
        greedy = self.kind == "epsilon_greedy"
        law = "a probability in [0, 1]" if greedy else "a positive temperature"

        def fits(rate: float) -> bool:
            return 0.0 <= rate <= 1.0 if greedy else rate > 0.0

        _refuse(
            (
                self.kind in ("epsilon_greedy", "boltzmann"),
                f"kind must be epsilon_greedy or boltzmann, was '{self.kind}'",
            ),
            (fits(self.start), f"start must be {law}, was {self.start}"),
            (fits(self.end), f"end must be {law}, was {self.end}"),
            (0.0 < self.fraction <= 1.0, f"fraction must be a share of the steps in (0, 1], was {self.fraction}"),
        )


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
    exploration: ExplorationConfig = ExplorationConfig()
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


@dataclass(frozen=True, kw_only=True)
class DirectConfig:
    """Settings of `train_direct`. An env step is one bar of one account.

    Attributes:
        steps: env steps to learn from.
        kind: `direct`.
        num_envs: windows an update learns from.
        window_bars: bars of a window, through which the gradient runs.
        hidden_sizes: units of each hidden layer.
        context_length: bars whose features an observation shows, the newest first; more than one is for an LSTM.
        lstm_units: units of an LSTM that reads those bars before the hidden layers do; 0 is none.
        start: first weights of the LSTM: `random`, or those of a `forecaster` that reads the same features.
        learning_rate: AdamW's step at the start; it falls to a tenth on a straight line.
        weight_decay: of AdamW.
        entropy_weight: worth of a nat of the entropy of levels, in typical moves of a bar, at the start; it falls to 0
            on a straight line. Without it a policy may be sure before it is right, and then learns no more.
        dropout: share of the features that are hidden from each update, at random, in [0, 1).
        gradient_clip: largest L2 norm of one update's gradient.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: int
    kind: Literal["direct"] = "direct"
    num_envs: int = 128
    window_bars: int = 32
    hidden_sizes: tuple[int, ...] = (64, 64)
    context_length: int = 1
    lstm_units: int = 0
    start: Literal["random", "forecaster"] = "random"
    learning_rate: float = 3e-3
    weight_decay: float = 1.0
    entropy_weight: float = 0.1
    dropout: float = 0.15
    gradient_clip: float = 1.0
    validate_every: int = 250_000

    def __post_init__(self) -> None:
        _refuse(
            *_common_laws(self.steps, self.num_envs, 0.0, self.validate_every),
            (self.window_bars >= 2, f"window_bars must be at least 2 bars, was {self.window_bars}"),
            (self.context_length >= 1, f"context_length must be at least 1 bar, was {self.context_length}"),
            (self.lstm_units >= 0, f"lstm_units must be at least 0, was {self.lstm_units}"),
            (self.start in ("random", "forecaster"), f"start must be random or forecaster, was '{self.start}'"),
            (
                self.start == "random" or self.lstm_units > 0,
                f"lstm_units must be those of the forecaster with start=forecaster, was {self.lstm_units}",
            ),
            (
                len(self.hidden_sizes) > 0 and min(self.hidden_sizes, default=0) >= 1,
                f"hidden_sizes must name at least one layer of at least 1 unit, was {self.hidden_sizes}",
            ),
            (self.learning_rate > 0.0, f"learning_rate must be positive, was {self.learning_rate}"),
            (self.weight_decay >= 0.0, f"weight_decay must be at least 0, was {self.weight_decay}"),
            (self.entropy_weight >= 0.0, f"entropy_weight must be at least 0, was {self.entropy_weight}"),
            (0.0 <= self.dropout < 1.0, f"dropout must be a share in [0, 1), was {self.dropout}"),
            (self.gradient_clip > 0.0, f"gradient_clip must be a positive norm, was {self.gradient_clip}"),
        )


@dataclass(frozen=True, kw_only=True)
class QLearningConfig:
    """Settings of `train_q_learning`. "Env steps" count every environment.

    Attributes:
        steps: env steps to learn for, those of random play at the start included.
        columns: the observation columns the table is indexed by; -1 is the last.
        kind: `q_learning`.
        num_envs: environments stepped at once; that of the env handed to `train_q_learning`.
        bins: cells per column, of equal share under random play; a column with no more values than that gets one
            cell per value.
        learning_rate: smallest step toward a target, in (0, 1]; the n-th visit of a cell moves it by
            max(learning_rate, n^-0.7).
        discount: weight of a reward one step later, in [0, 1).
        learning_starts: env steps of random play that the cells are fitted on.
        exploration: how actions are tried.
        validate_every: env steps between two validations (and checkpoints).
    """

    steps: int
    columns: tuple[int, ...]
    kind: Literal["q_learning"] = "q_learning"
    num_envs: int = 8
    bins: int = 5
    learning_rate: float = 1e-3
    discount: float = 0.99
    learning_starts: int = 1_000
    exploration: ExplorationConfig = ExplorationConfig()
    validate_every: int = 5_000

    def __post_init__(self) -> None:
        cells = max(self.bins, 1) ** len(self.columns)
        _refuse(
            *_common_laws(self.steps, self.num_envs, self.discount, self.validate_every),
            (
                len(self.columns) > 0 and len(set(self.columns)) == len(self.columns),
                f"columns must name at least one observation column, each once, was {self.columns}",
            ),
            (self.bins >= 2, f"bins must be at least 2 cells per column, was {self.bins}"),
            (
                cells <= MAX_CELLS,
                f"bins must keep bins^columns within {MAX_CELLS:,} cells, was {self.bins}^{len(self.columns)}",
            ),
            (0.0 < self.learning_rate <= 1.0, f"learning_rate must be in (0, 1], was {self.learning_rate}"),
            (
                self.learning_starts >= 1 and (self.steps < 2 or self.learning_starts < self.steps),
                f"learning_starts must be at least 1 and fewer than the {self.steps} steps, was {self.learning_starts}",
            ),
        )


def _common_laws(steps: int, num_envs: int, discount: float, validate_every: int) -> tuple[tuple[bool, str], ...]:
    return (
        (steps >= 2, f"steps must be at least 2 env steps, was {steps}"),
        (num_envs >= 1, f"num_envs must be at least 1 environment, was {num_envs}"),
        (0.0 <= discount < 1.0, f"discount must be in [0, 1), was {discount}"),
        (validate_every >= 1, f"validate_every must be at least 1 env step, was {validate_every}"),
    )
