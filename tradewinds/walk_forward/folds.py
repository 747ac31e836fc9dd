"""Folds and seeds of a walk forward: each is fitted in a process of its own, once, and kept by what it depends on.

A finished fold is an artifact named by the hash of its request, its bars and its rows; whatever is killed when, the
same command finds it again and computes the others. Must not know how the results are told.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from forecaster.data.splits import Fold
from tradewinds import __version__
from tradewinds.core.console import Report, Silent
from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.executor import executor_of
from tradewinds.data.assemble.loaded import Parts
from tradewinds.pipeline.artifact import MANIFEST, read, writing
from tradewinds.pipeline.folds import FOLDS, folds_of, job_of_fold
from tradewinds.pipeline.task import Prepared
from tradewinds.request.schema import Config, request_from
from tradewinds.tasks import task_of

KIND, FOLDER, DECISIONS = "walk_forward_fold", "walk_forward", "decisions.parquet"


@dataclass(frozen=True)
class FoldSeed:
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


def plan(prepared: Prepared) -> list[FoldSeed]:
    """List all folds and seeds of a request.

    Args:
        prepared: the request, its parts aligned with its bars.

    Raises:
        RequestError: too few rows for the folds.
    """
    prepared.task.require_action(prepared)
    config, panel = prepared.config, prepared.panel
    wanted, planned = config.walk_forward, []
    for number, fold in enumerate(folds_of(prepared, FOLDS, wanted.folds)):
        content = panel.rows(fold.rows).sha256()
        for seed in range(config.seed, config.seed + wanted.seeds):
            one = replace(config, seed=seed)
            facts = [one.deciding(), content, repr(fold), __version__]
            key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
            planned.append(FoldSeed(number, fold, seed, prepared.runs / FOLDER / key))
    return planned


def finished(fold: FoldSeed) -> bool:
    """Say whether the fold is there, whole; a damaged one is not."""
    if not (fold.folder / MANIFEST).exists():
        return False
    try:
        read(fold.folder, KIND)
    except (GateError, RequestError):
        return False
    return True


def decisions_of(fold: FoldSeed) -> pd.DataFrame:
    """Read what the agent of a finished fold decided, from the last bar before its test rows on."""
    return pd.read_parquet(read(fold.folder, KIND).folder / DECISIONS)


def facts_of(fold: FoldSeed) -> dict[str, Any]:
    """Return what is known of a finished fold beside its decisions: whether its agent learned, its leak check."""
    return dict(read(fold.folder, KIND).manifest["facts"])


def run_all(prepared: Prepared, folds: list[FoldSeed], progress: Report) -> int:
    """Compute what is not finished, the longest folds first, and return how many that were.

    Raises:
        ValueError: a fold failed; those that were finished stay.
        RuntimeError: a worker was killed.
    """
    left = [fold for fold in folds if not finished(fold)]
    done = len(folds) - len(left)
    progress(done, len(folds), {})
    if not left:
        return 0
    config = prepared.config
    executor = executor_of(config.executor, config.run.dir)
    workers = min(config.walk_forward.workers or executor.width(), len(left))
    left.sort(key=lambda fold: (-len(fold.fold.rows), fold.number, fold.seed))
    shared = (config.plain(), prepared.parts)
    killed = "a worker was killed; type the same command to go on"
    with executor.results_of(_compute, left, workers=workers, shared=shared, threads=1, killed=killed) as results:
        for _ in results:
            done += 1
            progress(done, len(folds), {})
    return len(left)


def _compute(plain: Mapping[str, Any], parts: Parts, fold: FoldSeed) -> None:
    """Compute a fold in a process of its own, with one thread, unless one that was taken for dead has done so."""
    if finished(fold):
        return
    import torch

    torch.set_num_threads(1)
    compute(request_from(plain), parts, fold)


def compute(config: Config, parts: Parts, fold: FoldSeed) -> None:
    """Fit the models of one fold, let the agent decide on its test rows, and write the artifact.

    Later bars are cut off first: for this fold they do not exist.
    """
    from tradewinds.leakcheck.own_check import check_run
    from tradewinds.pipeline.steps import AGENT, encoded_anew, fit

    config, split = replace(config, seed=fold.seed), fold.fold.split
    prepared = job_of_fold(config, task_of(config), parts, fold.fold)
    with TemporaryDirectory(prefix="tradewinds-fold-") as temporary:
        models = encoded_anew(prepared, fit(prepared.seal(), Path(temporary) / "run", Silent()))
    rows = range(split.test.start - 1, split.test.stop)
    decisions = prepared.task.decide(prepared, models, rows)
    trained = models.artifacts[AGENT].manifest["facts"]
    facts = {"fold": fold.number, "best_step": trained["best_step"], "learned": trained["learned"]}
    facts |= {"leakcheck": check_run(prepared, models, decisions=decisions, rows=rows).word}
    shutil.rmtree(fold.folder, ignore_errors=True)  # damaged, or it would not be computed again
    with writing(fold.folder, KIND, config=config.plain(), inputs=prepared.inputs, facts=facts) as partial:
        decisions.to_parquet(partial / DECISIONS)
