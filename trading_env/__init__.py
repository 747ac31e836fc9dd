"""Markets as Gymnasium environments: prices and features in, an environment with exact accounting out.

Knows NumPy and Gymnasium; nothing of networks, forecasts or files. Importing it registers `tradewinds/Trading-v0` and
`tradewinds/Battery-v0`.
"""

from gymnasium.envs.registration import register, registry

from trading_env.account.env import TradingEnv
from trading_env.account.episode import Episode, play_episode
from trading_env.account.plan import LevelPlan, planned_exposures, planned_targets
from trading_env.account.vector import TradingVectorEnv
from trading_env.config import CostConfig, RewardConfig, TradingConfig
from trading_env.frames import make_env, market_of
from trading_env.ledger.fixed_units import UnitRun, run_units
from trading_env.ledger.fixed_weights import WeightRun, run_weights
from trading_env.ledger.run import LedgerRun, cut_due, final_equity, run_ledger
from trading_env.ledger.trades import Trade, all_trades, closed_trades, payments
from trading_env.market import Market, realised_volatility
from trading_env.planning.foresight import not_bounded, perfect_foresight
from trading_env.storage.config import BatteryConfig
from trading_env.storage.env import BatteryEnv, BatteryVectorEnv
from trading_env.storage.ledger import ScheduleRun, run_schedule
from trading_env.storage.market import PowerMarket
from trading_env.storage.plan import SchedulePlan, planned_schedule
from trading_env.storage.schedule import best_schedule, perfect_schedule, play_schedule

__all__ = [
    "BatteryConfig",
    "BatteryEnv",
    "BatteryVectorEnv",
    "CostConfig",
    "Episode",
    "LedgerRun",
    "LevelPlan",
    "Market",
    "PowerMarket",
    "RewardConfig",
    "SchedulePlan",
    "ScheduleRun",
    "Trade",
    "TradingConfig",
    "TradingEnv",
    "TradingVectorEnv",
    "UnitRun",
    "WeightRun",
    "all_trades",
    "best_schedule",
    "closed_trades",
    "cut_due",
    "final_equity",
    "make_env",
    "market_of",
    "not_bounded",
    "payments",
    "perfect_foresight",
    "perfect_schedule",
    "planned_exposures",
    "planned_schedule",
    "planned_targets",
    "play_episode",
    "play_schedule",
    "realised_volatility",
    "run_ledger",
    "run_schedule",
    "run_units",
    "run_weights",
]

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
