"""Policies: what an agent has learned, without the learning. They act greedily, are saved and loaded.

On disk a policy is `policy.safetensors` and `policy.json`; loading runs no code that the files bring along. Knows no
algorithm: where the kinds of policies stand is written in the registry.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from trading_agent.common.checkpoint import contiguous
from trading_agent.common.registry import POLICIES, load
from trading_agent.common.weights import arrays_of, load_arrays

WEIGHTS, FACTS = "policy.safetensors", "policy.json"
Plans: TypeAlias = Mapping[
    str, Callable[[Mapping[str, Any]], Any]
]  # by its kind, how a plan is built from its settings


class Policy(Protocol):
    """A rule from observations to actions, without chance."""

    kind: str

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the best actions at (N, O) observations, (N,) or (N, A); of equally good ones the first."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return the plain values `from_saved` needs."""
        ...

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the arrays `from_saved` needs."""
        ...


class ConstantPolicy:
    """Always the same action: what a learned policy has to beat (kind `constant`).

    Args:
        action: a number of `Discrete`, or the values of a `Box`.
    """

    kind = "constant"

    def __init__(self, action: int | tuple[float, ...]) -> None:
        self.action = action

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return the action (N,) or (N, A) times."""
        if isinstance(self.action, int):
            return np.full(len(observations), self.action, dtype=np.int64)
        return np.tile(np.array(self.action, dtype=np.float32), (len(observations), 1))

    def settings(self) -> dict[str, Any]:
        """Return the action."""
        return {"action": self.action}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return nothing: there are no weights."""
        return {}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew."""
        action = settings["action"]
        return cls(action if isinstance(action, int) else tuple(action))


class ModulePolicy(ABC):
    """A policy that is one module of PyTorch.

    Args:
        network: decides; `network.settings` are the plain values that build it.

    Attributes:
        NETWORK: the class of such networks.
    """

    kind: str
    NETWORK: ClassVar[Callable[..., Any]]

    def __init__(self, network: Any) -> None:
        self.network = network

    @abstractmethod
    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N,) or (N, A) actions at (N, O) observations."""

    def settings(self) -> dict[str, Any]:
        """Return what builds the network."""
        return dict(self.network.settings)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        return arrays_of(self.network)

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew."""
        policy = cls.unset(settings, tensors)
        load_arrays(policy.network, tensors)
        return policy

    @classmethod
    def unset(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Return a policy of these sizes, whose weights are not set."""
        return cls(cls.NETWORK(**settings))


def save_policy(policy: Policy, folder: Path) -> None:
    """Write `policy` into an existing folder."""
    (folder / FACTS).unlink(missing_ok=True)  # whoever is cut off leaves no policy, and no mixture of two
    (folder / WEIGHTS).write_bytes(save(contiguous(policy.tensors())))
    facts = {"kind": policy.kind, "settings": policy.settings()}
    (folder / FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_policy(folder: str | Path, *, plans: Plans | None = None) -> Policy:
    """Read the policy that `save_policy` wrote.

    Args:
        folder: where.
        plans: how a plan is built anew, by its kind; none is needed but for a planner's policy.

    Raises:
        ValueError: the folder holds no policy, or one that does not fit together, or whose plan nobody builds.
    """
    try:
        place = Path(folder)
        facts = json.loads((place / FACTS).read_text(encoding="utf-8"))
        return restore_policy(facts["kind"], facts["settings"], load_file(place / WEIGHTS), plans=plans)
    except (OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError, RuntimeError) as fault:
        raise ValueError(f"folder must hold a policy written by save_policy, was '{folder}': {fault}") from fault


def restore_policy(
    kind: str, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], *, plans: Plans | None = None
) -> Policy:
    """Build a policy from what its `settings` and `tensors` returned.

    Raises:
        ValueError: the kind is not known, or that of its plan.
    """
    if kind not in POLICIES:
        raise ValueError(f"kind of policy must be one of {', '.join(POLICIES)}, was '{kind}'")
    if "plan" in settings:  # is saved by its kind: who knows the environment knows how it is planned
        build = (plans or {}).get(settings["plan"])
        if build is None:
            law = f"plan must be one of those handed to load_policy ({', '.join(plans or {}) or 'none'})"
            raise ValueError(f"{law}, was '{settings['plan']}'")
        settings = {**settings, "plan": build(settings["rules"])}
    policy: Policy = load(POLICIES[kind]).from_saved(settings, tensors)
    return policy
