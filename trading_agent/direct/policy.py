"""The policies of `direct`: they read what is held out of the observation."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from trading_agent.common.policy import ModulePolicy
from trading_agent.direct.networks import ExposureNetwork, LevelNetwork
from trading_agent.direct.portfolio import PortfolioNetwork


class ExposurePolicy(ModulePolicy):
    """The exposures an `ExposureNetwork` decides (kind `exposure_network`).

    Observations are a row of features, the exposures held, and more that is not read.
    """

    kind = "exposure_network"
    network: ExposureNetwork
    NETWORK = ExposureNetwork

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N, A) exposures at (N, O) observations."""
        rows, count = torch.from_numpy(np.float32(observations)), self.network.num_features
        with torch.no_grad():
            hidden = self.network.read(rows[:, :count])
            return np.asarray(self.network.decide(hidden, rows[:, count : count + self.network.num_assets]).numpy())


class LevelPolicy(ModulePolicy):
    """The level a `LevelNetwork` finds likeliest, from the one that is held (kind `level_network`).

    Observations are a row of features, the exposures of A assets, their targets, and more that is not read.

    Args:
        network: decides.
        shares: (K,) target exposure of each asset at each level.
        num_assets: A.
    """

    kind = "level_network"
    network: LevelNetwork

    def __init__(self, network: LevelNetwork, shares: tuple[float, ...], num_assets: int) -> None:
        super().__init__(network)
        self.shares, self.num_assets = shares, num_assets

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) numbers of the levels at (N, O) observations."""
        count = self.network.num_features
        target = observations[:, count + self.num_assets]
        held = np.abs(target[:, None] - np.asarray(self.shares)).argmin(axis=1)
        with torch.no_grad():
            logits = self.network(torch.from_numpy(np.float32(observations[:, :count])))
        return np.asarray(logits[torch.arange(len(held)), torch.from_numpy(held)].argmax(dim=1).numpy())

    def settings(self) -> dict[str, Any]:
        """Return sizes and levels."""
        return {**super().settings(), "num_assets": self.num_assets, "shares": list(self.shares)}

    @classmethod
    def unset(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Return a policy of these sizes and levels, whose weights are not set."""
        sizes = {name: value for name, value in settings.items() if name not in ("shares", "num_assets")}
        shares = tuple(settings["shares"])
        return cls(LevelNetwork(num_levels=len(shares), **sizes), shares, settings["num_assets"])


class PortfolioPolicy(ModulePolicy):
    """The exposures that the bands of a `PortfolioNetwork` ask for (kind `portfolio_network`).

    Observations are a row of features, the exposures of A assets, the targets traded on last, and one column that is
    not read; A is told by their number.
    """

    kind = "portfolio_network"
    network: PortfolioNetwork
    NETWORK = PortfolioNetwork

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Return (N, A) exposures at (N, O) observations.

        Raises:
            ValueError: no number of assets has O columns.
        """
        columns, rows = self.network.columns, torch.from_numpy(np.float32(observations))
        count = columns.count(rows.shape[1])
        with torch.no_grad():
            held, last = columns.own(rows, count).unbind(dim=1)
            return np.asarray(self.network.decide(self.network(columns.items(rows, count)), held, last).numpy())
