"""Policies: what an agent has learned, without the learning. They act greedily, are judged, saved and loaded.

On disk a policy is `policy.safetensors` and `policy.json`; loading runs no code that the files bring along.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from trading_agent.common.networks import ExposureNetwork, FeatureNetwork, LevelNetwork, QNetwork
from trading_agent.common.transitions import AnyVectorEnv, Walk
from trading_agent.planner.policy import PlannerPolicy
from trading_agent.policy_gradient.actor_critic import ActorPolicy

WEIGHTS, FACTS = "policy.safetensors", "policy.json"


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
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "ConstantPolicy":
        """Build it anew."""
        action = settings["action"]
        return cls(action if isinstance(action, int) else tuple(action))


class NetworkPolicy:
    """The action a `QNetwork` values most (kind `q_network`)."""

    kind = "q_network"

    def __init__(self, network: QNetwork) -> None:
        self.network = network

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) best actions at (N, O) observations."""
        return np.asarray(self.values(observations).argmax(axis=1))

    def values(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Return the (N, A) values of all actions, in units of reward."""
        with torch.no_grad():
            values: NDArray[np.float32] = self.network(torch.from_numpy(np.float32(observations))).numpy()
        return values

    def settings(self) -> dict[str, Any]:
        """Return the sizes of the network."""
        widths = [layer.in_features for layer in self.network.body if isinstance(layer, torch.nn.Linear)]
        head = self.network.head
        return {
            "num_observations": widths[0],
            "num_actions": self.network.num_actions,
            "hidden_sizes": [*widths[1:], head.in_features],
            "duelling": self.network.duelling,
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        return _copied(self.network)

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "NetworkPolicy":
        """Build it anew."""
        sizes = settings["num_observations"], settings["num_actions"], tuple(settings["hidden_sizes"])
        network = QNetwork(*sizes, duelling=settings.get("duelling", False))
        network.load_state_dict(_tensors(tensors))
        return cls(network)


class ExposurePolicy:
    """The exposures an `ExposureNetwork` decides (kind `exposure_network`).

    Observations are a row of features, the exposures held, and more that is not read.

    Args:
        network: decides.
    """

    kind = "exposure_network"

    def __init__(self, network: ExposureNetwork) -> None:
        self.network = network

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N, A) exposures at (N, O) observations."""
        num_features, num_assets, _ = self.network.sizes
        seen = torch.from_numpy(np.float32(observations))
        with torch.no_grad():
            hidden = self.network.read(seen[:, :num_features])
            return np.asarray(self.network.decide(hidden, seen[:, num_features : num_features + num_assets]).numpy())

    def settings(self) -> dict[str, Any]:
        """Return sizes and bounds."""
        num_features, num_assets, hidden_sizes = self.network.sizes
        return {
            "num_features": num_features,
            "num_assets": num_assets,
            "hidden_sizes": list(hidden_sizes),
            "bounds": list(self.network.bounds),
            "long_only": self.network.long_only,
            **_reading(self.network),
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        return _copied(self.network)

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "ExposurePolicy":
        """Build it anew."""
        low, high, cap = settings["bounds"]
        network = ExposureNetwork(
            settings["num_features"],
            settings["num_assets"],
            tuple(settings["hidden_sizes"]),
            (low, high, cap),
            long_only=settings["long_only"],
            context_length=settings.get("context_length", 1),
            lstm_units=settings.get("lstm_units", 0),
        )
        network.load_state_dict(_tensors(tensors))
        return cls(network)


class LevelPolicy:
    """The level a `LevelNetwork` finds likeliest, from the one that is held (kind `level_network`).

    Observations are a row of features, the exposures of A assets, their targets, and more that is not read.

    Args:
        network: decides.
        shares: (K,) target exposure of each asset at each level.
        num_assets: A.
    """

    kind = "level_network"

    def __init__(self, network: LevelNetwork, shares: tuple[float, ...], num_assets: int) -> None:
        self.network, self.shares, self.num_assets = network, shares, num_assets

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) numbers of the levels at (N, O) observations."""
        num_features = self.network.sizes[0]
        target = observations[:, num_features + self.num_assets]
        held = np.abs(target[:, None] - np.asarray(self.shares)).argmin(axis=1)
        with torch.no_grad():
            logits = self.network(torch.from_numpy(np.float32(observations[:, :num_features])))
        return np.asarray(logits[torch.arange(len(held)), torch.from_numpy(held)].argmax(dim=1).numpy())

    def settings(self) -> dict[str, Any]:
        """Return sizes and levels."""
        num_features, _, hidden_sizes = self.network.sizes
        return {
            "num_features": num_features,
            "num_assets": self.num_assets,
            "hidden_sizes": list(hidden_sizes),
            "shares": list(self.shares),
            **_reading(self.network),
        }

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the weights and scales."""
        return _copied(self.network)

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "LevelPolicy":
        """Build it anew."""
        shares = tuple(settings["shares"])
        network = LevelNetwork(
            settings["num_features"],
            len(shares),
            tuple(settings["hidden_sizes"]),
            context_length=settings.get("context_length", 1),
            lstm_units=settings.get("lstm_units", 0),
        )
        network.load_state_dict(_tensors(tensors))
        return cls(network, shares, settings["num_assets"])


def _reading(network: FeatureNetwork) -> dict[str, int]:
    return {"context_length": network.context_length, "lstm_units": 0 if network.lstm is None else network.width}


def _copied(network: torch.nn.Module) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def _tensors(saved: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array.copy()) for name, array in saved.items()}


