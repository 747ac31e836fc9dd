"""Markets as Gymnasium environments: prices and a table of features in, an environment with exact accounting out.

Knows NumPy and Gymnasium; nothing of networks, forecasts or files. Importing it registers `tradewinds/Trading-v0` and
`tradewinds/Battery-v0`.
"""

from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register, registry

if TYPE_CHECKING:
    from trading_env.battery import BatteryEnv, BatteryVectorEnv
    from trading_env.battery_config import BatteryConfig
    from trading_env.battery_ledger import SchedulePath, run_schedule
    from trading_env.battery_market import PowerMarket
    from trading_env.battery_optimum import best_schedule, perfect_schedule, planned_schedule
    from trading_env.config import CostConfig, RewardConfig, TradingConfig
    from trading_env.env import TradingEnv
    from trading_env.market import Market, realised_volatility
    from trading_env.optimum import not_bounded, perfect_foresight
    from trading_env.paths import LedgerPath, run_ledger
    from trading_env.trades import Trade, closed_trades
    from trading_env.unit_paths import UnitPath, run_units
    from trading_env.vector import TradingVectorEnv

__all__ = [
    "BatteryConfig",
    "BatteryEnv",
    "BatteryVectorEnv",
    "CostConfig",
    "LedgerPath",
    "Market",
    "PowerMarket",
    "RewardConfig",
    "SchedulePath",
    "Trade",
    "TradingConfig",
    "TradingEnv",
    "TradingVectorEnv",
    "UnitPath",
    "best_schedule",
    "closed_trades",
    "not_bounded",
    "perfect_foresight",
    "perfect_schedule",
    "planned_schedule",
    "realised_volatility",
    "run_ledger",
    "run_schedule",
    "run_units",
]

_HOME = {
    "BatteryConfig": "battery_config",
    "BatteryEnv": "battery",
    "BatteryVectorEnv": "battery",
    "PowerMarket": "battery_market",
    "SchedulePath": "battery_ledger",
    "run_schedule": "battery_ledger",
    "best_schedule": "battery_optimum",
    "perfect_schedule": "battery_optimum",
    "planned_schedule": "battery_optimum",
    "CostConfig": "config",
    "RewardConfig": "config",
    "TradingConfig": "config",
    "Market": "market",
    "realised_volatility": "market",
    "LedgerPath": "paths",
    "Trade": "trades",
    "closed_trades": "trades",
    "run_ledger": "paths",
    "UnitPath": "unit_paths",
    "run_units": "unit_paths",
    "TradingEnv": "env",
    "TradingVectorEnv": "vector",
    "not_bounded": "optimum",
    "perfect_foresight": "optimum",
}

if "tradewinds/Trading-v0" not in registry:
    register(
        "tradewinds/Trading-v0",
        entry_point="trading_env.env:TradingEnv",
        vector_entry_point="trading_env.vector:TradingVectorEnv",
    )
if "tradewinds/Battery-v0" not in registry:
    register(
        "tradewinds/Battery-v0",
        entry_point="trading_env.battery:BatteryEnv",
        vector_entry_point="trading_env.battery:BatteryVectorEnv",
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"trading_env.{_HOME[name]}"), name)
    raise AttributeError(f"module 'trading_env' has no attribute '{name}'")
