"""Many assets: whole runs of the ledger and steps of the environment, beside other people's, in one process.

Run: OMP_NUM_THREADS=1 python benchmarks/portfolio.py. Seconds are those of the processor; ours and theirs take turns,
and a ratio is the median over the rounds. Memory is the most that NumPy and Python held at once during a run, results
included. `make bench-env` installs vectorbt and gym-anytrading. FinRL is taken without what it asks for
(`pip install --no-deps finrl==0.3.7`), and TorchTrade wants an environment of its own; one that is missing is said so.
"""

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import peers

from trading_env import CostConfig, Market, TradingConfig, TradingEnv, TradingVectorEnv, run_ledger, run_weights

ROUNDS, FEE = 7, 1e-4
COSTS = CostConfig(
    fee_bps=1e4 * FEE, half_spread_bps=0, slippage_bps=0, borrow_bps_per_year=0, financing_bps_per_year=0
)
OWN = 8  # features of an asset, availability counted


def main() -> None:
    """Print the tables that are asked for: ledger, single, portfolio; all without words."""
    rng = np.random.default_rng(0)
    tables = {"ledger": ledger, "single": single, "portfolio": portfolio}
    for name in sys.argv[1:] or tables:
        tables[name](rng)


def market_of(rng: np.random.Generator, bars: int, assets: int, volatility: float, features: int = 0) -> Market:
    """Return prices of independent assets, and features of each."""
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, volatility, (bars, assets)), axis=0))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0.0, 0.1 * volatility, close.shape))
    table = rng.standard_normal((bars, max(assets * features, 1)), dtype=np.float32)
    if features:
        table[:, features - 1 :: features] = 1.0
    names = tuple(f"asset{number}" for number in range(assets))
    return Market(
        open=open_, close=close, features=table, bars_per_year=252.0, instruments=names, asset_features=features
    )


def ledger(rng: np.random.Generator) -> None:
    """New target weights at every bar: 500 assets x 5,000 bars, and one asset x 1,000,000 bars."""
    beside = peers.installed("vectorbt")
    if not beside:
        print("vectorbt is not installed")
    heads = ("ms", "MB", "vectorbt ms", "MB", "it / ours", "apart")
    print(f"\n{'new weights at every bar':<36}" + "".join(f"{head:>12}" for head in heads))
    for bars, assets, volatility in ((5_000, 500, 0.01), (1_000_000, 1, 5e-4)):
        market, config = market_of(rng, bars, assets, volatility), TradingConfig(costs=COSTS)
        if assets == 1:
            weights = rng.uniform(-1.0, 1.0, (bars, 1)) * np.exp(-5.0)  # so that a million fees ruin nobody
        else:
            weights = 0.9 * rng.dirichlet(np.ones(assets), bars)
        players: list[Callable[[], Any]] = [
            lambda: run_weights(market, weights, config).equity,  # noqa: B023 - played before the next market
            lambda: run_ledger(market, weights, config).equity[:, 0],  # noqa: B023
        ]
        if beside:
            players.append(peers.vectorbt_portfolio(market, weights, FEE))
        values = [player() for player in players]  # numba compiles at the first call
        spent = np.array([[_seconds(player) for player in players] for _ in range(ROUNDS)])
        megabytes = [_megabytes(player) for player in players]
        for number, name in enumerate(("run_weights", "run_ledger")):
            told = [f"{1e3 * np.median(spent[:, number]):.0f}", f"{megabytes[number]:.0f}"]
            if beside:
                ratio = np.median(spent[:, -1] / spent[:, number])
                told += [f"{1e3 * np.median(spent[:, -1]):.0f}", f"{megabytes[-1]:.0f}", f"{ratio:.1f}"]
                told.append(f"{np.abs(values[number] / values[-1] - 1.0).max():.0e}")
            print(f"{f'{name}, {assets:,} x {bars:,}':<36}" + "".join(f"{value:>12}" for value in told))


def single(rng: np.random.Generator) -> None:
    """One account of one asset, and 4,096 at once, against gym-anytrading: 64 features, random actions."""
    if not peers.installed("gym_anytrading"):
        print("gym_anytrading is not installed")
        return
    import env as one_asset

    market = one_asset.market_of(rng, peers.BARS)
    theirs, many = peers.gym_anytrading(rng), one_asset.batched(market, 4_096, rng)
    played = np.array([(one_asset.single(market, rng), many(), theirs()) for _ in range(ROUNDS)])
    print(f"\n{'one asset, 64 features':<36}{'env-steps/s':>14}{'of gym-anytrading':>20}")
    for number, name in enumerate(("TradingEnv", "TradingVectorEnv, 4,096 accounts", "gym-anytrading")):
        ratio = np.median(played[:, number] / played[:, 2])
        print(f"{name:<36}{np.median(played[:, number]):>14,.0f}{ratio:>20.2f}")


def portfolio(rng: np.random.Generator) -> None:
    """Weights of 30 and of 500 assets, 8 features each: asset-steps per second, bars x assets x accounts."""
    print(f"\n{'assets':<8}{'environment':<44}{'asset-steps/s':>15}{'ours, batched / it':>20}")
    for assets, accounts in ((30, 1_024), (500, 256)):
        market = market_of(rng, 1_000, assets, 0.01, OWN)
        timers = {
            f"TradingVectorEnv, {accounts:,} accounts": batched(market, accounts, rng),
            "TradingEnv": alone(market, rng),
        }
        if peers.installed("finrl"):
            timers["FinRL StockPortfolioEnv"] = peers.finrl_portfolio(rng, assets)
        else:
            print("finrl is not installed")
        if peers.installed("torchtrade"):
            name = f"TorchTrade, {accounts * 4:,} accounts of one asset"
            timers[name] = peers.torchtrade(rng, accounts * 4, features=OWN, window=1)
        else:
            print("torchtrade is not installed")
        rounds = [{name: timer() for name, timer in timers.items()} for _ in range(ROUNDS)]
        ours = next(iter(timers))
        for name in timers:
            ratio = np.median([played[ours] / played[name] for played in rounds])
            print(f"{assets:<8}{name:<44}{np.median([played[name] for played in rounds]):>15,.0f}{ratio:>20,.1f}")


def batched(market: Market, accounts: int, rng: np.random.Generator) -> Callable[[], float]:
    """Return a timer of `TradingVectorEnv` in asset-steps per second, restarts included."""
    config, assets = TradingConfig(actions="long_weights"), market.close.shape[1]
    env = TradingVectorEnv(market, config, num_envs=accounts, episode_bars=250, starts="random")
    actions = rng.dirichlet(np.ones(assets), (16, accounts)).astype(np.float32)
    env.reset(seed=0)

    def timed() -> float:
        steps, started = 40, time.process_time()
        for step in range(steps):
            env.step(actions[step % 16])
        return steps * accounts * assets / (time.process_time() - started)

    return timed


def alone(market: Market, rng: np.random.Generator) -> Callable[[], float]:
    """Return a timer of `TradingEnv` in asset-steps per second."""
    env, assets = TradingEnv(market, TradingConfig(actions="long_weights")), market.close.shape[1]
    actions = rng.dirichlet(np.ones(assets), len(market) - 1).astype(np.float32)

    def timed() -> float:
        env.reset(seed=0)
        started = time.process_time()
        for action in actions:
            env.step(action)
        return len(actions) * assets / (time.process_time() - started)

    return timed


def _seconds(play: Callable[[], object]) -> float:
    started = time.process_time()
    play()
    return time.process_time() - started


def _megabytes(play: Callable[[], object]) -> float:
    tracemalloc.start()
    play()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 1e6


if __name__ == "__main__":
    main()
