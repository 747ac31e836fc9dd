"""The settings of the agents: plain frozen dataclasses that refuse what cannot work. Imports no torch."""

from dataclasses import dataclass
from typing import Literal


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


def _common_laws(steps: int, num_envs: int, discount: float, validate_every: int) -> tuple[tuple[bool, str], ...]:
    return (
        (steps >= 2, f"steps must be at least 2 env steps, was {steps}"),
        (num_envs >= 1, f"num_envs must be at least 1 environment, was {num_envs}"),
        (0.0 <= discount < 1.0, f"discount must be in [0, 1), was {discount}"),
        (validate_every >= 1, f"validate_every must be at least 1 env step, was {validate_every}"),
    )
