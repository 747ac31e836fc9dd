"""A search from a request to its page: workers on one study, every trial in the log of trials, and what was found."""

import json
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from sqlalchemy.engine import make_url

from tradewinds import __version__
from tradewinds.core.console import Console, again
from tradewinds.core.errors import RequestError
from tradewinds.core.executor import executor_of
from tradewinds.core.files import write_json, write_text
from tradewinds.core.threads import pinned
from tradewinds.data.shared import Shared, key_of, read_parts, sharing
from tradewinds.pipeline.artifact import new_run_id
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.task import Job, Prepared
from tradewinds.pipeline.tracking import tracked_command
from tradewinds.report.document import run_facts
from tradewinds.request.experiment import words_of, write_experiment
from tradewinds.request.schema import Config, request_from
from tradewinds.request.search_settings import Goal
from tradewinds.search.findings import findings
from tradewinds.search.goals import reached
from tradewinds.search.history import BEGUN_WITH, likeness, past_studies, portfolio
from tradewinds.search.objective import FOLDER, Objective, RequestObjective, scored_on, unwatched
from tradewinds.search.page import search_lines, search_page
from tradewinds.search.space import OF_AGENTS, OF_NETWORKS, dimensions, value_at
from tradewinds.search.study import StudyPlan, begin_with, finished_trials, opened, tries_of, work
from tradewinds.search.traits import traits_of
from tradewinds.search.tries import BESIDE, PER_YEAR, as_try, kept
from tradewinds.tasks import job_of, reads_series

DOCUMENT, PAGE, WINNER = "search.json", "search.html", "winner"
DEFAULT = "default"  # attribute of a study: what the request's own settings came to
WARM = "warm_start"  # attribute: the settings it began with, and whose searches they are from
KILLED = "a worker was killed; type the same command to go on"


def search(config: Config, console: Console) -> dict[str, Any]:
    """Try settings until so many are finished, tell what was found, and write page, document and experiment.

    Raises:
        RequestError: the request, its space, its goals or its storage cannot be.
    """
    job = job_of(config, whole=True)
    if config.search.warm_start is not None and not isinstance(job, Prepared):
        raise RequestError(
            f"search.warm_start=from_history compares searches by their series, and {job.name} has none; leave it out"
        )
    plan, folder = planned(config, job)
    _require_reachable(plan, executor_of(config.executor, config.run.dir).machines())
    for one in plan.dimensions:
        console.note(f"  {one.told()}")
    console.note(f"scored on {scored_on(job)}")
    if plan.wanted < config.search.trials:
        console.note(f"note: there are {plan.wanted} settings beside the request's own: each is tried once")
    study, started = opened(plan), datetime.now(UTC)
    deadline = None if config.search.minutes is None else time.monotonic() + 60.0 * config.search.minutes
    with sharing(_shared(config)):
        objective = RequestObjective(config)
        _require_default(study, objective, plan)
        if plan.settings.warm_start is not None and isinstance(job, Prepared):
            console.note(_warm(study, plan, job))
        before = len(finished_trials(study))
        if before:
            console.note(f"{before} trials of this study are there already")
        with console.progress("search") as progress:
            _all_work(config, plan, objective, deadline, lambda done: progress(done, plan.wanted, {}))
    document = told(job, plan, study, folder, console, started)
    if (tracked := tracked_command()) is not None:
        tracked.tell_curve(
            (trial["trial"], {f"trial/{goal}": trial[goal] for goal in plan.goals})
            for trial in document["trials"]
            if not trial["note"]
        )
    for line in search_lines(document):
        console.result(line)
    return {"search": document["search"], "page": str(folder / PAGE)}


def planned(config: Config, job: Job) -> tuple[StudyPlan, Path]:
    """Return what a request's study tries, under which name, and the folder of its results."""
    acts, wanted = job.task.acts, config.search
    usual = [*(OF_NETWORKS if reads_series(config) or not acts else ()), *(OF_AGENTS if acts else ())]
    space = dimensions(config, usual)
    goals: tuple[Goal, ...] = wanted.goals or (("score",) if acts else ("error",))
    facts = {
        "config": config.deciding(),
        "data": job.inputs["sha256"],
        "space": [one.told() for one in space],
        "goals": goals,
        "rows": scored_on(job),
        "sampler": [wanted.sampler, wanted.prune, *filter(None, [wanted.warm_start])],
        "version": __version__,
    }
    name = wanted.study or sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    folder = job.runs.absolute() / FOLDER / name
    url = wanted.storage or f"sqlite:///{folder / 'study.db'}"
    own = {one.key: value_at(config.plain(), one.key) for one in space}
    return StudyPlan(name, url, space, goals, wanted, config.seed, own), folder


