"""What texts, pictures and charts are worth: networks without them and with each alone, beside the run's own."""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.data.assemble.loaded import Parts
from tradewinds.evaluation.inference import compare_forecasts
from tradewinds.pipeline import encoding
from tradewinds.pipeline.prepare import prepared_from, seed_for
from tradewinds.pipeline.provenance import FORECASTER
from tradewinds.pipeline.records import Forecasts
from tradewinds.pipeline.task import Models, Prepared

Array = NDArray[np.float64]
SERIES, CHART = "series only", "chart"
TESTS = ("next_bar", "value_ahead")
UNTOLD = "told of forecasts that are scored bar by bar"


def ablated(prepared: Prepared, forecasts: Forecasts) -> dict[str, Any] | None:
    """Train what the run did not, on the same rows by the same seed, and test each against the series alone.

    Weather and other columns of numbers are part of the series.

    Args:
        prepared: the request, its test rows open.
        forecasts: how the run's own network was scored.

    Returns:
        `networks`, by name: mean squared error of the next bar, `gain`, by how much of it that lies below the series'
        own, and the tests of Diebold and Mariano against that one (negative: what was added helps); `seconds`. None
        where it is not asked for.
    """
    if not prepared.config.backtest.ablation:
        return None
    senses, kind = prepared.config.reads_senses, prepared.config.model.kind
    if not forecasts.errors_ahead:
        return {"networks": None, "networks_reason": UNTOLD}
    started = time.perf_counter()
    kept = {SERIES: (), **({f"series and {name}": (name,) for name in senses} if len(senses) > 1 else {})}
    errors = {name: _errors(prepared, names) for name, names in kept.items()}
    errors[f"series and {' and '.join(senses)}"] = forecasts.errors_ahead[kind]
    base = float((errors[SERIES][:, 0] ** 2).mean())
    return {
        "networks": {name: _row(errors, name, base) for name in errors},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _row(errors: Mapping[str, Array], name: str, base: float) -> dict[str, Any]:
    squared = float((errors[name][:, 0] ** 2).mean())
    row: dict[str, Any] = {"next_bar_mse": squared, "gain": 1.0 - squared / base if base > 0.0 else None}
    if row["gain"] is None:
        row["gain_reason"] = "the series alone makes no error"
    if name == SERIES:
        return row
    tests = compare_forecasts({SERIES: errors[SERIES], name: errors[name]}, name)[SERIES]
    return row | {"against_series_only": {test: tests[test] for test in TESTS}}


def _errors(prepared: Prepared, names: tuple[str, ...]) -> Array:
    """Return (N, H) errors of a network that reads of all senses only those named."""
    world = with_only(prepared, names)
    panel = encoding.fit(
        world.until(world.split.forecaster.stop).panel,
        world.config.forecaster,
        world.split.forecaster,
        seed=seed_for(world.config.seed, FORECASTER),
    )
    fitted = encoding.of_instruments(panel, world.series)
    models = Models(fitted, encoding.encode_bars(fitted, world.series))
    return world.task.score(world, models, None).errors_ahead[world.config.model.kind]


def with_only(prepared: Prepared, names: tuple[str, ...]) -> Prepared:
    """Return the request without the texts, pictures and charts that are not named, its rows parted as they were."""
    config, parts = prepared.config, prepared.parts
    assert parts is not None
    columns = tuple(part for part in parts.columns if part.group not in config.senses or part.group in names)
    features = config.features if CHART in names else dataclasses.replace(config.features, chart_bars=0)
    backtest = dataclasses.replace(config.backtest, ablation=False, attributions=0)
    config = dataclasses.replace(config, features=features, backtest=backtest)
    return prepared_from(config, prepared.task, Parts(parts.series, columns), prepared.split, trains=False)
