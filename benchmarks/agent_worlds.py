"""Where the agents' benchmarks play: a market whose best policy is known, and Gymnasium's classics.

The known world: the next bar's log return is 6 basis points times a signal (autocorrelation 0.9, variance 1) plus noise
of 20 basis points; the signal is the first of 64 feature columns, the others are noise; a trade costs 8 basis points.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode

from tradewinds.core.plugins import function_of
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from trading_env import CostConfig, Market, TradingConfig, TradingVectorEnv

COST, SLOPE, NOISE, MEMORY, FEATURES = 8.0, 6e-4, 2e-3, 0.9, 64
RULES = TradingConfig(
    exposures=(-1.0, 0.0, 1.0),
    execution="same_close",
    costs=CostConfig(
        fee_bps=COST, half_spread_bps=0.0, slippage_bps=0.0, borrow_bps_per_year=0.0, financing_bps_per_year=0.0
    ),
)


class Best:
    """The best policy of the known world, by value iteration on (signal, position)."""

    kind = "best"

    def __init__(self) -> None:
        self.grid = np.linspace(-5.0, 5.0, 401)
        spread = np.sqrt(1.0 - MEMORY**2)
        chances = np.exp(-0.5 * ((self.grid[None] - MEMORY * self.grid[:, None]) / spread) ** 2)
        chances /= chances.sum(axis=1, keepdims=True)
        levels, value = np.array([-1.0, 0.0, 1.0]), np.zeros((401, 3))
        cost = COST * 1e-4 * np.abs(levels[None, :, None] - levels[None, None, :])  # (1, held, wanted)
        for _ in range(400):
            worth = levels * SLOPE * self.grid[:, None] + chances @ value  # (signal, wanted)
            value = (worth[:, None, :] - cost).max(axis=2)
            value -= value[200, 1]
        self.actions = (worth[:, None, :] - cost).argmax(axis=2)

    def act(self, observations: Any) -> Any:
        """Return the (N,) best actions: the signal is the first column, the target held the last but one."""
        nearest = np.clip(np.round((observations[:, 0] + 5.0) * 40.0), 0, 400).astype(int)
        return self.actions[nearest, np.round(observations[:, -2]).astype(int) + 1]


def world(seed: int, bars: int = 100_000, slope: float = SLOPE, features: int = FEATURES) -> Market:
    """Return bars whose next log return hangs on the first feature by `slope`."""
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((bars, features), dtype=np.float32)
    shocks = rng.normal(size=bars) * np.sqrt(1.0 - MEMORY**2)
    signal = np.empty(bars)
    signal[0] = rng.normal()
    for t in range(1, bars):
        signal[t] = MEMORY * signal[t - 1] + shocks[t]
    table[:, 0] = signal
    growth = np.concatenate([[0.0], slope * signal[:-1] + NOISE * rng.normal(size=bars - 1)])
    close = 100.0 * np.exp(np.cumsum(growth))[:, None]
    return Market(open=close, close=close, features=table, bars_per_year=252.0, single_price=True)


def accounts(market: Market, count: int) -> TradingVectorEnv:
    """Return accounts that start at random bars and play 1,000 of them."""
    return TradingVectorEnv(market, RULES, num_envs=count, episode_bars=1_000, starts="random")


def turnover(policy: Any, env: TradingVectorEnv) -> float:
    """Return the mean change of target a bar over 500 bars."""
    observations, _ = env.reset(seed=2)
    changed = 0.0
    for _ in range(500):
        held = observations[:, -2]
        observations = env.step(policy.act(observations))[0]
        changed += float(np.abs(observations[:, -2] - held).mean())
    return changed / 500.0


def classics(name: str, num_envs: int, restart: AutoresetMode = AutoresetMode.NEXT_STEP) -> Any:
    """Return N environments of Gymnasium, in one array where it has them so."""
    if gymnasium.spec(name).vector_entry_point is not None and restart == AutoresetMode.NEXT_STEP:
        return gymnasium.make_vec(name, num_envs=num_envs, vectorization_mode="vector_entry_point")
    return gymnasium.make_vec(
        name, num_envs=num_envs, vectorization_mode="sync", vector_kwargs={"autoreset_mode": restart}
    )


def settings(*words: str) -> tuple[Any, Any]:
    """Return the settings that `words` on the command line mean, and the function that trains by them."""
    (plain,) = compose_requests(words, [resource_dir("conf")], multirun=False)
    agent = request_from(plain).agent
    return agent, function_of("agent", agent)
