"""A search from a request to its page: workers on one study, every trial in the log of trials, and what was found."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url

from tradewinds import __version__
from tradewinds.core.console import Console, again
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_json, write_text
from tradewinds.core.threads import pinned
from tradewinds.core.workers import results_of
from tradewinds.data.shared import key_of, sharing
from tradewinds.evaluation.trials import judged_trial, log_trial
from tradewinds.judge import keep_rows
from tradewinds.pipeline.artifact import new_run_id
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Validated
from tradewinds.pipeline.task import Job, Prepared
from tradewinds.report.document import run_facts
from tradewinds.request.experiment import words_of, write_experiment
from tradewinds.request.schema import Config, request_from
from tradewinds.request.search_settings import Goal
from tradewinds.search.findings import Try, findings
from tradewinds.search.page import search_lines, search_page
from tradewinds.search.space import OF_AGENTS, OF_NETWORKS, dimensions, value_at, with_values
from tradewinds.search.study import (
    BESIDE,
    GAINS,
    GOALS,
    PER_YEAR,
    REFUSED,
    StudyPlan,
    as_attributes,
    finished_trials,
    opened,
    values_of,
    work,
)
from tradewinds.search.trial import Watch, tried
from tradewinds.tasks import job_of, reads_series

FOLDER, DOCUMENT, PAGE, WINNER = "search", "search.json", "search.html", "winner"
DEFAULT, BEFORE = (
    "default",
    "minutes_before",
)  # attributes of a study: the request's own settings, and what it has taken
KILLED = "a worker was killed; type the same command to go on"


def search(config: Config, console: Console) -> dict[str, Any]:
    """Try settings until so many are finished, tell what was found, and write page, document and experiment.

    Raises:
        RequestError: the request, its space, its goals or its storage cannot be.
    """
    if not config.search.goals:
        goals: tuple[Goal, ...] = ("score",) if _acts(config) else ("error",)
        config = replace(config, search=replace(config.search, goals=goals))
    job = job_of(config, whole=True)
    plan, folder = planned(config, job)
    for one in plan.dimensions:
        console.note(f"  {one.told()}")
    if plan.wanted < config.search.trials:
        console.note(f"note: there are {plan.wanted} settings beside the request's own: each is tried once")
    study = opened(plan)
    begun, started = time.monotonic(), datetime.now(UTC)
    deadline = None if config.search.minutes is None else begun + 60.0 * config.search.minutes
    with sharing([key_of(*config.sources)] if reads_series(config) else []):
        _require_default(study, config, plan)
        before = len(finished_trials(study))
        if before:
            console.note(f"{before} trials of this study are there already")
        with console.progress("search") as progress:
            _all_work(config, plan, deadline, lambda done: progress(done, plan.wanted, {}))
    document = told(job, plan, study, folder, console, started)
    for line in search_lines(document):
        console.result(line)
    return {"search": document["search"], "page": str(folder / PAGE)}


def planned(config: Config, job: Job) -> tuple[StudyPlan, Path]:
    """Return what a request's study tries, under which name, and the folder of its results."""
    usual = [*(OF_NETWORKS if reads_series(config) or not job.task.acts else ()), *(OF_AGENTS if job.task.acts else ())]
    space, wanted = dimensions(config, usual), config.search
    facts = {
        "config": config.deciding(),
        "data": job.inputs["sha256"],
        "space": [one.told() for one in space],
        "goals": wanted.goals,
        "sampler": [wanted.sampler, wanted.prune],
        "version": __version__,
    }
    name = wanted.study or sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    folder = job.runs.absolute() / FOLDER / name
    url = wanted.storage or f"sqlite:///{folder / 'study.db'}"
    own = {one.key: value_at(config.plain(), one.key) for one in space}
    return StudyPlan(name, url, space, wanted.goals, wanted, config.seed, own), folder


def _acts(config: Config) -> bool:
    from tradewinds.tasks import task_of

    return bool(task_of(config).acts)


def _require_default(study: optuna.Study, config: Config, plan: StudyPlan) -> None:
    """Score the request's own settings, unless the study holds them.

    Raises:
        RequestError: they do not have what is sought.
    """
    if DEFAULT in study.user_attrs:
        return
    validated = _objective(config, _log_of(config), {}, lambda percent, metrics: None)
    lacking = [goal for goal in plan.goals if goal not in validated.goals]
    if lacking:
        raise RequestError(
            f"search.goals names {', '.join(lacking)}, which this task does not have; it has "
            f"{', '.join(sorted(validated.goals))}"
        )
    study.set_user_attr(DEFAULT, as_attributes(validated))


def _all_work(config: Config, plan: StudyPlan, deadline: float | None, progress: Any) -> None:
    """Let this process work, or so many of its own."""
    if config.search.workers == 1:
        work(plan, partial(_objective, config, _log_of(config)), 0, progress, deadline)
        return
    left = None if deadline is None else deadline - time.monotonic()
    shared = (config.plain(), plan, left)
    with results_of(
        _worker, range(config.search.workers), workers=config.search.workers, shared=shared, threads=1, killed=KILLED
    ) as results:
        for done in results:
            progress(done)


