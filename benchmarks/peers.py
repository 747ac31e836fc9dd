"""Other people's trading environments, made ready to be timed beside ours: 5,000 bars, 64 features, random actions.

Each function returns steps per second of one measurement, or None where the package is not installed.
"""

import importlib
import importlib.util
import sys
import time
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

WINDOW = 30
BARS, FEATURES = 5_000, 64


def installed(package: str) -> bool:
    """Whether a package can be imported."""
    return package in sys.modules or importlib.util.find_spec(package) is not None


def table(rng: np.random.Generator) -> Any:
    """Return a pandas table of prices by the hour."""
    import pandas as pd

    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, BARS)))
    index = pd.date_range("2020-01-01", periods=BARS, freq="h")
    columns = {"open": close * 1.001, "high": close * 1.002, "low": close * 0.999, "close": close, "volume": 1.0}
    return pd.DataFrame(columns, index=index)


def gym_anytrading(rng: np.random.Generator) -> Callable[[], float]:
    """Return a timer of gym-anytrading's `StocksEnv` with 64 features, window 30; its observation is a view."""
    from gym_anytrading.envs import StocksEnv

    features = rng.normal(size=(BARS, FEATURES)).astype(np.float32)

    class Wide(StocksEnv):  # type: ignore[misc]
        def _process_data(self) -> tuple[Any, Any]:
            return self.df["Close"].to_numpy().astype(np.float32), features

    prices = table(rng).rename(columns={"close": "Close"})
    env = Wide(prices, WINDOW, (WINDOW, BARS))
    return lambda: _walk(env, rng.integers(0, 2, BARS))


def gym_trading_env(rng: np.random.Generator) -> Callable[[], float]:
    """Return a timer of gym-trading-env with 64 features, window 30, three positions, fees and borrow interest."""
    with warnings.catch_warnings():  # importing it turns every later warning of the process into an error
        from gym_trading_env.environments import TradingEnv

        warnings.simplefilter("ignore")
        import pandas as pd

        prices = table(rng)
        columns = rng.normal(size=(BARS, FEATURES))
        wide = pd.DataFrame(columns, index=prices.index, columns=[f"feature_{k}" for k in range(FEATURES)])
        env = TradingEnv(
            pd.concat([prices, wide], axis=1),
            positions=[-1, 0, 1],
            windows=WINDOW,
            trading_fees=1e-4,
            borrow_interest_rate=3e-6,
            verbose=0,
        )

    def timed() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _walk(env, rng.integers(0, 3, BARS))

    return timed


def torchtrade(
    rng: np.random.Generator, num_envs: int, features: int = FEATURES, window: int = WINDOW
) -> Callable[[], float]:
    """Return a timer of TorchTrade's vectorised environment: windows of bars x features, fees and slippage."""
    import torch
    from torchtrade.envs.offline.vectorized_sequential import (
        VectorizedSequentialTradingEnv,
        VectorizedSequentialTradingEnvConfig,
    )

    columns = rng.normal(size=(BARS, features)).astype(np.float32)

    def wide(bars: Any) -> Any:
        import pandas as pd

        names = [f"features_{k}" for k in range(features)]
        added = pd.DataFrame(columns[: len(bars)], index=bars.index, columns=names)
        return pd.concat([bars, added], axis=1).reset_index()

    prices = table(rng).rename_axis("timestamp").reset_index()
    config = VectorizedSequentialTradingEnvConfig(
        num_envs=num_envs,
        time_frames="1Hour",
        window_sizes=window,
        execute_on="1Hour",
        transaction_fee=1e-4,
        slippage=1e-4,
        action_levels=[0, 1],
        max_traj_length=250,
    )
    env = VectorizedSequentialTradingEnv(prices, config, wide)
    actions = torch.from_numpy(rng.integers(0, 2, (64, num_envs)))
    state = env.reset()

    def timed() -> float:
        nonlocal state
        steps, started = 30, time.process_time()
        for step in range(steps):
            state["action"] = actions[step % 64]
            _, state = env.step_and_maybe_reset(state)
        return steps * num_envs / (time.process_time() - started)

    return timed