class TablePolicy:
    """The action a table values most, at an observation cut into cells (kind `q_table`).

    Args:
        columns: the C observation columns that count.
        edges: per column the borders between its cells, increasing; a value on a border belongs above it.
        table: (cells of column 1, ..., cells of column C, A) values in units of reward.
    """

    kind = "q_table"

    def __init__(
        self, columns: tuple[int, ...], edges: tuple[NDArray[np.float64], ...], table: NDArray[np.float64]
    ) -> None:
        self.columns, self.edges, self.table = columns, edges, table

    def cells(self, observations: NDArray[np.floating[Any]]) -> tuple[NDArray[np.intp], ...]:
        """Return per column the (N,) cells of (N, O) observations: an index into `table`."""
        return tuple(
            np.searchsorted(edges, observations[:, column], side="right")
            for column, edges in zip(self.columns, self.edges, strict=True)
        )

    def values(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the (N, A) values of all actions, in units of reward."""
        return np.asarray(self.table[self.cells(observations)])

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) best actions at (N, O) observations."""
        return np.asarray(self.values(observations).argmax(axis=1))

    def settings(self) -> dict[str, Any]:
        """Return the columns."""
        return {"columns": list(self.columns)}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the borders and the table."""
        borders = {f"edges.{place}": edges.copy() for place, edges in enumerate(self.edges)}
        return {**borders, "table": self.table.copy()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> "TablePolicy":
        """Build it anew."""
        edges = tuple(tensors[f"edges.{place}"].copy() for place in range(len(settings["columns"])))
        return cls(tuple(settings["columns"]), edges, tensors["table"].copy())


AnyPolicy: TypeAlias = (
    ConstantPolicy | NetworkPolicy | ExposurePolicy | LevelPolicy | TablePolicy | ActorPolicy | PlannerPolicy
)
KINDS: dict[str, type[AnyPolicy]] = {
    policy.kind: policy
    for policy in (ConstantPolicy, NetworkPolicy, ExposurePolicy, LevelPolicy, TablePolicy, ActorPolicy, PlannerPolicy)
}


def evaluate(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0, standard_errors: float = 0.0) -> float:
    """Return the mean return (sum of rewards, not discounted) of `policy` over `episodes` whole episodes.

    The episodes are shared out to the N environments beforehand, so that short ones are not counted more often.

    Args:
        policy: what acts.
        env: where; reset with `seed`, so that policies judged after one another meet the same episodes.
        episodes: how many, at least 1.
        seed: of the reset.
        standard_errors: how many standard errors of the mean return to subtract, treating the rewards of single steps
            as independent: s sqrt(n) / episodes for n steps with standard deviation s. With 0 it is the mean return;
            with more it is a cautious score, exactly the mean return only for a policy whose rewards do not vary.

    Raises:
        ValueError: `episodes` is below 1.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, was {episodes}")
    walk = Walk(env, seed=seed)
    left = (episodes + np.arange(env.num_envs)) // env.num_envs
    rewards = []
    while left.any():
        moved = walk.advance(policy.act(walk.observations))
        rewards.append(moved.rewards[left[moved.envs] > 0].astype(np.float64))
        left[moved.envs] -= (moved.terminated | moved.truncated) & (left[moved.envs] > 0)
    steps = np.concatenate(rewards)
    return float(steps.sum() - standard_errors * np.sqrt(len(steps)) * steps.std()) / episodes


def episode_returns(policy: Policy, env: AnyVectorEnv, episodes: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return the (episodes,) returns of whole episodes, shared out to the N environments beforehand as in `evaluate`.

    Raises:
        ValueError: `episodes` is below 1.
    """
    if episodes < 1:
        raise ValueError(f"episodes must be at least 1, was {episodes}")
    walk = Walk(env, seed=seed)
    left = (episodes + np.arange(env.num_envs)) // env.num_envs
    running, earned = np.zeros(env.num_envs), []
    while left.any():
        moved = walk.advance(policy.act(walk.observations))
        running[moved.envs] += moved.rewards
        ended = moved.envs[moved.terminated | moved.truncated]
        earned.extend(running[ended[left[ended] > 0]].tolist())
        left[ended] -= left[ended] > 0
        running[ended] = 0.0
    return np.array(earned)


def save_policy(policy: Policy, folder: Path) -> None:
    """Write `policy` into an existing folder."""
    (folder / WEIGHTS).write_bytes(save(policy.tensors()))
    facts = {"kind": policy.kind, "settings": policy.settings()}
    (folder / FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_policy(folder: Path) -> Policy:
    """Read the policy that `save_policy` wrote.

    Raises:
        ValueError: the folder holds no policy, or one that does not fit together.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return restore_policy(facts["kind"], facts["settings"], load_file(folder / WEIGHTS))
    except (OSError, KeyError, TypeError, json.JSONDecodeError, SafetensorError, RuntimeError) as fault:
        raise ValueError(f"folder must hold a policy written by save_policy, was '{folder}': {fault}") from fault


def restore_policy(kind: str, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Policy:
    """Build a policy from what its `settings` and `tensors` returned.

    Raises:
        ValueError: the kind is not known.
    """
    if kind == "sb3":  # known to few, and slow to load
        from trading_agent.sb3.train import StableBaselinesPolicy

        return StableBaselinesPolicy.from_saved(settings, tensors)
    if kind not in KINDS:
        raise ValueError(f"kind of policy must be one of {', '.join(KINDS)}, was '{kind}'")
    return KINDS[kind].from_saved(settings, tensors)