def _require_reachable(plan: StudyPlan, machines: int) -> None:
    """Refuse a study that only one of several machines can lock.

    Raises:
        RequestError: it is one of SQLite.
    """
    if machines > 1 and plan.url.startswith("sqlite"):
        raise RequestError(
            f"search.storage: SQLite is locked by one machine alone, and {machines} would write to it; give the "
            "address of a server, such as postgresql+psycopg://user@host/name"
        )


def _shared(config: Config) -> list[Any]:
    """Return what is read once and not anew at each trial."""
    return [key_of(*config.sources)] if reads_series(config) else []


def _require_default(study: optuna.Study, objective: Objective, plan: StudyPlan) -> None:
    """Score the request's own settings, unless the study holds them.

    Raises:
        RequestError: they do not have what is sought.
    """
    if DEFAULT in study.user_attrs:
        return
    validated = objective({}, unwatched)
    reached(plan.goals, validated)
    study.set_user_attr(DEFAULT, kept(validated))


def _warm(study: optuna.Study, plan: StudyPlan, job: Prepared) -> str:
    """Queue what did well in earlier searches, the same ones whenever this study goes on, and say so."""
    if WARM not in study.user_attrs:
        alike = likeness(job.task.kind, job.config.deciding(), plan.goals[0])
        studies = past_studies(Path(job.config.run.dir), alike, plan.dimensions, plan.name)
        settings = portfolio(studies, _traits(job), plan.dimensions, plan.own, min(BEGUN_WITH, plan.wanted))
        study.set_user_attr(WARM, {"settings": settings, "from": [past.name for past in studies]})
    begun = study.user_attrs[WARM]
    begin_with(study, plan, begun["settings"])
    if not begun["settings"]:
        return (
            f"note: no earlier search beneath {job.config.run.dir} is of use: the same task, agent, model and goal, "
            "and a space with these keys; it begins with nothing"
        )
    return f"it begins with {len(begun['settings'])} settings from {len(begun['from'])} earlier searches"


def _traits(job: Prepared) -> dict[str, float]:
    """Return what a series is like, by the rows that its forecaster may learn from."""
    return traits_of(job.series, job.split.forecaster)


def _all_work(
    config: Config, plan: StudyPlan, objective: Objective, deadline: float | None, progress: Callable[[int], None]
) -> None:
    """Let this process work, or so many that an executor starts."""
    executor, workers = executor_of(config.executor, config.run.dir), config.search.workers
    if workers == 1 and not executor.elsewhere:
        work(plan, objective, 0, progress, deadline)
        return
    left = None if deadline is None else deadline - time.monotonic()
    data = executor.put(_read(config))
    shared = (config.plain(), plan, data, left)
    with executor.results_of(
        _worker, range(workers), workers=workers, shared=shared, threads=1, killed=KILLED
    ) as results:
        for done in results:
            progress(done)


def _read(config: Config) -> Shared:
    """Return the data of a request, as this process has read them."""
    return {key: read_parts(*config.sources) for key in _shared(config)}


def _worker(
    plain: Mapping[str, Any], plan: StudyPlan, data: Callable[[], Shared], left: float | None, number: int
) -> int:
    """Work in a process of its own, and return how many trials were finished at last."""
    config, finished = request_from(plain), [0]
    deadline = None if left is None else time.monotonic() + left
    with pinned(1), sharing(data()):
        work(plan, RequestObjective(config), number, finished.append, deadline)
    return finished[-1]


def told(
    job: Job, plan: StudyPlan, study: optuna.Study, folder: Path, console: Console, started: datetime
) -> dict[str, Any]:
    """Write what a study came to: search.json, its page, and the best settings as an experiment."""
    config, tries = job.config, tries_of(study, plan.dimensions)
    attributes = study.user_attrs[DEFAULT]
    found = findings(
        as_try(-1, {}, attributes),
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
        "data": {
            "name": job.name,
            "task": job.task.kind,
            "sha256": job.inputs["sha256"],
            "traits": _traits(job) if isinstance(job, Prepared) else None,
        },
        "search": {
            **found,
            "study": plan.name,
            "storage": make_url(plan.url).render_as_string(hide_password=True),
            "sampler": plan.settings.sampler,
            "warm_start": study.user_attrs.get(WARM),
            "wanted": plan.wanted,
            "scored_on": scored_on(job),
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
    if values and "--config-dir" not in shlex.split(console.typed):  # one folder can be named, and it is another
        how = f"tradewinds run --config-dir {folder / 'conf'} experiment={WINNER}"
        remark = f"Found by {run['again']}\n{found['verdict']}\nTo judge it: {how}"
        path = write_experiment(folder, WINNER, console.typed, values, remark)
        console.wrote(path)
    write_json(folder / DOCUMENT, document)
    write_text(folder / PAGE, search_page(document))
    console.wrote(folder / PAGE)
    return document


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