def vectorbt(market: Any, size: np.ndarray[Any, Any], kind: str, fees: float) -> Callable[[], Any]:
    """Return what plays a path of targets through vectorbt's orders, as ours are filled: a bar later, if new."""
    import pandas as pd
    from vectorbt import Portfolio

    new = np.concatenate([[True], np.diff(size) != 0.0])
    orders = np.concatenate([[np.nan], np.where(new, size, np.nan)[:-1]])
    close, price = pd.Series(market.close[:, 0]), market.open[:, 0]
    options = {"size": orders, "size_type": kind, "price": price, "fees": fees, "init_cash": 1e6, "freq": "min"}
    return lambda: Portfolio.from_orders(close, **options).value()


def vectorbt_portfolio(market: Any, weights: np.ndarray[Any, Any], fees: float) -> Callable[[], Any]:
    """Return what plays weights that are new at every bar through vectorbt's orders: one cash, sales first."""
    import pandas as pd
    from vectorbt import Portfolio

    close, price = pd.DataFrame(market.close), market.open
    size = np.concatenate([np.full_like(weights[:1], np.nan), weights[:-1]])
    options = {"size": size, "size_type": "targetpercent", "price": price, "val_price": price, "fees": fees}
    options |= {"init_cash": 1e6, "freq": "D"}
    if weights.shape[1] > 1:
        options |= {"cash_sharing": True, "group_by": True, "call_seq": "auto"}
    return lambda: np.ravel(Portfolio.from_orders(close, **options).value()) / 1e6


def finrl_portfolio(rng: np.random.Generator, assets: int, bars: int = 200) -> Callable[[], float]:
    """Return a timer of FinRL's `StockPortfolioEnv`, in steps x assets: eight indicators, covariances of a year.

    Its module alone is loaded: the package imports whatever any part of it needs. It pays no costs.
    """
    import pandas as pd

    spec = importlib.util.find_spec("finrl")
    package = types.ModuleType("finrl")
    package.__spec__, package.__path__ = spec, list((spec and spec.submodule_search_locations) or [])
    sys.modules["finrl"] = package
    if not installed("stable_baselines3"):  # of which it takes one name, to wrap itself
        vec_env = types.ModuleType("stable_baselines3.common.vec_env")
        vec_env.DummyVecEnv = object  # type: ignore[attr-defined]
        for name in ("stable_baselines3", "stable_baselines3.common"):
            sys.modules[name] = types.ModuleType(name)
        sys.modules["stable_baselines3.common.vec_env"] = vec_env
    module = importlib.import_module("finrl.meta.env_portfolio_allocation.env_portfolio")
    indicators = [f"indicator{k}" for k in range(8)]
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, (bars, assets)), axis=0))
    columns: dict[str, Any] = {"close": close.ravel(), "date": np.repeat(np.arange(bars), assets)}
    columns |= {"tic": np.tile([f"asset{k}" for k in range(assets)], bars)}
    columns |= {name: rng.normal(size=bars * assets) for name in indicators}
    table = pd.DataFrame(columns, index=np.repeat(np.arange(bars), assets))
    table["cov_list"] = [np.cov(rng.normal(size=(assets, 252)))] * len(table)
    env = module.StockPortfolioEnv(
        df=table,
        stock_dim=assets,
        hmax=100,
        initial_amount=1_000_000,
        transaction_cost_pct=1e-4,
        reward_scaling=1.0,
        state_space=assets,
        action_space=assets,
        tech_indicator_list=indicators,
    )
    actions = rng.random((bars, assets))

    def timed() -> float:
        env.reset()
        started = time.process_time()
        for action in actions[: bars - 2]:
            env.step(action)
        return (bars - 2) * assets / (time.process_time() - started)

    return timed


def _walk(env: Any, actions: np.ndarray[Any, Any]) -> float:
    env.reset()
    steps, started = 0, time.process_time()
    for action in actions.tolist():
        _, _, terminated, truncated, _ = env.step(action)
        steps += 1
        if terminated or truncated:
            break
    return steps / (time.process_time() - started)
