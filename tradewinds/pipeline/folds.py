"""A request as each fold of a walk knows it: its models are fitted on rows before those that are tested."""

from dataclasses import replace
from typing import Any

from forecaster.data.splits import Fold, walk_forward_folds
from tradewinds.core.errors import RequestError
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.prepare import prepared_from, warm_up
from tradewinds.pipeline.task import Prepared, Task
from tradewinds.request.schema import Config

FOLDS = "walk_forward.folds"  # what sentences on too few rows name


def folds_of(prepared: Prepared, key: str, count: int) -> list[Fold]:
    """Cut all bars of a request into so many folds, by `walk_forward.mode` and `walk_forward.test_share`.

    Args:
        prepared: the request.
        key: that says how many.
        count: of them.

    Raises:
        RequestError: too few rows for the folds.
    """
    config, panel = prepared.config, prepared.panel
    try:
        return walk_forward_folds(
            len(panel.index),
            config.split,
            folds=count,
            mode=config.walk_forward.mode,
            test_share=config.walk_forward.test_share,
            context_length=config.model.context_length,
            horizon=config.model.horizon,
            first_row=warm_up(panel, config),
            stop_fraction=config.trainer.early_stopping_fraction,
            boundary=prepared.task.boundary(prepared),
        )
    except ValueError as error:
        words = str(error).replace(FOLDS, key)
        raise RequestError(f"{panel.name}: {words}") from None


def job_of_fold(config: Config, task: Task[Any], parts: Parts, fold: Fold) -> Prepared:
    """Return the request of one fold, for which no bar beyond its rows exists.

    Args:
        config: the request.
        task: what is done with the forecasts.
        parts: what was loaded, aligned with the rows that were cut into folds.
        fold: its rows and their split.
    """
    bars = parts.series.series.rows(fold.rows)
    cut = replace(parts, series=replace(parts.series, series=bars))
    return prepared_from(config, task, cut, fold.split)
