"""What `fresh` asks of a new process: what is said of a world. Loads torch only where networks are asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.data.panel import build_panel_features
from forecaster.data.splits import Split
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.prepare import prepared_from
from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.request.schema import request_from
from tradewinds.tasks import task_of

FORECASTER, POLICY = "forecaster", "policy"  # folders that models are put down in


def read_features(plain: Mapping[str, Any], parts: Parts, split: Split) -> TraceTables:
    """Prepare a request and return the features of what is acted on, as a trace holds them."""
    prepared = _prepared(plain, parts, split)
    tables = build_panel_features(prepared.series, prepared.config.features)
    return {"features": [(0, np.concatenate([table.values for table in tables], axis=1))]}


def read_world(plain: Mapping[str, Any], parts: Parts, folder: Path, split: Split) -> TraceTables:
    """Prepare a request, take up the models that lie in a folder, and return what is said."""
    from tradewinds.pipeline.encoding import load_forecasters
    from trading_agent import load_policy

    prepared = _prepared(plain, parts, split)
    acts = any((folder / POLICY).iterdir())
    policy = load_policy(folder / POLICY, plans=prepared.task.plans) if acts else None
    return said_of(prepared, Models(load_forecasters(folder / FORECASTER, prepared.series), policy=policy))


def said_of(prepared: Prepared, models: Models) -> TraceTables:
    """Return what every stage says of a world up to the end of its test rows, and the strategies' metrics there."""
    from tradewinds.leakcheck.trace import trace

    rows = prepared.split.test
    told = trace(prepared, models, rows)
    if told.decisions is None or not prepared.config.backtest.metrics:
        return told.tables
    metrics = prepared.task.outcome(prepared, told.decisions).metrics
    named = [row.get(name) for row in metrics.values() for name in prepared.config.backtest.metrics]
    return {**told.tables, "metrics": [(rows.stop - 1, np.array([named], dtype=np.float64))]}


def _prepared(plain: Mapping[str, Any], parts: Parts, split: Split) -> Prepared:
    config = request_from(plain)
    return prepared_from(config, task_of(config), parts, split, trains=False)
