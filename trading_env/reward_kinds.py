"""Rewards by name, ours and others': where each stands, loaded when asked for.

Must stay light: no NumPy, so that a configuration is read at once. Must not know where other people's come from.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

Home = str | Callable[..., Any]  # "module:name", or the thing itself

OWN = {
    "log_growth": "trading_env.account.rewards:LogGrowth",
    "drawdown": "trading_env.account.rewards:DrawdownPenalty",
    "variance": "trading_env.account.rewards:VariancePenalty",
    "differential_sharpe": "trading_env.account.rewards:DifferentialSharpe",
    "benchmark": "trading_env.account.rewards:BenchmarkGrowth",
}
REWARDS: dict[str, Home] = dict(OWN)


def register_reward(name: str, home: Home) -> None:
    """Let `RewardConfig.kind` be `name`; a later one of the same name takes its place.

    Args:
        name: one that is not ours.
        home: a `trading_env.account.rewards.Reward`, or "module:name" of one.

    Raises:
        ValueError: the name is one of ours.
    """
    if name in OWN:
        raise ValueError(f"reward '{name}' is one of ours; take another name")
    REWARDS[name] = home


def reward_class(name: str) -> Callable[..., Any]:
    """Return the `trading_env.account.rewards.Reward` of a name."""
    home = REWARDS[name]
    if callable(home):
        return home
    module, _, attribute = home.partition(":")
    reward: Callable[..., Any] = getattr(import_module(module), attribute)
    return reward


def _known(name: str) -> str:
    if name not in REWARDS:
        words = {"names": ", ".join(REWARDS), "expected": "', '".join(REWARDS)}
        raise PydanticCustomError("kind", "must be one of {names}", words)
    return name


RewardKind = Annotated[str, AfterValidator(_known)]
