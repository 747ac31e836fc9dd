"""Who does tasks, as a request says it. Light, as the schema that holds it; must not know who they are."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import require


@dataclass(frozen=True, kw_only=True)
class ExecutorConfig:
    """Who does what a command splits into tasks: folds and seeds of a walk forward, trials, runs of a sweep.

    Attributes:
        kind: `local`, processes of this machine; `ray`, a cluster (extra `scale`).
        address: host:port of the head of a cluster that this machine is part of; null: the one that runs here.
    """

    kind: Literal["local", "ray"] = "local"
    address: (
        Annotated[
            str,
            Field(
                pattern=r"^(\[[0-9a-fA-F:]+\]|[^\s/:\[\]]+):\d{1,5}$",
                description="host:port of the head of a cluster of Ray, such as 10.0.0.1:6379",
            ),
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        require(
            (
                self.kind == "ray" or self.address is None,
                f"address is read by executor=ray alone, was {self.address} with executor=local; add executor=ray",
            )
        )
