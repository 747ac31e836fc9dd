"""The settings of `train_q_learning`. Imports no torch."""

from dataclasses import dataclass, field
from typing import Literal

from trading_agent.common.config import ExplorationConfig, _common_laws, _refuse

MAX_CELLS = 1_000_000  # discretised states a Q-table may have


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
    exploration: ExplorationConfig = field(default_factory=ExplorationConfig)
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
