"""How far a trading account's outcome can be believed, and what it were at other costs."""

from typing import Any

from tradewinds.evaluation.inference import inference_block
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Forecasts, Outcome, Prepared
from tradewinds.tasks.account.cost_sweep import cost_block


def inference(prepared: Prepared, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
    """Return intervals and tests of the agent's returns against those of the asset, and the sweep of costs."""
    config, played = prepared.config, outcome.record
    block = inference_block(
        outcome.earned("agent"),
        outcome.earned("buy_and_hold"),
        dict(forecasts.errors),
        bars_per_year=played.market.bars_per_year,
        draws=config.backtest.bootstrap_draws,
        seed=seed_for(config.seed, "bootstrap"),
    )
    return block | cost_block(played.targets[:, 0], played.market, config.env)
