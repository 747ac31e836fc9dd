"""How far a trading account's outcome can be believed, and what it were at other costs."""

from typing import Any

import numpy as np
import pandas as pd

from tradewinds.evaluation.inference import inference_block
from tradewinds.evaluation.rivals import rival_block
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Forecasts, Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.tasks.account.cost_sweep import cost_block
from tradewinds.tasks.account.rivals import KNOWING

RUIN = 1e-12  # equity below which the logarithm of what is left of it goes no further


def log_growth(increments: pd.DataFrame) -> pd.DataFrame:
    """Return the log growth of (P, S) simple returns; of an account that lost all, the logarithm of `RUIN`."""
    return increments.add(1.0).clip(lower=RUIN).apply(np.log)


def inference(prepared: Prepared, outcome: Outcome, forecasts: Forecasts) -> dict[str, Any]:
    """Return intervals and tests of the agent's returns, its lead in log growth a year, and the sweep of costs."""
    config, played = prepared.config, outcome.record
    seed = seed_for(config.seed, "bootstrap")
    block = inference_block(
        outcome.earned("agent"),
        outcome.earned("buy_and_hold"),
        dict(forecasts.errors),
        bars_per_year=played.market.bars_per_year,
        draws=config.backtest.bootstrap_draws,
        seed=seed,
    )
    block |= rival_block(
        log_growth(outcome.increments),
        [name for name in outcome.strategies if name not in ("agent", *KNOWING)],
        per=played.market.bars_per_year,
        unit="log growth a year",
        draws=config.backtest.bootstrap_draws,
        seed=seed,
    )
    return block | cost_block(played.targets[:, 0], played.market, config.env)
