"""Markets as Gymnasium environments: prices and a table of features in, an environment with exact accounting out.

Knows NumPy and Gymnasium; nothing of networks, forecasts or files. Importing it registers `tradewinds/Trading-v0`.
"""

from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register, registry

if TYPE_CHECKING:
    from trading_env.config import CostConfig, TradingConfig
    from trading_env.env import TradingEnv
    from trading_env.ledger import LedgerPath, run_ledger
    from trading_env.market import Market
    from trading_env.optimum import perfect_foresight
    from trading_env.trades import Trade, closed_trades
    from trading_env.vector import TradingVectorEnv

__all__ = [
    "CostConfig",
    "LedgerPath",
    "Market",
    "Trade",
    "TradingConfig",
    "TradingEnv",
    "TradingVectorEnv",
    "closed_trades",
    "perfect_foresight",
    "run_ledger",
]

_HOME = {
    "CostConfig": "config",
    "TradingConfig": "config",
    "Market": "market",
    "LedgerPath": "ledger",
    "Trade": "trades",
    "closed_trades": "trades",
    "run_ledger": "ledger",
    "TradingEnv": "env",
    "TradingVectorEnv": "vector",
    "perfect_foresight": "optimum",
}

if "tradewinds/Trading-v0" not in registry:
    register(
        "tradewinds/Trading-v0",
        entry_point="trading_env.env:TradingEnv",
        vector_entry_point="trading_env.vector:TradingVectorEnv",
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"trading_env.{_HOME[name]}"), name)
    raise AttributeError(f"module 'trading_env' has no attribute '{name}'")
