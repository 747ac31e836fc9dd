"""What an agent trains on where there is no market: any environment of Gymnasium. Light: imports no Gymnasium."""

from dataclasses import dataclass
from typing import Literal

from tradewinds.request.validate import require


@dataclass(frozen=True, kw_only=True)
class GymnasiumConfig:
    """An environment of Gymnasium, by its name.

    Attributes:
        kind: `gymnasium`.
        id: as `gymnasium.make` knows it: CartPole-v1, Acrobot-v1, Pendulum-v1, or module:Name-v0 of your own.
        validation_episodes: greedy episodes behind each validation, at least 1.
        episodes: greedy episodes the policy that was kept is judged on, at least 2; none of them selected it.
    """

    kind: Literal["gymnasium"] = "gymnasium"
    id: str
    validation_episodes: int
    episodes: int

    def __post_init__(self) -> None:
        require(
            (bool(self.id), "id must name an environment of Gymnasium, such as CartPole-v1, was empty"),
            (
                self.validation_episodes >= 1,
                f"validation_episodes must be at least 1, was {self.validation_episodes}",
            ),
            (self.episodes >= 2, f"episodes must be at least 2, was {self.episodes}"),
        )
