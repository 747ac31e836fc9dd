"""Agents of several assets on worlds whose best policy is known: share of the optimum out of sample, and seconds.

`python benchmarks/portfolio_worlds.py [WORLD ...] [AGENT ...] [seeds=3]`; worlds ou, pair, lead and noise; agents
direct and planner. Seconds are those of the processor, one thread, validation included.

  ou     20 independent assets; each next log return is 6 basis points times a signal of its own (autocorrelation 0.9)
  pair   two assets whose log prices keep together: what one is dear by, both come back by, under a noise they share
  lead   two assets; what one does in a bar, the other does a quarter of in the next
  noise  10 assets that nobody can forecast; told is in how many seeds the agent stays out

A trade costs 8 basis points (1 in `lead`); the gross cap is the number of assets and that of each is 1, so that the
best policy of all is that of each alone, found by dynamic programming (`trading_env.planning.markov`). Signals stand
among noise columns. `share` is of what the best policy is expected to earn given the signals, costs paid, in exposures.
"""

import os
import sys
import time
from functools import partial
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from tradewinds.pipeline.validation import Validation
from trading_agent.common.evaluation import step_rewards
from trading_agent.direct.config import DirectConfig
from trading_agent.direct.direct import train_direct
from trading_agent.planner.config import PlannerConfig
from trading_agent.planner.planner import train_planner
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv
from trading_env.planning.markov import MarkovWorld, autoregressive, best_policy, follow

NOISE_COLUMNS, MEMORY, SLOPE, NOISE = 6, 0.9, 6e-4, 2e-3
AGENTS = ("direct", "planner")
BARS = {"pair": 30_000, "lead": 30_000}  # two assets have less to tell in a bar than twenty


class World(NamedTuple):
    """A market, the (T, A) mean of each next log return given all that is shown, and the law of one asset."""

    market: Market
    mean: Any
    signal: Any
    law: MarkovWorld
    cost_bps: float


def ou(seed: int, bars: int, told: bool, assets: int = 20, slope: float = SLOPE) -> World:
    rng = np.random.default_rng(seed)
    signal = walked(rng, bars, assets)
    law = autoregressive(MEMORY, np.sqrt(1.0 - MEMORY**2), SLOPE, NOISE)
    shocks = NOISE * rng.normal(size=(bars, assets))
    market = market_of(rng, slope * signal, shocks, [signal], told * SLOPE * signal)
    return World(market, slope * signal, signal, law, 8.0)


def noise(seed: int, bars: int, told: bool) -> World:
    return ou(seed, bars, told, assets=10, slope=0.0)


def pair(seed: int, bars: int, told: bool) -> World:
    rng = np.random.default_rng(seed)
    spread = walked(rng, bars, 1)
    signal = np.concatenate([-spread, spread], axis=1)
    shared = 5.0 * NOISE * rng.normal(size=(bars, 1)) + NOISE * rng.normal(size=(bars, 2))
    law = autoregressive(MEMORY, np.sqrt(1.0 - MEMORY**2), SLOPE, np.sqrt(26.0) * NOISE)
    market = market_of(rng, SLOPE * signal, shared, [-signal], told * SLOPE * signal)
    return World(market, SLOPE * signal, signal, law, 8.0)


def lead(seed: int, bars: int, told: bool) -> World:
    rng = np.random.default_rng(seed)
    leader = rng.normal(size=(bars, 1))
    mean = np.concatenate([np.zeros((bars, 1)), 0.25 * NOISE * leader], axis=1)
    shocks = NOISE * np.concatenate([leader, rng.normal(size=(bars, 1))], axis=1)
    role = np.tile([1.0, 0.0], (bars, 1))
    market = market_of(rng, mean, shocks, [shocks / NOISE, role], told * mean)
    law = autoregressive(0.0, 1.0, 0.25 * NOISE, NOISE)
    return World(market, mean, np.concatenate([0.0 * leader, leader], axis=1), law, 1.0)


def walked(rng: np.random.Generator, bars: int, assets: int) -> Any:
    signal, shocks = np.empty((bars, assets)), np.sqrt(1.0 - MEMORY**2) * rng.normal(size=(bars, assets))
    signal[0] = rng.normal(size=assets)
    for t in range(1, bars):
        signal[t] = MEMORY * signal[t - 1] + shocks[t]
    return signal


def market_of(rng: np.random.Generator, mean: Any, shocks: Any, shown: list[Any], forecast: Any) -> Market:
    """Return bars whose next log returns have these means; blocks hold what is shown, the forecast, noise, and 1."""
    bars, assets = mean.shape
    growth = np.concatenate([np.zeros((1, assets)), mean[:-1] + shocks[1:]])
    others = rng.normal(size=(bars, assets, NOISE_COLUMNS))
    columns = [forecast[:, :, None], *(column[:, :, None] for column in shown), others, np.ones((bars, assets, 1))]
    close = 100.0 * np.exp(np.cumsum(growth, axis=0))
    blocks = np.concatenate(columns, axis=2).astype(np.float32)
    return Market(
        open=close,
        close=close,
        features=blocks.reshape(bars, -1),
        asset_features=blocks.shape[2],
        forecast_columns=range(1),
        bars_per_year=252.0,
        single_price=True,
        instruments=tuple(f"asset {number}" for number in range(assets)),
    )


