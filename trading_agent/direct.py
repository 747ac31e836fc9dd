"""Direct reinforcement: the gradient of what a policy earns, through the ledger itself (Moody and Saffell 2001).

Market data are exogenous: what an account does moves its own money and nothing else, and the ledger's law has a
derivative. So no value is learned and no reward sampled: the mean log growth of equity over windows of bars is
differentiated with respect to the weights. Page: docs/direct.md. Departures from the paper (IEEE Transactions on Neural
Networks 12(4), section II):

 1. Log growth of equity under the ledger's costs, instead of the differential Sharpe ratio of additive profits.
 2. A multilayer perceptron on a row of features and the exposure held, instead of one neuron.
 3. Batches of windows from random bars and random holdings, by Adam, instead of one pass through time bar by bar; the
    gradient runs back to the start of the window (backpropagation through time), not one step.
 4. Where the environment offers levels, the policy learns exposures between them and acts by the nearest level.
 5. Costs rise over the first fifth of the training: never to trade is a local optimum that few leave.
 6. What acts is a running average of the weights, which the noise of single updates moves less.
 7. The policy returned is the one validated best, constant positions among the candidates.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray
from torch import Tensor

from trading_agent.config import DirectConfig
from trading_agent.networks import ExposureNetwork
from trading_agent.policy import ConstantPolicy, ExposurePolicy, Policy
from trading_agent.rollout import AnyVectorEnv
from trading_agent.surrogate import Surrogate
from trading_agent.training import (
    REPORT_EVERY,
    Checkpoint,
    Progress,
    Selection,
    TrainedAgent,
    Validate,
    crossed,
    seeds_from,
)

FREE = 0.2  # share of the training over which costs rise from nothing to what they are
AVERAGE = 0.98  # share of the old weights that the running average keeps at an update


class Learner:
    """The network, its optimiser, and the gradient of what it earns.

    Args:
        env: a vector environment whose `game` has a market and rules (`trading_env.TradingVectorEnv`).
        config: the settings.
        seed: of the weights.
        rng: draws windows and first holdings.

    Raises:
        ValueError: the rules ask for something that has no gradient, or the market is shorter than a window.
    """

    def __init__(self, env: Any, config: DirectConfig, seed: int, rng: np.random.Generator) -> None:
        market, rules = env.game.market, env.game.config
        self.config, self.rng, self.surrogate = config, rng, Surrogate(market, rules)
        self.features = torch.from_numpy(market.features)  # (T, F)
        self.low, self.high, long_only, cap = bounds(rules)
        self.num_assets, self.num_rows = market.close.shape[1], len(market.close) - 1
        if self.num_rows <= config.window_bars:
            raise ValueError(
                f"window_bars must be less than the {self.num_rows} bars of the market, was {config.window_bars}"
            )
        generator = torch.Generator().manual_seed(seed)
        self.network = ExposureNetwork(
            self.features.shape[1], self.num_assets, config.hidden_sizes, (self.low, self.high, cap), generator,
            long_only=long_only,
        )  # fmt: skip
        self.network.fit_scales(self.features)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        moved = np.log(market.close[1:] / market.close[:-1]).std()
        self.scale = 1.0 / max(float(moved), 1e-12)  # the loss is in units of one bar's typical move
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.updates, self.growth = 0, 0.0

    def update(self, done: float) -> None:
        """Take one step up the mean log growth of `num_envs` windows; `done` is the share of the training behind."""
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.learning_rate * (1.0 - 0.9 * done)
        starts = torch.from_numpy(self.rng.integers(0, self.num_rows - config.window_bars, config.num_envs))
        held = torch.from_numpy(self.rng.uniform(self.low, self.high, (config.num_envs, self.num_assets))).float()
        growth = self.grown(starts, held, min(1.0, done / FREE))
        self.optimiser.zero_grad()
        (-self.scale * growth).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_clip)
        self.optimiser.step()
        self.updates, self.growth = self.updates + 1, growth.item()
        kept = min(AVERAGE, self.updates / (self.updates + 9.0))  # at first the average forgets its random start
        with torch.no_grad():
            for average, weights in zip(self.average.parameters(), self.network.parameters(), strict=True):
                average.lerp_(weights, 1.0 - kept)

    def grown(self, starts: Tensor, held: Tensor, charged: float = 1.0) -> Tensor:
        """Return the mean log growth a bar of windows that begin at `starts` (N,) with exposures `held` (N, A).

        Of fee, spread and slippage the share `charged` is charged.
        """
        rows = starts[:, None] + torch.arange(self.config.window_bars)  # (N, L)
        seen = self.network.read(self.features[rows.flatten()]).view(*rows.shape, -1)  # (N, L, D)
        last, total = held, torch.zeros(len(starts))
        for bar in range(self.config.window_bars):
            wanted = self.network.decide(seen[:, bar], held)
            growth, held = self.surrogate.bar(held, wanted, last, rows[:, bar], charged)
            total, last = total + growth, wanted
        return total.mean() / self.config.window_bars

    def state_dict(self) -> dict[str, Any]:
        """Return weights and moments."""
        moments = self.optimiser.state_dict()["state"]
        return {
            "network": {name: tensor.numpy() for name, tensor in self.network.state_dict().items()},
            "optimiser": {str(i): {name: m.numpy() for name, m in moment.items()} for i, moment in moments.items()},
            "average": {name: tensor.numpy() for name, tensor in self.average.state_dict().items()},
            "updates": self.updates,
            "growth": self.growth,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` returned."""
        for network, name in ((self.network, "network"), (self.average, "average")):
            network.load_state_dict({key: torch.from_numpy(array) for key, array in state[name].items()})
        moments = {
            int(i): {name: torch.from_numpy(array) for name, array in moment.items()}
            for i, moment in state["optimiser"].items()
        }
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": moments})
        self.updates, self.growth = state["updates"], state["growth"]


