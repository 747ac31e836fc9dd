"""What an agent trains on where there is no market: any environment of Gymnasium. Light: imports no Gymnasium."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass


def _wrapper(entry: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
    named = isinstance(entry, str) or (len(entry) == 1 and all(isinstance(part, Mapping) for part in entry.values()))
    if not named:
        raise ValueError(
            "must be a name, or a mapping of one name to its arguments such as {ClipReward: {max_reward: 1}}"
        )
    return entry


@dataclass(frozen=True, kw_only=True)
class GymnasiumConfig:
    """An environment of Gymnasium, by its name.

    Attributes:
        kind: `gymnasium`.
        id: as `gymnasium.make` knows it: CartPole-v1, Acrobot-v1, Pendulum-v1; or module:Name-v0 of your own, which
            that module registers, or module:Class. The module is looked for in the present folder, too.
        kwargs: arguments the environment is made with, by name, such as {gravity: 5.0}.
        wrappers: what is put around it, the innermost first: names of `gymnasium.wrappers`, or module:Class of your
            own (module.Class is the same); with arguments as a mapping of the name to them.
        max_episode_steps: steps after which an episode is cut, where the environment names no limit of its own
            (kwargs.max_episode_steps changes that one); of training, validation and judgement alike.
        validation_episodes: greedy episodes behind each validation, at least 1.
        episodes: greedy episodes the policy that was kept is judged on, at least 2; none of them selected it.
    """

    kind: Literal["gymnasium"] = "gymnasium"
    id: Annotated[str, Field(min_length=1, description="the name of an environment of Gymnasium, such as CartPole-v1")]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[Annotated[str | Mapping[str, Any], AfterValidator(_wrapper)], ...] = ()
    max_episode_steps: Annotated[int, Field(ge=1, description="steps")] = 1_000
    validation_episodes: Annotated[int, Field(ge=1, description="episodes")]
    episodes: Annotated[int, Field(ge=2, description="episodes")]
