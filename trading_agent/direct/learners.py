"""What `direct` learns with: a network, an optimiser, and the gradient of what windows of bars earn: docs/direct.md.

One learner per kind of action. Levels: the growth of a chain of levels is a sum over all chains, weighted by how likely
the policy makes them; it is known without drawing any. Exposures and weights: the gradient runs through the holdings.
"""

import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trading_agent.common.config import raise_all
from trading_agent.common.loop import Learner, Metrics, Seeds
from trading_agent.common.policy import ConstantPolicy, Policy
from trading_agent.common.weights import TorchState, follow, set_learning_rate
from trading_agent.direct.config import DirectConfig, refuse_bars
from trading_agent.direct.ledger_gradient import Surrogate
from trading_agent.direct.networks import ExposureNetwork, LevelNetwork
from trading_agent.direct.policy import ExposurePolicy, LevelPolicy

FREE = 0.2  # share of the training over which costs rise from nothing to what they are
AVERAGE = 0.98  # share of the old weights that the running average keeps at an update
TAIL = 4  # one in so many bars of a window is played but not learned from: there, what a position earns is cut off


class DirectLearner(TorchState, Learner):
    """A network, its optimiser, and a step up what it earns.

    Args:
        env: a vector environment whose `simulator` has a market and rules; not stepped.
        config: the settings.
        seeds: of the weights, and what draws windows and first holdings.
        initial: first scales and weights of the LSTM, as `FeatureNetwork.start_from` takes them; None draws them.

    Raises:
        ValueError: the rules ask for something that has no gradient, the market is shorter than a window, or its
            columns are not those of so many bars.
    """

    NETWORKS = ("network", "average")
    VALUES = ("updates", "growth")
    network: Any  # of the kind of actions
    average: Any

    def __init__(
        self,
        env: Any,
        config: DirectConfig,
        seeds: Seeds,
        initial: Mapping[str, NDArray[np.float32]] | None = None,
    ) -> None:
        market, rules = env.simulator.market, env.simulator.config
        self.env, self.config, self.rng, self.parts = env, config, seeds.rng, {"learner": self}
        self.stride, self.surrogate = config.num_envs * config.window_bars, Surrogate(market, rules)
        self.features = torch.from_numpy(market.features)  # (T, F)
        self.num_assets, self.num_rows = market.close.shape[1], len(market.close) - 1
        self.asset_features = market.asset_features
        raise_all(refuse_bars(config, len(market.close)))
        if self.features.shape[1] % config.context_length:
            raise ValueError(
                f"context_length must divide the {self.features.shape[1]} columns of an observation's features, the "
                f"same of so many bars, was {config.context_length}"
            )
        self.network = self.built(rules, torch.Generator().manual_seed(seeds.network))
        self.network.fit_scales(self.features)
        if initial is not None:
            self.network.start_from({name: torch.from_numpy(array) for name, array in initial.items()})
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        typical_move = np.log(market.growth()[1:]).std()
        self.scale = 1.0 / max(float(typical_move), 1e-12)  # the loss is in units of one bar's typical move
        self.optimiser = torch.optim.AdamW(
            self.parameter_groups(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.updates, self.growth = 0, 0.0

    @abstractmethod
    def built(self, rules: Any, generator: torch.Generator) -> Any:
        """Return a fresh network for what `rules` allow."""

    @abstractmethod
    def grown(self, rows: Tensor, charged: float) -> Tensor:
        """Return the mean log growth a bar of windows of `rows` (N, L), `charged` being the share of costs charged."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the weights, with what AdamW does otherwise than the settings say for some of them."""
        return [{"params": list(self.network.parameters())}]

    def undecided(self) -> Tensor:
        """Return how far the policy that `grown` saw last is from being sure, in nats; 0 where it draws nothing."""
        return torch.zeros(())

    @abstractmethod
    def constant_policies(self) -> list[Policy]:
        """Return what any learning has to beat."""

    def baselines(self) -> Iterator[tuple[Policy, Metrics]]:
        """Yield constant positions."""
        return ((policy, {}) for policy in self.constant_policies())

    def learn(self, done: int) -> Metrics:
        """Take one step up the mean log growth of `num_envs` windows."""
        config, progress = self.config, done / self.config.steps
        set_learning_rate(self.optimiser, config.learning_rate * (1.0 - 0.9 * progress))
        starts = torch.from_numpy(self.rng.integers(0, self.num_rows - config.window_bars, config.num_envs))
        growth = self.grown(starts[:, None] + torch.arange(config.window_bars), min(1.0, progress / FREE))
        entropy_bonus = config.entropy_weight * (1.0 - progress) * self.undecided()
        self.optimiser.zero_grad()
        (-self.scale * growth - entropy_bonus).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_clip)
        self.optimiser.step()
        self.updates, self.growth = self.updates + 1, growth.item()
        share = 1.0 - min(AVERAGE, self.updates / (self.updates + 9.0))  # at first the average forgets its random start
        follow(list(self.average.parameters()), list(self.network.parameters()), share)
        return {"growth_per_bar": self.growth}

    def shown(self, count: int) -> Tensor | float:
        """Return a mask of dropout (count, F), 1 on the mean; nothing is hidden where nothing is learned from."""
        dropout = self.config.dropout
        if dropout == 0.0 or not torch.is_grad_enabled():
            return 1.0
        chance = self.rng.random((count, len(self.network.feature_mean)), dtype=np.float32)
        return torch.from_numpy(chance).ge(dropout).float().div_(1.0 - dropout)


class LevelLearner(DirectLearner):
    """Learns how likely each level is wanted, for each that may be held."""

    network: LevelNetwork
    average: LevelNetwork

    def built(self, rules: Any, generator: torch.Generator) -> LevelNetwork:
        """Return a network over the levels, and tabulate what every change of level earns and costs."""
        self.shares = tuple(float(level) / self.num_assets for level in rules.exposures)
        self.free, self.charged = (self.surrogate.table(self.shares, self.num_assets, share) for share in (0.0, 1.0))
        return LevelNetwork(
            self.features.shape[1],
            len(self.shares),
            self.config.hidden_sizes,
            generator,
            context_length=self.config.context_length,
            lstm_units=self.config.lstm_units,
        )

    def grown(self, rows: Tensor, charged: float) -> Tensor:
        """Return the mean log growth a bar, expected over the chains of levels and evenly over the first one held."""
        reward = self.charged[rows]  # (N, L, K held, K wanted)
        if charged < 1.0:
            reward = torch.lerp(self.free[rows], reward, charged)
        learned = rows.shape[1] - rows.shape[1] // TAIL
        with torch.no_grad():
            last = self.logits(rows[:, learned:]).softmax(dim=-1)
            worth = worth_of(last, reward[:, learned:], torch.zeros(len(rows), len(self.shares)))
        logits = self.logits(rows[:, :learned])
        chances = logits.softmax(dim=-1)
        self.entropy = -(chances * logits.log_softmax(dim=-1)).sum(dim=-1).mean()
        return worth_of(chances, reward[:, :learned], worth).mean() / rows.shape[1]

    def undecided(self) -> Tensor:
        """Return the entropy of the chances that `grown` saw, in nats."""
        return self.entropy

    def logits(self, rows: Tensor) -> Tensor:
        """Return (N, L, K held, K wanted) logits at `rows` (N, L)."""
        features = self.features[rows.flatten()]
        logits: Tensor = self.network(features, self.shown(len(features)))
        return logits.view(*rows.shape, len(self.shares), len(self.shares))

    def policy(self) -> LevelPolicy:
        """Return the likeliest level by the running average of the weights, which later updates go on moving."""
        return LevelPolicy(self.average, self.shares, self.num_assets)

    def constant_policies(self) -> list[Policy]:
        """Return every level."""
        return [ConstantPolicy(action) for action in range(len(self.shares))]


class ExposureLearner(DirectLearner):
    """Learns exposures, or weights of several assets, from the features and what is held."""

    network: ExposureNetwork
    average: ExposureNetwork

    def built(self, rules: Any, generator: torch.Generator) -> ExposureNetwork:
        """Return a network within the bounds of the rules."""
        self.low, self.high, long_only = bounds(rules)
        return ExposureNetwork(
            self.features.shape[1],
            self.num_assets,
            self.config.hidden_sizes,
            (self.low, self.high, rules.leverage_cap),
            generator,
            long_only=long_only,
            context_length=self.config.context_length,
            lstm_units=self.config.lstm_units,
        )

    def grown(self, rows: Tensor, charged: float) -> Tensor:
        """Return the mean log growth a bar of accounts that first hold something drawn evenly from the range."""
        held = torch.from_numpy(self.rng.uniform(self.low, self.high, (len(rows), self.num_assets))).float()
        features = self.features[rows.flatten()]
        hidden = self.network.read(features, self.shown(len(features))).view(*rows.shape, -1)  # (N, L, D)
        last, total = held, torch.zeros(len(rows))
        for bar in range(rows.shape[1]):
            target = self.network.decide(hidden[:, bar], held)
            growth, held, last = self.surrogate.bar(held, target, last, rows[:, bar], charged)
            total = total + growth
        return total.mean() / rows.shape[1]

    def policy(self) -> ExposurePolicy:
        """Return the exposures by the running average of the weights, which later updates go on moving."""
        return ExposurePolicy(self.average)

    def constant_policies(self) -> list[Policy]:
        """Return the ends of the range, and nothing at all."""
        inside = sorted(value for value in {self.low, 0.0, self.high} if self.low <= value <= self.high)
        return [ConstantPolicy((value,) * self.num_assets) for value in inside]


def worth_of(chances: Tensor, reward: Tensor, worth: Tensor) -> Tensor:
    """Return (N, K), the log growth to expect from each level held at the first of L bars.

    Bellman's equation along bars whose prices are known: W[t](k) = sum over a of P[t](a | k) (r[t](k, a) + W[t+1](a)).

    Args:
        chances: (N, L, K, K), P[t](a | k).
        reward: (N, L, K, K), r[t](k, a), log growth.
        worth: (N, K), W after the last bar.
    """
    for bar in reversed(range(reward.shape[1])):
        worth = (chances[:, bar] * (reward[:, bar] + worth[:, None, :])).sum(dim=2)
    return worth


def bounds(rules: Any) -> tuple[float, float, bool]:
    """Return the least and the greatest exposure of an asset, and whether weights are long only."""
    if rules.actions == "exposure":
        return min(rules.exposures), max(rules.exposures), False
    long_only = rules.actions == "long_weights"
    return (0.0 if long_only else -1.0), 1.0, long_only
