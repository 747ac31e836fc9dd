"""Steps per second of the trading environment, beside other people's, in one process on one thread.

`make bench` runs it; it takes about a minute. 5,000 bars, 64 features, the full ledger (fee, spread, slippage, borrow,
financing, ruin), random actions, restarts included. Seconds are those of the processor, so that other programs on the
machine do not count; and ours and theirs take turns, a ratio being the median over the rounds. `make bench-env`
installs the peers, and one that is missing is said so. TorchTrade asks for other versions than ours and wants an
environment of its own. Then whole paths: a million bars through the ledger, and through vectorbt's orders.
"""

import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import peers

from trading_env import CostConfig, Market, TradingConfig, TradingEnv, TradingVectorEnv, run_ledger, run_units

BARS, FEATURES, WINDOW, ROUNDS = peers.BARS, peers.FEATURES, peers.WINDOW, 9
Timer = Callable[[], float]


def main() -> None:
    """Print the tables."""
    rng = np.random.default_rng(0)
    market = market_of(rng, BARS)
    beside_others(market, rng)
    windows(rng)
    scaling(rng)
    whole_paths(rng)


def market_of(rng: np.random.Generator, bars: int, features: int = FEATURES) -> Market:
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, bars)))[:, None]
    table = rng.standard_normal((bars, features), dtype=np.float32)
    return Market(open=close * 1.001, close=close, features=table, bars_per_year=252.0)


def beside_others(market: Market, rng: np.random.Generator) -> None:
    """Ours with 4,096 accounts and alone, against single environments, round by round."""
    many = batched(market, 4_096, rng)
    timers = {"TradingVectorEnv, 4,096 accounts": many, "TradingEnv": lambda: single(market, rng)}
    for package in ("gym_anytrading", "gym_trading_env"):
        if peers.installed(package):
            timers[package] = getattr(peers, package)(rng)
        else:
            print(f"{package} is not installed")
    rounds = [{name: timer() for name, timer in timers.items()} for _ in range(ROUNDS)]
    print(f"\n{'environment':<36}{'env-steps/s':>14}{'batched / it':>14}")
    for name in timers:
        ratio = np.median([played["TradingVectorEnv, 4,096 accounts"] / played[name] for played in rounds])
        print(f"{name:<36}{np.median([played[name] for played in rounds]):>14,.0f}{ratio:>14,.0f}")


def windows(rng: np.random.Generator) -> None:
    """Observations of 30 bars x 64 features beside the account's own, against TorchTrade's."""
    if not peers.installed("torchtrade"):
        print("torchtrade is not installed")
        return
    import torch

    torch.set_num_threads(1)
    market = market_of(rng, BARS)
    print(f"\n{'windows of 30 x 64, accounts':<36}{'ours':>14}{'torchtrade':>14}{'ours / it':>14}")
    for num_envs in (1_024, 4_096):
        ours, theirs = windowed(market, num_envs, rng), peers.torchtrade(rng, num_envs)
        played = [(ours(), theirs()) for _ in range(ROUNDS)]
        one, two = np.median(played, axis=0)
        ratio = np.median([ours_ / theirs_ for ours_, theirs_ in played])
        print(f"{num_envs:<36,}{one:>14,.0f}{two:>14,.0f}{ratio:>14.1f}")


def scaling(rng: np.random.Generator) -> None:
    """Accounts and bars, with the share of memory bandwidth that reading and writing observations takes."""
    copied = bandwidth()
    print(f"\none thread copies {copied / 1e9:.1f} GB/s of memory, read and written")
    print(f"{'bars':>10}{'accounts':>10}{'env-steps/s':>14}{'bandwidth':>11}")
    for bars in (5_000, 100_000, 1_000_000):
        market = market_of(rng, bars)
        for num_envs in (1, 8, 64, 1_024, 4_096, 16_384):
            timer = batched(market, num_envs, rng)
            speed = np.median([timer() for _ in range(3)])
            moved = speed * (FEATURES + 3) * 4 * 2
            print(f"{bars:>10,}{num_envs:>10,}{speed:>14,.0f}{moved / copied:>11.0%}")