def bounds(rules: Any) -> tuple[float, float, bool, float]:
    """Return the least and the greatest exposure of an asset, whether weights are long only, and the leverage cap."""
    if rules.actions in ("levels", "exposure"):
        return min(rules.exposures), max(rules.exposures), False, rules.leverage_cap
    long_only = rules.actions == "long_weights"
    return (0.0 if long_only else -1.0), 1.0, long_only, rules.leverage_cap


def constant_policies(env: AnyVectorEnv, learner: Learner) -> list[Policy]:
    """Return what any learning has to beat: every level, or the ends of the range and nothing at all."""
    space = env.single_action_space
    if isinstance(space, Discrete):
        return [ConstantPolicy(action) for action in range(int(space.n))]
    assert isinstance(space, Box)
    ends = {learner.low, 0.0, learner.high}
    inside = sorted(value for value in ends if learner.low <= value <= learner.high)
    return [ConstantPolicy((value,) * space.shape[0]) for value in inside]


def train_direct(
    env: AnyVectorEnv,
    config: DirectConfig,
    *,
    seed: int,
    validate: Validate,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
) -> TrainedAgent:
    """Learn exposures in a trading environment by the gradient of log growth.

    Args:
        env: `trading_env.TradingVectorEnv`; of it the market and the rules are read, it is not stepped.
        config: the settings.
        seed: all randomness is derived from it.
        validate: scores a policy, larger is better; called with constant policies before learning, then every
            `config.validate_every` env steps and at the end.
        progress: called as (env steps done, of, metrics).
        checkpoint: folder that holds the newest state after every validation, replaced atomically.
        resume: such a folder of an earlier, interrupted call with the same settings and seed; the outcome equals that
            of a call never interrupted, bit for bit.

    Returns:
        The policy that validated best, its step and score, and all scores.

    Raises:
        ValueError: the rules have no gradient, the market is too short, `resume` does not fit, or training diverged.

    Source:
        Moody and Saffell (2001), Learning to trade via direct reinforcement, IEEE Transactions on Neural Networks
        12(4), 875-889.
    """
    _, network_seed, rng = seeds_from(seed)
    learner = Learner(env, config, network_seed, rng)
    selection = Selection(validate)
    saved = Checkpoint(config, seed, rng, {"learner": learner, "selection": selection})
    step = 0 if resume is None else saved.read(resume)
    if resume is None:
        for candidate in constant_policies(env, learner):
            selection.consider(0, candidate, {})
    levels = _levels(env)
    policy = ExposurePolicy(learner.average, levels)
    while step < config.steps:
        before, step = step, step + config.num_envs * config.window_bars
        learner.update(before / config.steps)
        metrics = {"growth_per_bar": learner.growth}
        if not np.isfinite(learner.growth):
            raise ValueError(
                f"training diverged after {step} steps; lower agent.learning_rate, was {config.learning_rate}"
            )
        if crossed(before, step, config.validate_every) or step >= config.steps:
            selection.consider(step, policy, metrics)
            if checkpoint is not None:
                saved.write(checkpoint, step)
        if progress is not None and (crossed(before, step, REPORT_EVERY) or step >= config.steps):
            progress(min(step, config.steps), config.steps, {**metrics, "best_score": selection.score})
    return selection.result()


def _levels(env: Any) -> NDArray[np.float64] | None:
    if not isinstance(env.single_action_space, Discrete):
        return None
    return np.asarray(env.game.config.exposures, dtype=np.float64)
