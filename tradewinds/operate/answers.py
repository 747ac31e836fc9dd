"""What a registered model answers on the present series: its signal and its forecasts.

Written once, for the commands that print an answer and for the server that keeps one. Must not know who asks.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.data.checks.excursions import refuse_doubtful_end
from tradewinds.operate.age import bars_missed, is_live
from tradewinds.operate.champion import first_unseen, load_version
from tradewinds.operate.database import Database
from tradewinds.operate.past import refuse_changed_past
from tradewinds.operate.rebuild import require_registered
from tradewinds.operate.refresh import bring_up_to_date
from tradewinds.operate.registry import Registry, Version
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


@dataclass(frozen=True, eq=False)
class RegisteredModel:
    """A version, whole and proven, on the present series.

    Attributes:
        version: which.
        request: the present request with its series.
        job: the same, as the version's agent knows it.
        models: what was fitted, with states of every bar.
    """

    version: Version
    request: Prepared
    job: Prepared
    models: Models

    @property
    def called(self) -> str:
        """The version in words."""
        return f"version {self.version.number} of '{self.version.name}'"


def present_series(config: Config, console: Console) -> Prepared:
    """Return a request with its series as it is now, as far as it can be had.

    Raises:
        RequestError: the data cannot be read.
        GateError: the source disagrees with what is stored, or the last bars are doubtful.
    """
    bring_up_to_date(config, console)
    return stored_series(config)


def stored_series(config: Config) -> Prepared:
    """Return a request with its series as it is stored.

    Raises:
        RequestError: the data cannot be read.
        GateError: the last bars are doubtful.
    """
    prepared: Prepared = job_of(config, whole=True, writes=False)
    refuse_doubtful_end(prepared.panel, config.data)
    return prepared


def champion_of(prepared: Prepared) -> Version:
    """Return the version in use.

    Raises:
        RequestError: there is none.
        GateError: the registry is gone, and with it which version is the champion.
    """
    runs = Path(prepared.config.run.dir)
    registry = Registry(Database.of(prepared.config.run))
    require_registered(registry, runs, prepared.name)
    champion = registry.champion(prepared.name)
    if champion is None:
        raise RequestError(f"'{prepared.name}' has no champion under {runs}; type `tradewinds retrain` first")
    return champion


def registered_model(prepared: Prepared, version: Version) -> RegisteredModel:
    """Load a version and encode the present series with it.

    Raises:
        GateError: the past of the series has changed, or the version's files are not what was registered.
        RequestError: they are gone, or it was trained on another series.
    """
    runs = Path(prepared.config.run.dir)
    refuse_changed_past(prepared, Registry(Database.of(prepared.config.run)).versions(prepared.name))
    job, models = load_version(runs, version, prepared)
    assert isinstance(job, Prepared)
    return RegisteredModel(version, prepared, job, models)


def decision_of(model: RegisteredModel) -> dict[str, Any]:
    """Walk a model through every bar that it never learned from, and return what it wants now.

    Raises:
        RequestError: there are too few such bars.
    """
    prepared, models = model.request, model.models
    index, first = prepared.series.index, first_unseen(prepared, models)
    if first + 1 >= len(index):
        assert models.trained_to is not None
        raise RequestError(
            f"the series ends {index[-1].isoformat()}, and champion {model.version.number} learned up to "
            f"{models.trained_to.isoformat()}; a signal needs two bars and an embargo of "
            f"{prepared.split.embargo_bars} after that"
        )
    decision: dict[str, Any] = prepared.task.decision(model.job, models, range(first, len(index)))
    return decision


def signal_of(model: RegisteredModel, decision: dict[str, Any], moment: datetime) -> dict[str, Any]:
    """Return what a model wants with how old it and its data are at a moment."""
    series, version = model.request.series, model.version
    return {
        "model": model.request.name,
        "model_version": version.number,
        "model_created_at": version.created_at,
        "model_age_days": _days(moment - datetime.fromisoformat(version.created_at)),
        "data_last_bar": series.index[-1].isoformat(),
        "data_age_days": _days(moment - series.close_time[-1].to_pydatetime()),
        "data_age_bars": bars_missed(series, moment) if is_live(model.request) else None,
        **decision,
    }


def forecast_of(prepared: Prepared, models: Models, whose: str, levels: Sequence[float]) -> tuple[pd.DataFrame, Any]:
    """Return forecasts of what comes after the last bar, as a table and as plain data.

    Args:
        prepared: the request as the forecaster knows it.
        models: a forecaster and its states, at least.
        whose: what to call the forecaster.
        levels: of the intervals.

    Raises:
        RequestError: nothing can be told.
    """
    from tradewinds.tasks.predictions import unit_of  # it loads torch, which a refusal does without

    table = prepared.task.prediction(prepared, models, levels)
    return table, {"forecaster": whose, "unit": unit_of(prepared) or None, "rows": records(table)}


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table of forecasts as plain data, moments as ISO 8601."""
    moments = [name for name in ("issued", "target") if name in table]
    plain = table.assign(**{name: [one.isoformat() for one in table[name]] for name in moments})
    rows: list[dict[str, Any]] = json.loads(plain.to_json(orient="records", double_precision=15))
    return rows


def _days(age: timedelta) -> float:
    return round(age.total_seconds() / 86_400, 3)
