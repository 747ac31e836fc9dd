"""A world at one price that never moves, in which nobody may earn anything: money and energy out of nothing show there.

Everybody acts in it, a policy that draws its actions too, under rules whose losses would feed whoever turned them
around (`Task.frictions`). Which strategies know what comes does not matter: nothing comes.
"""

import dataclasses
from typing import Any

import numpy as np

from tradewinds.data.assemble.loaded import Parts
from tradewinds.leakcheck.stretch import parts_of
from tradewinds.leakcheck.verdict import Leak, leak_at
from tradewinds.pipeline.encoding import encode_bars
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.pipeline.records import Outcome
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.random_policy import RandomPolicy

PRICE = 1.0
ROUNDING = 1e-9  # of a price, or an account, of 1


def still(prepared: Prepared, models: Models) -> Leak | None:
    """Act on the test rows of a still world; models as they were fitted, the agent replaced by drawn actions."""
    assert models.forecaster is not None
    task = prepared.task
    for number, config in enumerate(task.frictions(prepared.config)):
        world = prepared_from(config, task, still_parts(parts_of(prepared)), prepared.split, trains=False)
        states = encode_bars(models.forecaster, world.series)
        tested = dataclasses.replace(world, split=dataclasses.replace(world.split, validation=world.split.test))
        space = task.vector_env(tested, states, "validation", num_envs=1).single_action_space
        restless = dataclasses.replace(models, states=states, policy=RandomPolicy(space, number))
        outcome = task.outcome(world, task.decide(world, restless, world.split.test))
        leak = _earnings(prepared, outcome)
        if leak is not None:
            return leak
    return None


def still_parts(parts: Parts) -> Parts:
    """Return what was loaded at one price; columns stand as they were."""
    series = parts.series.series
    prices: dict[str, Any] = {name: np.full_like(series.close, PRICE) for name in ("open", "high", "low", "close")}
    rebased = series.dividends is not None or series.splits is not None  # features are those of the true world
    series = dataclasses.replace(series, **prices, dividends=None, splits=None, rebased=rebased)
    return dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=series))


def _earnings(prepared: Prepared, outcome: Outcome) -> Leak | None:
    earned = outcome.increments.cumsum()
    for name in outcome.strategies:
        rich = np.flatnonzero(earned[name].to_numpy(np.float64) > ROUNDING)
        if len(rich):
            row = int(prepared.series.index.searchsorted(earned.index[int(rich[0])]))
            who = "drawn actions" if name == "agent" else name
            money = earned[name].iloc[rich[0]]
            what = f"{who} had earned {money:.3g} by then at one price of {PRICE:g}, which never moves"
            return leak_at(prepared, "placebo", "equity", row, what)
    return None
