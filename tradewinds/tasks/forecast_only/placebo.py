"""A forecast nobody acts on, in a world of random signs."""

import numpy as np

from tradewinds.pipeline.records import Forecasts, Luck, Outcome
from tradewinds.pipeline.task import Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import random_signs

unknowable = random_signs.unknowable


def costless(config: Config) -> Config:
    """Return the request as it is."""
    return config


def luck(prepared: Prepared, outcome: Outcome | None, forecasts: Forecasts, rng: np.random.Generator) -> Luck:
    """Return the luck of every forecaster."""
    return Luck(random_signs.forecast_luck(forecasts), {})
