"""Folds and seeds of a walk forward: each is fitted in a process of its own, once, and kept by what it depends on.

A finished fold is an artifact named by the hash of its request, its bars and its rows; whatever is killed when, the
same command finds it again and computes the others. Must not know how the results are told.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.data.features import build_features
from forecaster.data.splits import Fold, walk_forward_folds
from tradewinds import __version__
from tradewinds.core.console import Report, Silent
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.workers import results_of
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.artifact import MANIFEST, read, writing
from tradewinds.pipeline.prepare import Prepared, prepared_from
from tradewinds.request.schema import Config, request_from

KIND, FOLDER, DECISIONS = "walk_forward_fold", "walk_forward", "decisions.parquet"


@dataclass(frozen=True)
class Task:
    """One fold with one seed.

    Attributes:
        number: of the fold, from 0.
        fold: its rows.
        seed: of forecaster and agent.
        folder: where its artifact lies, or will lie.
    """

    number: int
    fold: Fold
    seed: int
    folder: Path


@dataclass(frozen=True, eq=False)
class Decisions:
    """What the agent of a fold decided, from the last bar before its test rows to the last but one of them.

    Attributes:
        targets: (R,) target exposures, each decided at the close of its bar.
        forecast: (R, H) forecast log returns of the bars that the order earns, the first one first.
        next_bar: (R,) forecast log return of the next bar.
    """

    targets: NDArray[np.float64]
    forecast: NDArray[np.float32]
    next_bar: NDArray[np.float32]


def plan(prepared: Prepared) -> list[Task]:
    """List all folds and seeds of a request.

    Args:
        prepared: the request, its parts aligned with its bars.

    Raises:
        RequestError: too few rows for the folds.
    """
    config, panel = prepared.config, prepared.panel
    asked = config.walk_forward
    tables = [build_features(panel.instrument(name), config.features) for name in panel.instruments]
    try:
        folds = walk_forward_folds(
            len(panel.index),
            config.split,
            folds=asked.folds,
            mode=asked.mode,
            test_share=asked.test_share,
            context_length=config.model.context_length,
            horizon=config.model.horizon,
            first_row=max(table.first_row for table in tables),
            stop_fraction=config.trainer.early_stopping_fraction,
        )
    except ValueError as error:
        raise RequestError(f"{panel.name}: {error}") from None
    tasks = []
    for number, fold in enumerate(folds):
        content = panel.rows(fold.rows).sha256()
        for seed in range(config.seed, config.seed + asked.seeds):
            one = dataclasses.replace(config, seed=seed)
            facts = [one.deciding(), content, repr(fold), __version__]
            key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
            tasks.append(Task(number, fold, seed, prepared.runs / FOLDER / key))
    return tasks


def finished(task: Task) -> bool:
    """Say whether the fold is there, whole; a damaged one is not."""
    if not (task.folder / MANIFEST).exists():
        return False
    try:
        read(task.folder, KIND)
    except (GateError, RequestError):
        return False
    return True


def decisions_of(task: Task) -> Decisions:
    """Read what `finished` found."""
    table = pd.read_parquet(read(task.folder, KIND).folder / DECISIONS)
    forecast = table[[name for name in table.columns if name.startswith("forecast_")]].to_numpy(np.float32)
    return Decisions(table["target"].to_numpy(np.float64), forecast, table["next_bar"].to_numpy(np.float32))


def facts_of(task: Task) -> dict[str, Any]:
    """Return what is known of a finished fold beside its decisions: whether its agent learned, its leak check."""
    return dict(read(task.folder, KIND).manifest["facts"])


def run_all(prepared: Prepared, tasks: list[Task], progress: Report) -> int:
    """Compute what is not finished, the longest folds first, and return how many that were.

    Raises:
        ValueError: a fold failed; those that were finished stay.
        RuntimeError: a worker was killed.
    """
    left = [task for task in tasks if not finished(task)]
    done = len(tasks) - len(left)
    progress(done, len(tasks), {})
    if not left:
        return 0
    left.sort(key=lambda task: (-len(task.fold.rows), task.number, task.seed))
    with results_of(
        _compute_plain,
        left,
        workers=prepared.config.walk_forward.workers or os.cpu_count() or 1,
        shared=(prepared.config.plain(), prepared.parts),
        threads=1,
        killed="a worker was killed; type the same command to go on",
    ) as results:
        for _ in results:
            done += 1
            progress(done, len(tasks), {})
    return len(left)


def _compute_plain(plain: Mapping[str, Any], parts: Parts, task: Task) -> None:
    compute(request_from(plain), parts, task)


def compute(config: Config, parts: Parts, task: Task) -> None:
    """Fit forecaster and agent of one fold, let the agent decide on its test rows, and write the artifact.

    Later bars are cut off first: for this fold they do not exist.
    """
    from tradewinds.commands.encode import encode_states
    from tradewinds.commands.train_agent import train_agent
    from tradewinds.commands.train_forecaster import train_forecaster
    from tradewinds.leakcheck.probes import leakcheck_block
    from tradewinds.tasks.account.backtest import earning_bar, play
    from tradewinds.tasks.account.market import build_market

    bars, split, silent = parts.series.series.rows(task.fold.rows), task.fold.split, Silent()
    cut = dataclasses.replace(parts, series=dataclasses.replace(parts.series, series=bars))
    prepared = prepared_from(dataclasses.replace(config, seed=task.seed), cut, split)
    series, played = prepared.series, range(split.test.start - 1, split.test.stop)
    with TemporaryDirectory(prefix="tradewinds-fold-") as temporary:
        run = Path(temporary) / "run"
        panel, forecaster = train_forecaster(prepared, run, silent)
        fitted = panel[series.instruments[0]]
        states, encoded = encode_states(prepared, series, fitted, forecaster, run / "hidden_states", silent)
        trained, _ = train_agent(prepared, states, {"forecaster": forecaster, "hidden_states": encoded}, run, silent)
    targets = play(trained.policy, build_market(prepared, states, played), prepared.config.env)[:-1, 0]
    decided = slice(played.start, played.stop - 1)
    earned = states.forecast[decided, earning_bar(prepared) :]
    columns = {"target": targets, "next_bar": states.forecast[decided, 0]}
    columns |= {f"forecast_{number + 1}": column for number, column in enumerate(earned.T)}
    facts = {"fold": task.number, "best_step": trained.best_step, "learned": trained.best_step > 0}
    facts |= {"leakcheck": leakcheck_block(prepared, fitted, trained.policy)["leakcheck"]}
    shutil.rmtree(task.folder, ignore_errors=True)  # damaged, or it would not be computed again
    with writing(task.folder, KIND, config=prepared.config.plain(), inputs=prepared.inputs, facts=facts) as partial:
        pd.DataFrame(columns, index=series.index[decided]).to_parquet(partial / DECISIONS)
