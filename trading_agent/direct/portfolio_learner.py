"""What `direct` learns with where a market has features of each of several assets: docs/direct.md, "Several assets".

The bands of a window are read at once; then its accounts walk through it bar by bar, which is arithmetic alone.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from trading_agent.common.cross_section import ItemColumns
from trading_agent.common.policy import ConstantPolicy, Policy
from trading_agent.direct.learners import TAIL, DirectLearner
from trading_agent.direct.policy import PortfolioPolicy
from trading_agent.direct.portfolio import Bands, Caps, PortfolioNetwork

LEAST_WINDOWS = 16  # of an update: other bars are better lessons than other assets in the same ones
MOST_ASSETS = 64  # of a window: of more, as many are drawn for each update


class PortfolioLearner(DirectLearner):
    """Learns bands of exposures of several assets, with one network for all of them.

    An update learns from at least as many accounts of one asset each as `num_envs` says; steps are counted so, too.
    """

    network: PortfolioNetwork
    average: PortfolioNetwork

    def built(self, rules: Any, generator: torch.Generator) -> PortfolioNetwork:
        """Return a network within the caps of the rules."""
        block = self.asset_features
        self.columns = ItemColumns(block, self.features.shape[1] - block * self.num_assets)
        self.caps, config = caps_of(rules), self.config
        self.windows = min(config.num_envs, max(-(-config.num_envs // self.num_assets), LEAST_WINDOWS))
        return PortfolioNetwork(
            (block, self.columns.common),
            config.hidden_sizes,
            self.caps,
            config.cross_section,
            rules.rebalance == "on_change",
            generator,
        )

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the weights that read the features, and the others, which do not decay.

        Decay unlearns noise columns. Behind them it would only hold bands off the caps, where costs in proportion to
        what is traded want most of them.
        """
        readers = self.network.readers()
        own = {id(weight) for weight in readers}
        others = [weight for weight in self.network.parameters() if id(weight) not in own]
        return [{"params": readers}, {"params": others, "weight_decay": 0.0}]

    def grown(self, rows: Tensor, charged: float) -> Tensor:
        """Return the mean log growth a bar of accounts that first hold anything within the caps."""
        rows = rows[: self.windows]
        learned = rows.shape[1] - rows.shape[1] // TAIL
        assets, surrogate = self.drawn_assets(), self.surrogate
        surrogate = surrogate if assets is None else surrogate.of(assets)
        bands = self.bands(rows[:, :learned], assets)
        with torch.no_grad():  # there, what a position earns is cut off
            tail = self.bands(rows[:, learned:], assets)
        held = self.first_held(of_bar(bands, 0))
        last, total = held, torch.zeros(len(rows))
        for bar in range(rows.shape[1]):
            here = of_bar(bands, bar) if bar < learned else of_bar(tail, bar - learned)
            target = self.network.decide(here, held, last)
            growth, held, last = surrogate.bar(held, target, last, rows[:, bar], charged)
            total = total + growth
        return total.mean() / rows.shape[1]

    def drawn_assets(self) -> Tensor | None:
        """Return (A',) the assets that an update learns from; None for all."""
        if self.num_assets <= MOST_ASSETS:
            return None
        return torch.from_numpy(self.rng.choice(self.num_assets, MOST_ASSETS, replace=False))

    def bands(self, rows: Tensor, assets: Tensor | None) -> Bands:
        """Return bands (N, L, A) at (N, L) rows, of some assets or all."""
        items = self.columns.items(self.features[rows.flatten()], self.num_assets, assets)
        found = self.network(items, self.shown_of(items.features))
        low, high, available = (None if part is None else part.view(*rows.shape, -1) for part in found)
        assert low is not None
        assert high is not None
        return Bands(low, high, available)

    def shown_of(self, features: Tensor) -> Tensor | float:
        """Return a mask of dropout like (B, A, k - 1) features, 1 on the mean; 1 where nothing is learned from."""
        dropout = self.config.dropout
        if dropout == 0.0 or not torch.is_grad_enabled():
            return 1.0
        chance = self.rng.random(tuple(features.shape), dtype=np.float32)
        return torch.from_numpy(chance).ge(dropout).float().div_(1.0 - dropout)

    def first_held(self, bands: Bands) -> Tensor:
        """Return (N, A) exposures drawn evenly within each asset's cap, then shrunk to a gross drawn evenly."""
        caps, (count, num_assets) = self.caps, bands.low.shape
        least = 0.0 if caps.long_only else -caps.asset
        held = torch.from_numpy(self.rng.uniform(least, caps.asset, (count, num_assets))).float()
        gross = torch.from_numpy(self.rng.uniform(0.0, caps.gross, (count, 1))).float()
        if bands.available is not None:
            held = held * bands.available
        held = held * (gross / held.abs().sum(dim=1, keepdim=True).clamp_min(1e-12)).clamp_max(1.0)
        return self.network.capped(held, torch.zeros_like(held), bands.available)

    def policy(self) -> PortfolioPolicy:
        """Return the bands by the running average of the weights, which later updates go on moving."""
        return PortfolioPolicy(self.average)

    def constant_policies(self) -> list[Policy]:
        """Return nothing at all, and all assets alike: long, and short where that is allowed."""
        sides = (0.0, 1.0) if self.caps.long_only else (-1.0, 0.0, 1.0)
        return [ConstantPolicy((side,) * self.num_assets) for side in sides]


def of_bar(bands: Bands, bar: int) -> Bands:
    """Return the (N, A) bands of one bar of (N, L, A)."""
    available = None if bands.available is None else bands.available[:, bar]
    return Bands(bands.low[:, bar], bands.high[:, bar], available)


def caps_of(rules: Any) -> Caps:
    """Return the caps of `trading_env.TradingConfig`; a weight is at most 1, whatever the leverage."""
    asset = min(1.0, rules.leverage_cap, *([] if rules.asset_cap is None else [rules.asset_cap]))
    return Caps(float(asset), float(rules.leverage_cap), rules.net_cap, rules.actions == "long_weights")