def _worker(plain: Mapping[str, Any], plan: StudyPlan, left: float | None, number: int) -> int:
    """Work in a process of its own, and return how many trials were finished at last."""
    config, finished = request_from(plain), [0]
    deadline = None if left is None else time.monotonic() + left
    shared = [key_of(*config.sources)] if reads_series(config) else []
    with pinned(1), sharing(shared):
        work(plan, partial(_objective, config, _log_of(config)), number, finished.append, deadline)
    return finished[-1]


class _Log:
    """Writes trials down where those that are judged on the same test rows are counted."""

    def __init__(self, config: Config, job: Prepared) -> None:
        self._config, self._job, self._rows = config, job, keep_rows(job)

    def add(self, values: Mapping[str, Any], validated: Validated) -> None:
        """Write one down, as what it is once it is judged: a repetition counts no second time."""
        gains, per_year = validated.gains.get("score"), validated.per_year
        if gains is None or per_year is None:
            return
        request, span = (
            request_from(with_values(self._config.plain(), values)),
            self._job.time_range(self._job.split.test),
        )
        trial = judged_trial(
            pd.Series(gains),
            series=str(self._job.inputs["series"]),
            way=self._job.task.kind,
            rows=self._rows,
            data_sha256=self._job.inputs["sha256"],
            first=span["first"],
            last=span["last"],
            periods=len(gains),
            periods_per_year=per_year,
            config=request.deciding(),
            seed=request.seed,
            run=self._job.runs / FOLDER,
            part="validation",
        )
        log_trial(trial, pd.Series(gains), Path(self._config.run.dir))


def _log_of(config: Config) -> _Log | None:
    """Return the log of a request whose test rows are counted by who looked at them."""
    job = job_of(config, whole=True)
    return _Log(config, job) if isinstance(job, Prepared) and job.task.acts else None


def _objective(config: Config, log: _Log | None, values: Mapping[str, Any], watch: Watch) -> Validated:
    validated = tried(config.plain(), values, watch)
    if log is not None:
        log.add(values, validated)
    return validated


def told(
    job: Job, plan: StudyPlan, study: optuna.Study, folder: Path, console: Console, started: datetime
) -> dict[str, Any]:
    """Write what a study came to: search.json, its page, and the best settings as an experiment."""
    config, trials = job.config, finished_trials(study)
    attributes = study.user_attrs[DEFAULT]
    default = _as_try(-1, {}, attributes, "")
    tries = [
        _as_try(trial.number, values_of(trial, plan.dimensions), trial.user_attrs, _note(trial)) for trial in trials
    ]
    found = findings(
        default,
        tries,
        plan.goals,
        beside=attributes[BESIDE],
        per_year=attributes[PER_YEAR],
        draws=config.backtest.bootstrap_draws,
        seed=seed_for(config.seed, "search"),
    )
    values = found["best"]["values"] if found["best"] is not None and found["gain_over_default"] > 0.0 else {}
    run = {
        "id": new_run_id(),
        "command": "search",
        "again": again("search", console.typed),
        "started_at": started.isoformat(),
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
    }
    document = {
        "run": run_facts(job, run),
        "data": {"name": job.name, "sha256": job.inputs["sha256"]},
        "search": {
            **found,
            "study": plan.name,
            "storage": make_url(plan.url).render_as_string(hide_password=True),
            "sampler": plan.settings.sampler,
            "wanted": plan.wanted,
            "space": [one.told() for one in plan.dimensions],
            "importance": _importance(study, plan, found["complete"]),
            "run_best": f"tradewinds run {words_of(console.typed, values)}" if values else None,
            "given_up_for": dict(Counter(one.note for one in tries if one.note)),
        },
        "trials": [{"trial": one.number, **one.values, **one.goals, "note": one.note} for one in tries],
        "honesty": {"verdict": found["verdict"]},
        "warnings": list(job.notes),
    }
    folder.mkdir(parents=True, exist_ok=True)
    if values:
        how = f"tradewinds run --config-dir {folder / 'conf'} experiment={WINNER}"
        remark = f"Found by {run['again']}\n{found['verdict']}\nTo judge it: {how}"
        path = write_experiment(folder, WINNER, console.typed, values, remark)
        console.wrote(path)
    write_json(folder / DOCUMENT, document)
    write_text(folder / PAGE, search_page(document))
    console.wrote(folder / PAGE)
    return document


def _as_try(number: int, values: Mapping[str, Any], attributes: Mapping[str, Any], note: str) -> Try:
    gains = {name: np.array(part, np.float64) for name, part in attributes.get(GAINS, {}).items()}
    return Try(number, values, {} if note else attributes.get(GOALS, {}), gains, note)


def _note(trial: FrozenTrial) -> str:
    if REFUSED in trial.user_attrs:
        return str(trial.user_attrs[REFUSED])
    return "fell behind the others" if trial.state == TrialState.PRUNED else ""


def _importance(study: optuna.Study, plan: StudyPlan, complete: int) -> dict[str, float]:
    """Return by key its share in what tells good trials from others; nothing where there are too few of them."""
    if complete < 8 or len(plan.dimensions) < 2:
        return {}
    shares = get_param_importances(
        study,
        evaluator=PedAnovaImportanceEvaluator(),
        target=None if len(plan.goals) == 1 else lambda trial: trial.values[0],
    )
    return {name: float(share) for name, share in shares.items()}
