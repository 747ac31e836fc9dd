"""How far a storage unit's outcome can be believed, and what other units were to earn by the same schedule."""

from typing import Any

from tradewinds.evaluation.inference import interval_block
from tradewinds.evaluation.rivals import rival_block
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Forecasts, Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.storage.sweeps import sweep_block

FORESIGHTS = ("foresight_of_each_day", "perfect_foresight")  # which know what comes
NO_RIVALS = ("agent", *FORESIGHTS)


def inference(prepared: Prepared, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
    """Return intervals of daily profit, its share of the best, its leads a day, and the sweeps of the unit."""
    agent, played = outcome.earned("agent"), outcome.record
    series = {
        "profit_per_day_ci95": (agent, None),
        "share_of_perfect_foresight_ci95": (agent, outcome.earned("perfect_foresight")),
    }
    draws, seed = prepared.config.backtest.bootstrap_draws, seed_for(prepared.config.seed, "bootstrap")
    block = interval_block(series, draws=draws, seed=seed, unit="days")
    rivals = [name for name in outcome.strategies if name not in NO_RIVALS]
    unit = f"{prepared.series.price_unit.split('/')[0]} a day".strip()
    block |= rival_block(outcome.increments, rivals, per=1.0, unit=unit, draws=draws, seed=seed)
    return block | sweep_block(played.market, played.power[:, 0], prepared.config.env)
