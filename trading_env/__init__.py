"""Markets as Gymnasium environments: prices and a table of features in, an environment with exact accounting out.

Knows NumPy and Gymnasium; nothing of networks, forecasts or files. Importing it registers `tradewinds/Trading-v0` and
`tradewinds/Battery-v0`.
"""

from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register, registry

if TYPE_CHECKING:
    from trading_env.account.env import TradingEnv
    from trading_env.account.vector import TradingVectorEnv
    from trading_env.config import CostConfig, RewardConfig, TradingConfig
    from trading_env.ledger.fixed_units import UnitPath, run_units
    from trading_env.ledger.run import LedgerPath, run_ledger
    from trading_env.ledger.trades import Trade, closed_trades
    from trading_env.market import Market, realised_volatility
    from trading_env.planning.foresight import not_bounded, perfect_foresight
    from trading_env.planning.schedule import best_schedule, perfect_schedule, planned_schedule
    from trading_env.storage.config import BatteryConfig
    from trading_env.storage.env import BatteryEnv, BatteryVectorEnv
    from trading_env.storage.ledger import SchedulePath, run_schedule
    from trading_env.storage.market import PowerMarket

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
    "BatteryConfig": "storage.config",
    "BatteryEnv": "storage.env",
    "BatteryVectorEnv": "storage.env",
    "PowerMarket": "storage.market",
    "SchedulePath": "storage.ledger",
    "run_schedule": "storage.ledger",
    "best_schedule": "planning.schedule",
    "perfect_schedule": "planning.schedule",
    "planned_schedule": "planning.schedule",
    "CostConfig": "config",
    "RewardConfig": "config",
    "TradingConfig": "config",
    "Market": "market",
    "realised_volatility": "market",
    "LedgerPath": "ledger.run",
    "Trade": "ledger.trades",
    "closed_trades": "ledger.trades",
    "run_ledger": "ledger.run",
    "UnitPath": "ledger.fixed_units",
    "run_units": "ledger.fixed_units",
    "TradingEnv": "account.env",
    "TradingVectorEnv": "account.vector",
    "not_bounded": "planning.foresight",
    "perfect_foresight": "planning.foresight",
}

if "tradewinds/Trading-v0" not in registry:
    register(
        "tradewinds/Trading-v0",
        entry_point="trading_env.account.env:TradingEnv",
        vector_entry_point="trading_env.account.vector:TradingVectorEnv",
    )
if "tradewinds/Battery-v0" not in registry:
    register(
        "tradewinds/Battery-v0",
        entry_point="trading_env.storage.env:BatteryEnv",
        vector_entry_point="trading_env.storage.env:BatteryVectorEnv",
    )


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"trading_env.{_HOME[name]}"), name)
    raise AttributeError(f"module 'trading_env' has no attribute '{name}'")
