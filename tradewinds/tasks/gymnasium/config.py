"""What an agent trains on where there is no market: any environment of Gymnasium. Light: imports no Gymnasium."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass


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
    id: Annotated[str, Field(min_length=1, description="the name of an environment of Gymnasium, such as CartPole-v1")]
    validation_episodes: Annotated[int, Field(ge=1, description="episodes")]
    episodes: Annotated[int, Field(ge=2, description="episodes")]
