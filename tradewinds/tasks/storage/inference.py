"""How far a storage unit's outcome can be believed, and what other units were to earn by the same schedule."""

from typing import Any

from tradewinds.evaluation.inference import interval_block
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Forecasts, Outcome, Prepared
from tradewinds.tasks.storage.sweeps import sweep_block

LEADS = {  # whom the agent's lead is measured against
    "lead_over_yesterday_per_day_ci95": "yesterdays_schedule",
    "lead_over_ridge_plan_per_day_ci95": "plan_on_ridge_forecast",
}


def inference(prepared: Prepared, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
    """Return intervals of daily profit, its share of the best and its leads, and the sweeps of wear and efficiency."""
    agent, played = outcome.earned("agent"), outcome.record
    series = {
        "profit_per_day_ci95": (agent, None),
        "share_of_perfect_foresight_ci95": (agent, outcome.earned("perfect_foresight")),
        **{name: (agent - outcome.earned(strategy), None) for name, strategy in LEADS.items()},
    }
    draws, seed = prepared.config.backtest.bootstrap_draws, seed_for(prepared.config.seed, "bootstrap")
    block = interval_block(series, draws=draws, seed=seed, unit="days")
    return block | sweep_block(played.market.price, played.power[:, 0], prepared.config.env)