def whole_paths(rng: np.random.Generator) -> None:
    """A million bars with costs: fixed units, and target weights that change at every bar or every tenth."""
    bars = 1_000_000
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 5e-4, bars)))[:, None]
    market = Market(open=close * 1.0001, close=close, features=np.zeros((bars, 1)), bars_per_year=525_600.0)
    costs = CostConfig(fee_bps=0.001, half_spread_bps=0.001, slippage_bps=0.001)  # so that nobody is ruined
    config, levels = TradingConfig(costs=costs), np.array([-1.0, 0.0, 1.0])
    often, seldom = rng.choice(levels, bars), np.repeat(rng.choice(levels, bars // 10), 10)
    fees = 3e-7  # the three costs together, as vectorbt takes them
    paths = {
        "fixed units, new every bar": (lambda: run_units(market, often * 1_000.0, config), often * 1_000.0, "amount"),
        "target weights, new every bar": (lambda: run_ledger(market, often[:, None], config), often, "percent"),
        "target weights, new every tenth bar": (lambda: run_ledger(market, seldom[:, None], config), seldom, "percent"),
    }
    beside = peers.installed("vectorbt")
    if not beside:
        print("vectorbt is not installed")
    print(f"\n{'1,000,000 bars through the ledger':<48}{'ms':>8}{'vectorbt':>10}{'it / ours':>11}")
    for name, (play, size, kind) in paths.items():
        players = [play, peers.vectorbt(market, size, f"target{kind}", fees)] if beside else [play]
        for player in players:
            player()  # numba compiles at the first call
        spent = np.array([[_seconds(player) for player in players] for _ in range(ROUNDS)])
        against = (
            f"{1e3 * np.median(spent[:, 1]):>10.1f}{np.median(spent[:, 1] / spent[:, 0]):>11.1f}" if beside else ""
        )
        print(f"{name:<48}{1e3 * np.median(spent[:, 0]):>8.1f}{against}")


def _seconds(play: Callable[[], object]) -> float:
    started = time.process_time()
    play()
    return time.process_time() - started


def single(market: Market, rng: np.random.Generator) -> float:
    """Return steps per second of `TradingEnv` over one whole episode."""
    env, actions = TradingEnv(market), rng.integers(0, 3, BARS - 1).tolist()
    env.reset(seed=0)
    started = time.process_time()
    for action in actions:
        env.step(action)
    return len(actions) / (time.process_time() - started)


def windowed(market: Market, num_envs: int, rng: np.random.Generator) -> Timer:
    """Return a timer of `TradingVectorEnv` whose observations are gathered windows, (N, 30, 64), in one buffer."""
    slim = Market(open=market.open, close=market.close, features=np.zeros((BARS, 0)), bars_per_year=252.0)
    env = TradingVectorEnv(slim, num_envs=num_envs, episode_bars=250, starts="random")
    seen = np.empty((num_envs, WINDOW, FEATURES), dtype=np.float32)
    back, actions = np.arange(1 - WINDOW, 1), rng.integers(0, 3, (64, num_envs))
    env.reset(seed=0)

    def timed() -> float:
        steps, started = 30, time.process_time()
        for step in range(steps):
            env.step(actions[step % 64])
            rows = (env.simulator.t[:, None] + back).ravel()  # before the first bar the first bar is repeated
            market.features.take(rows, axis=0, out=seen.reshape(-1, FEATURES), mode="clip")
        return steps * num_envs / (time.process_time() - started)

    return timed


def batched(market: Market, num_envs: int, rng: np.random.Generator) -> Timer:
    """Return a timer of `TradingVectorEnv` in env-steps per second, restarts included."""
    env = TradingVectorEnv(market, num_envs=num_envs, episode_bars=250, starts="random")
    steps = max(2_000_000 // num_envs, 100) if num_envs > 64 else 3_000
    actions = rng.integers(0, 3, (64, num_envs))
    env.reset(seed=0)
    env.step(actions[0])

    def timed() -> float:
        started = time.process_time()
        for step in range(steps):
            env.step(actions[step % 64])
        return steps * num_envs / (time.process_time() - started)

    return timed


def bandwidth() -> float:
    """Return bytes read and written per second by copying 256 MB."""
    source = np.ones(32 * 1024 * 1024)
    target = np.empty_like(source)
    best = np.inf
    for _ in range(5):
        started = time.process_time()
        np.copyto(target, source)
        best = min(best, time.process_time() - started)
    return 2 * source.nbytes / best


if __name__ == "__main__":
    main()
