"""Steps per second of the trading environment: 5,000 bars, 64 features, the full ledger, random actions, one process.

Prints the median of five rounds for each number of accounts. `make bench` runs it; it takes a few seconds.
"""

import time

import numpy as np

from trading_env import Market, TradingEnv, TradingVectorEnv

BARS, FEATURES, ROUNDS = 5_000, 64, 5


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, BARS)))[:, None]
    features = rng.normal(size=(BARS, FEATURES))
    market = Market(open=close * 1.001, close=close, features=features, bars_per_year=252.0)
    print(f"{'accounts':>10}{'env-steps/s':>16}")
    print(f"{'single':>10}{np.median([single(market, rng) for _ in range(ROUNDS)]):>16,.0f}")
    for num_envs in (1, 8, 64, 1_024, 4_096):
        speed = np.median([batched(market, num_envs, rng) for _ in range(ROUNDS)])
        print(f"{num_envs:>10,}{speed:>16,.0f}")


def single(market: Market, rng: np.random.Generator) -> float:
    """Return steps per second of `TradingEnv` over one whole episode."""
    env, actions = TradingEnv(market), rng.integers(0, 3, BARS - 1)
    env.reset(seed=0)
    started = time.perf_counter()
    for action in actions:
        env.step(action)
    return len(actions) / (time.perf_counter() - started)


def batched(market: Market, num_envs: int, rng: np.random.Generator) -> float:
    """Return env-steps per second of `TradingVectorEnv`, restarts included."""
    env = TradingVectorEnv(market, num_envs=num_envs, episode_bars=250, starts="random")
    env.reset(seed=0)
    steps = max(200_000 // num_envs, 100) if num_envs > 8 else 5_000
    actions = rng.integers(0, 3, (64, num_envs))
    started = time.perf_counter()
    for step in range(steps):
        env.step(actions[step % 64])
    return steps * num_envs / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