def rules_of(world: World, **other: Any) -> TradingConfig:
    costs = CostConfig(fee_bps=world.cost_bps, half_spread_bps=0.0, slippage_bps=0.0, borrow_bps_per_year=0.0)
    given = {"execution": "same_close", "maintenance": False, "costs": costs, "exposures": (-1.0, 0.0, 1.0)}
    return TradingConfig(**{**given, **other})


def best_of(world: World) -> Any:
    """(T, A) targets of the best policy: that of each asset alone."""
    alone = rules_of(world)
    policy = best_policy(world.law, alone, 252.0)
    return np.concatenate([follow(world.law, policy, one, alone) for one in world.signal.T], axis=1)


def expected(world: World, targets: Any) -> float:
    changes = np.abs(np.diff(targets, axis=0, prepend=np.zeros((1, targets.shape[1]))))
    return float((targets * world.mean).sum() - world.cost_bps * 1e-4 * changes.sum())


def played(world: World, policy: Any) -> tuple[float, Any]:
    env = env_of(world)
    observations, _ = env.reset(seed=0)
    targets, assets = [], world.mean.shape[1]
    for _ in range(len(world.mean) - 1):
        observations = env.step(policy.act(observations))[0]
        targets.append(observations[0, -assets - 1 : -1])
    return expected(world, np.array([*targets, targets[-1]], dtype=float)), np.array(targets)


def env_of(world: World, num_envs: int = 1) -> TradingVectorEnv:
    assets = world.mean.shape[1]
    rules = rules_of(world, actions="long_short_weights", leverage_cap=float(assets), asset_cap=1.0)
    return TradingVectorEnv(world.market, rules, num_envs=num_envs)


def trained(name: str, make: Any, seed: int, standard_errors: float) -> tuple[Any, float]:
    """Return the policy that the validation rows select, and seconds; only the planner is told the forecast."""
    told, started = name == "planner", time.process_time()
    seen = env_of(make(1_000 + seed, 1_500, told))
    validation = Validation(partial(step_rewards, env=seen, episodes=1), standard_errors=standard_errors)
    env = env_of(make(seed, BARS.get(make.__name__, 5_000), told))
    if told:
        agent = train_planner(env, PlannerConfig(steps=10), seed=seed, validate=validation)
    else:
        config = DirectConfig(steps=1_000_000, validate_every=250_000)
        agent = train_direct(env, config, seed=seed, validate=validation)
    return agent.policy, time.process_time() - started


def main() -> None:
    """Print the tables that are asked for."""
    torch.set_num_threads(1)
    words = sys.argv[1:]
    seeds = next((int(word[6:]) for word in words if word.startswith("seeds=")), 3)
    agents = [word for word in words if word in AGENTS] or AGENTS
    for name in [word for word in words if word in WORLDS] or WORLDS:
        for agent in agents:
            (stays_out if name == "noise" else share)(agent, name, seeds)


def share(agent: str, name: str, seeds: int) -> None:
    """Print the share of the optimum on 5,000 unseen bars."""
    shares, seconds = [], []
    for seed in range(seeds):
        policy, spent = trained(agent, WORLDS[name], seed, 0.0)
        unseen = WORLDS[name](2_000 + seed, 3_000, agent == "planner")
        shares.append(played(unseen, policy)[0] / expected(unseen, best_of(unseen)))
        seconds.append(spent)
    print(
        f"{name:<8}{agent:<9}share of the optimum {np.median(shares):.3f} ({min(shares):.3f} to {max(shares):.3f}), "
        f"{np.median(seconds):.0f} s",
        flush=True,
    )


def stays_out(agent: str, name: str, seeds: int) -> None:
    """Print in how many seeds an agent holds nothing, and the most it turns over, where nothing can be known."""
    turnover, seconds = [], []
    for seed in range(seeds):
        policy, spent = trained(agent, WORLDS[name], seed, 5.0)
        _, targets = played(WORLDS[name](2_000 + seed, 1_000, agent == "planner"), policy)
        turnover.append(float(np.abs(np.diff(targets, axis=0)).sum() / len(targets) * 252.0))
        seconds.append(spent)
    calm = sum(value < 0.1 for value in turnover)
    print(f"{name:<8}{agent:<9}turnover below 0.1 a year in {calm} of {seeds}, most {max(turnover):.2f}", end="")
    print(f", {np.median(seconds):.0f} s", flush=True)


WORLDS = {"ou": ou, "pair": pair, "lead": lead, "noise": noise}

if __name__ == "__main__":
    main()
