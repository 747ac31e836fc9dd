"""The environment a request asks for: a trading account or a storage unit, on rows of the agent's own."""

from typing import Any, Literal

from gymnasium.vector import AutoresetMode, VectorEnv

import tradewinds.tasks.plans  # noqa: F401 - a planner's policy is restored by what it enters
from forecaster.hidden_states import HiddenStates
from tradewinds.core.errors import RequestError
from tradewinds.pipeline.prepare import Prepared
from tradewinds.tasks.account.market import build_market
from trading_env import BatteryVectorEnv, TradingVectorEnv


def vector_env(
    prepared: Prepared,
    states: HiddenStates,
    rows: range,
    *,
    num_envs: int,
    episode_bars: int | None = None,
    starts: Literal["sequential", "random"] = "sequential",
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
) -> VectorEnv[Any, Any, Any]:
    """Return N accounts or units on the market of `rows`; `episode_bars` is cut to what the market holds.

    Raises:
        RequestError: storage units are asked to restart in the same step.
    """
    rules: Any = prepared.config.env
    if rules.kind == "battery":
        if autoreset_mode != AutoresetMode.NEXT_STEP:
            raise RequestError("agent=sb3 trades accounts, env=trading; for a storage unit take planner, ppo or dqn")
        from tradewinds.tasks.storage.market import build_power_market

        power = build_power_market(prepared, states, rows)
        hours = None if episode_bars is None else min(episode_bars, len(power))
        return BatteryVectorEnv(power, rules, num_envs=num_envs, episode_bars=hours, starts=starts)
    market = build_market(prepared, states, rows)
    bars = None if episode_bars is None else min(episode_bars, len(market) - 1)
    return TradingVectorEnv(
        market, rules, num_envs=num_envs, episode_bars=bars, starts=starts, autoreset_mode=autoreset_mode
    )


def restarts(agent: Any) -> AutoresetMode:
    """Return how the environments of an agent restart: Stable-Baselines3 knows one way only."""
    return AutoresetMode.SAME_STEP if agent.kind == "sb3" else AutoresetMode.NEXT_STEP
