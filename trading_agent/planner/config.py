"""The settings of `train_planner`. Imports no torch."""

from dataclasses import dataclass
from typing import Literal

from trading_agent.common.config import _common_laws, _refuse


@dataclass(frozen=True, kw_only=True)
class PlannerConfig:
    """Settings of `train_planner`. A step is a past decision learned from: a day of a storage unit, a bar of a trader.

    Attributes:
        steps: decisions learned from, all passes together.
        kind: `planner`.
        num_envs: decisions an update learns from.
        forecasts: names of the forecasts that are mixed, such as `network`; none: all that an observation holds.
        learning_rate: how far an update of average size moves the weights of the mix, at the start; it falls to
            nothing on a straight line. 0: the plain mean is planned on, and nothing is learned.
        validate_every: steps between two validations (and checkpoints).
    """

    steps: int
    kind: Literal["planner"] = "planner"
    num_envs: int = 16
    forecasts: tuple[str, ...] = ()
    learning_rate: float = 5e-3
    validate_every: int = 2000

    def __post_init__(self) -> None:
        _refuse(
            *_common_laws(self.steps, self.num_envs, 0.0, self.validate_every),
            (
                len(set(self.forecasts)) == len(self.forecasts),
                f"forecasts must name each forecast once, was {list(self.forecasts)}",
            ),
            (self.learning_rate >= 0.0, f"learning_rate must be at least 0, was {self.learning_rate}"),
        )
