"""The policies of `direct`: they read what is held out of the observation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trading_agent.common.networks import arrays, tensors_of
from trading_agent.direct.networks import ExposureNetwork, FeatureNetwork, LevelNetwork


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
        return arrays(self.network)

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
        network.load_state_dict(tensors_of(tensors))
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
        return arrays(self.network)

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
        network.load_state_dict(tensors_of(tensors))
        return cls(network, shares, settings["num_assets"])


def _reading(network: FeatureNetwork) -> dict[str, int]:
    return {"context_length": network.context_length, "lstm_units": 0 if network.lstm is None else network.width}
