"""Settings of the task. Light: no pandas."""

from typing import Literal

from pydantic.dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WatchConfig:
    """Prices are watched: forecast and scored, and nobody acts on them."""

    kind: Literal["watch"] = "watch"
