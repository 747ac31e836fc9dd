"""A paper account that follows the champion bar by bar: each bar is decided once, and what was decided stays.

It decides as `backtest model=champion` would from its first bar on, and every cost is the ledger's. All that it has to
remember stands in its journal; whatever else there is follows from that. Must not know what a task does at a bar.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from forecaster.data.splits import Split
from tradewinds.core.console import Console
from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.data.checks.excursions import refuse_doubtful_end
from tradewinds.operate.age import is_live, refuse_old
from tradewinds.operate.answers import champion_of
from tradewinds.operate.champion import CURE, first_unseen, load_version, prove
from tradewinds.operate.database import Database
from tradewinds.operate.judged_later import request_as_fitted
from tradewinds.operate.paper_journal import FILE, FOLDER, Journal
from tradewinds.operate.past import refuse_changed_past
from tradewinds.operate.refresh import bring_up_to_date
from tradewinds.operate.registry import Registry, Version, now
from tradewinds.operate.revisions import recorded_bars, revisions_of
from tradewinds.pipeline.records import DecisionTimes, PaperStep
from tradewinds.pipeline.task import Models, OnPaper, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of

LATE = "later data were there when it was decided"
LATE_AT_GATE = "it was decided after the gate had closed, at {:%Y-%m-%d %H:%M} UTC"


@contextmanager
def account_of(config: Config, console: Console) -> Iterator[tuple[Prepared, Version, Journal]]:
    """Yield a request with its data up to date, the champion and the journal of its paper account, alone at it.

    Raises:
        RequestError: there is no champion, the account is of something else, or the task cannot be done on paper.
        BusyError: another process is at it.
        GateError: the registry or the journal is damaged.
    """
    bring_up_to_date(config, console)
    job: Prepared = job_of(config, whole=True)
    if not isinstance(job.task, OnPaper):
        raise RequestError(f"the task {job.task.kind} cannot be followed on paper: it has no `follow`")
    champion = champion_of(job)
    folder = job.runs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            journal = Journal(folder / FILE)
            if journal.opened is not None:
                _refuse_another(job, journal)
            yield job, champion, journal
    except Timeout:
        raise BusyError(f"another `tradewinds paper` of '{job.name}' is at work; this one did nothing") from None


def catch_up(job: Prepared, champion: Version, journal: Journal, console: Console) -> int:
    """Take every step that is due, and write each down before the next; return how many there were.

    Raises:
        GateError: the past or the champion are not what they were, the data are too old, or a version may not decide.
    """
    registry = Registry(Database.of(job.config.run))
    _note_revisions(job, journal, console)
    refuse_doubtful_end(job.panel, job.config.data)
    refuse_changed_past(job, registry.versions(job.name))
    if remark := refuse_old(job, datetime.now(UTC)):
        console.note(f"note: {remark}")
    times, before = job.task.decision_times(job), len(journal.steps)
    due = _due(job, times, journal)
    deciders = _deciders(due, times, journal, registry.moves(job.name), champion)
    for number, group in groupby(zip(due, deciders, strict=True), key=lambda pair: pair[1]):
        version = next(one for one in registry.versions(job.name) if one.number == number)
        per_year = (journal.opened or {}).get("bars_per_year", job.series.bars_per_year)
        acting, models = _acting(job, version, per_year, console)
        for step in _steps(acting, models, version, [row for row, _ in group], journal):
            if journal.opened is None:
                journal.open(_account(job))
            journal.add(_entry(acting, step, version, journal, times, newest=due[-1]))
    return len(journal.steps) - before


def _due(job: Prepared, times: DecisionTimes, journal: Journal) -> list[int]:
    """Return the rows that are to be decided: of a fresh account the newest alone."""
    rows = np.flatnonzero(times.decides)
    if not journal.steps:
        return [int(row) for row in rows[-1:]]
    last = pd.Timestamp(journal.steps[-1]["at"])
    return [int(row) for row in rows[job.index[rows] > last]]


def _deciders(
    due: Sequence[int],
    times: DecisionTimes,
    journal: Journal,
    moves: Sequence[tuple[datetime, int]],
    champion: Version,
) -> list[int]:
    """Return the version that decides each row: at the newest the champion, at those before it who was it then.

    Whoever took the last step was, until another was promoted.
    """
    deciders = list[int]()
    for row in due[:-1]:
        since, number = pd.Timestamp(journal.steps[-1]["moment"]), int(journal.steps[-1]["version"])
        for at, after in moves:
            number = after if since < at <= times.reads[row] else number
        deciders.append(number)
    return [*deciders, champion.number] if due else []


def _acting(job: Prepared, version: Version, bars_per_year: float, console: Console) -> tuple[Prepared, Models]:
    """Return the request as a version knows it, its rows shared as in its training, and its models.

    A year has as many bars as it had when the account was opened: a file that has grown may count others.
    """
    runs = Path(job.config.run.dir)
    agent = prove(runs, version)
    request = request_as_fitted(job.config, agent.manifest["config"], console)
    trained, models = load_version(runs, version, job if request == job.config else job_of(request, whole=True))
    assert isinstance(trained, Prepared)
    assert models.trained_to is not None
    facts, index, gap = agent.manifest["facts"], trained.index, trained.split.embargo_bars
    if "selected_from" not in facts:
        raise RequestError(f"version {version.number} was made by an earlier release, which kept less of it; retrain")
    fitted = int(trained.series.close_time.searchsorted(models.shared.fit_end_time, side="right"))
    selecting = int(index.searchsorted(pd.Timestamp(facts["selected_from"])))
    learned = int(index.searchsorted(models.trained_to, side="right"))
    split = Split(
        forecaster=range(fitted),
        agent=range(fitted + gap, max(selecting - gap, fitted + gap)),
        validation=range(selecting, learned),
        test=range(learned + gap, len(index)),
        embargo_bars=gap,
    )
    panel = replace(trained.panel, bars_per_year=bars_per_year)
    return replace(trained, split=split, panel=panel), models


def _steps(
    job: Prepared, models: Models, version: Version, rows: Sequence[int], journal: Journal
) -> Iterator[PaperStep]:
    """Yield the steps of one version at some rows."""
    steps, index = journal.steps, job.index
    own = list(takewhile(lambda step: step["version"] == version.number, reversed(steps)))
    since = int(index.searchsorted(pd.Timestamp(own[-1]["at"]))) if own else rows[0]
    opened = int(index.searchsorted(pd.Timestamp(steps[0]["at"]))) if steps else rows[0]
    first = first_unseen(job, models)
    early = min(since, rows[0])
    if early < first:
        assert models.trained_to is not None
        raise GateError(
            f"version {version.number} of '{version.name}' learned from bars up to {models.trained_to:%Y-%m-%d %H:%M} "
            f"and may decide {job.split.embargo_bars} bars later; the bar of {index[early]:%Y-%m-%d %H:%M} is none of "
            "these: wait for more bars, or promote a version that did not learn from it"
        )
    before = {**steps[-1], "own": bool(own)} if steps else None
    assert isinstance(job.task, OnPaper)
    return job.task.follow(job, models, rows, opened=opened, since=since, before=before)


def _entry(
    job: Prepared, step: PaperStep, version: Version, journal: Journal, times: DecisionTimes, *, newest: int
) -> dict[str, Any]:
    """Return a step as it is written down."""
    index, moment, gate = job.index, datetime.now(UTC), times.reads[step.row]
    last = int(index.searchsorted(pd.Timestamp(journal.steps[-1]["at"]), side="right")) if journal.steps else step.row
    late = LATE if step.row < newest else None
    if late is None and gate < job.series.close_time[step.row] and moment > gate and is_live(job):
        late = LATE_AT_GATE.format(gate)
    return {
        "at": index[step.row].isoformat(),
        "moment": gate.isoformat(),
        "version": version.number,
        "decided_at": moment.isoformat(timespec="microseconds"),
        "late": late,
        "bars": recorded_bars(job.series, range(last, step.row + 1)),
        "worth": step.worth,
        "held": list(step.held),
        "paid": dict(step.paid),
        "decision": dict(step.decision),
        "standing": dict(step.standing),
    }


def _account(job: Prepared) -> dict[str, Any]:
    """Return what an account is of, and by which rules."""
    return {
        "name": job.name,
        "series": job.inputs["series"],
        "task": job.task.kind,
        "instruments": list(job.series.instruments),
        "bar_length": str(job.series.bar_length),
        "bars_per_year": job.series.bars_per_year,
        "env": job.config.plain()["env"],
        "opened_at": now(),
    }


def _refuse_another(job: Prepared, journal: Journal) -> None:
    """Refuse an account of another series, or of other rules: its past was reckoned by those.

    Raises:
        RequestError: it is one.
    """
    ours, theirs = _account(job), journal.opened
    assert theirs is not None
    for name in ("task", "series", "instruments", "bar_length"):
        if ours[name] != theirs[name]:
            raise RequestError(
                f"{journal.path.parent} is the paper account of another {name.replace('_', ' ')}: it was opened with "
                f"{theirs[name]}, and this request has {ours[name]}; {CURE}"
            )
    env = theirs["env"]
    changed = _differences(job.task.as_trained(ours["env"], env), job.task.as_trained(env, env))
    if changed:
        raise RequestError(
            f"{journal.path.parent} was opened under other rules: {', '.join(changed)}; give the same, or move the "
            "folder away and begin anew"
        )


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], key: str = "env") -> list[str]:
    """Return, as they would be typed, the rules that were others."""
    told = list[str]()
    for name in dict.fromkeys((*theirs, *ours)):
        one, two, path = ours.get(name), theirs.get(name), f"{key}.{name}"
        if isinstance(one, dict) and isinstance(two, dict):
            told += _differences(one, two, path)
        elif one != two:
            told.append(f"{path}={two}, now {one}")
    return told


def _note_revisions(job: Prepared, journal: Journal, console: Console) -> None:
    """Write down what differs from what was decided on, and say it once."""
    revisions = revisions_of(job.series, journal.steps, journal.revisions)
    if not revisions:
        return
    journal.revise(revisions, now())
    more = f", and {len(revisions) - 1} more" if len(revisions) > 1 else ""
    console.note(f"revised since it was decided on: {told_of(revisions[0])}{more}; what was decided stays")


def told_of(revision: Mapping[str, Any]) -> str:
    """Say in words what differs."""
    if "instrument" not in revision:
        return f"the bar of {revision['at'][:16]} {revision['column']}"
    named = f"{revision['column']} of {revision['instrument']} at {revision['at'][:16]}"
    return f"{named} was {_shown(revision['was'])} and is {_shown(revision['now'])}"


def _shown(value: float | None) -> str:
    return "missing" if value is None else f"{value:.9g}"
