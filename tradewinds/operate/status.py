"""How a model that is in use fares: its age and that of its data, its jobs, and whether its forecasts have drifted.

Nothing is changed and nothing fetched. Must not know how it is told.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.day_ahead.days import slots_of_day
from tradewinds.core.errors import GateError, RequestError
from tradewinds.data.due import calendar_words
from tradewinds.evaluation.drift import FEWEST, USUAL, relative_losses, watch
from tradewinds.operate.age import bars_missed, is_live
from tradewinds.operate.champion import first_unseen, load_version
from tradewinds.operate.database import Database
from tradewinds.operate.past import refuse_changed_past
from tradewinds.operate.rebuild import require_registered
from tradewinds.operate.registry import Registry, Version
from tradewinds.operate.schedule import due_after, due_before, retrainings
from tradewinds.pipeline.prepare import seed_for
from tradewinds.pipeline.records import Scored
from tradewinds.pipeline.task import Job, Models, Prepared

Array = NDArray[np.float64]
MATERIAL = 0.05  # of what the rule without skill errs: a loss that grew by less is no reason to retrain


def status_of(job: Job, moment: datetime, known: tuple[dict[str, Any], str | None] | None = None) -> dict[str, Any]:
    """Return what there is to know, as plain data; what cannot be known is null, with the reason beside it.

    Args:
        job: the request with all its bars.
        moment: now.
        known: what `usability_of` returned, where that is known already; None finds it out.

    Returns:
        `model`, `champion`, `data`, `jobs`, `drift` and `alarms`: reasons to look, each its `kind`, a sentence as
        `text`, and the `fact` that makes it another one than before.

    Raises:
        GateError: the registry is damaged or lost.
    """
    runs = Path(job.config.run.dir)
    registry = Registry(Database.of(job.config.run))
    require_registered(registry, runs, job.name)
    champion = registry.champion(job.name)
    data = _data(job, moment)
    jobs = _jobs(job, registry, moment)
    drift, unusable = usability_of(job, champion) if known is None else known
    last_due = jobs["last"]["due"] if jobs["last"] else None
    reasons = [
        ("no champion", "", _missing(job, runs) if champion is None else None),
        ("an unusable champion", None if champion is None else str(champion.number), unusable),
        ("stale data", data["last_close"], data.get("stale")),
        ("failing retrainings", last_due, _failing(jobs)),
        ("a silent scheduler", last_due, jobs["silent"]),
        ("drift", None if champion is None else str(champion.number), drift["alarm"]),
    ]
    alarms = [{"kind": kind, "fact": fact, "text": text} for kind, fact, text in reasons if text]
    return {
        "model": job.name,
        "champion": None if champion is None else _champion(champion, moment),
        "data": data,
        "jobs": jobs,
        "drift": drift,
        "alarms": alarms,
    }


def usability_of(job: Job, champion: Version | None) -> tuple[dict[str, Any], str | None]:
    """Return the drift of a champion's forecasts, and why it can neither act nor be met, if it cannot."""
    if champion is None:
        return {"alarm": None, "reason": "there is no champion"}, None
    runs = Path(job.config.run.dir)
    try:
        if isinstance(job, Prepared):
            refuse_changed_past(job, Registry(Database.of(job.config.run)).versions(job.name))
        as_trained, models = load_version(runs, champion, job)
    except (GateError, RequestError, OSError) as error:
        return {"alarm": None, "reason": "the champion cannot be used"}, f"unusable: {error}"
    if not isinstance(job, Prepared):
        return {"alarm": None, "reason": "the task reads no series"}, None
    return drift_of(job, as_trained, models), None


def _missing(job: Job, runs: Path) -> str:
    return f"'{job.name}' has no champion under {runs}; type `tradewinds retrain`"


def _champion(version: Version, moment: datetime) -> dict[str, Any]:
    return {
        "version": version.number,
        "created_at": version.created_at,
        "age_days": _days(moment, datetime.fromisoformat(version.created_at)),
        "data_last": version.data_last,
        "verdict": version.verdict,
    }


def _data(job: Job, moment: datetime) -> dict[str, Any]:
    """Return how old the data are, and why they are too old, if they are."""
    if not isinstance(job, Prepared):
        return {"last_close": None, "reason": "the task reads no series"}
    last, most = job.last_close, job.config.signal.max_age
    facts: dict[str, Any] = {"last_close": last.isoformat(), "age_days": _days(moment, last.to_pydatetime())}
    if not is_live(job):
        return {**facts, "bars_missed": None, "reason": f"{job.series.name} is no live source: it ends where it ends"}
    missed = bars_missed(job.series, moment)
    stale = None
    if most is not None and missed > most:
        stale = (
            f"stale: {missed} bars of {calendar_words(job.series)} have closed since {last:%Y-%m-%d %H:%M}, and "
            f"signal.max_age allows {most:g}; look at what brings the data"
        )
    return {**facts, "bars_missed": missed, "stale": stale}


def _jobs(job: Job, registry: Registry, moment: datetime) -> dict[str, Any]:
    """Return the last retraining of the scheduler, how many in a row have failed, and when the next is due."""
    known = retrainings(registry.database, job.name)
    failures = 0
    for one in known:  # the newest first
        if one["state"] != "failed":
            break
        failures += 1
    schedule, silent = job.config.schedule, None
    before = due_before(schedule, due_before(schedule, moment) - timedelta(minutes=1))
    if known and datetime.fromisoformat(known[0]["due"]) < before:
        silent = (
            f"silent: the last retraining that a scheduler began was due {known[0]['due'][:16]} and is "
            f"{known[0]['state']}, and the one due {before:%Y-%m-%d %H:%M} has not begun; look whether it runs"
        )
    due = due_after(schedule, moment).isoformat()
    return {"last": known[0] if known else None, "failures": failures, "next_due": due, "silent": silent}


def _failing(jobs: dict[str, Any]) -> str | None:
    if not jobs["failures"]:
        return None
    last = jobs["last"]
    return f"failing: the last {jobs['failures']} retrainings failed, the one due {last['due']}: {last['said']}"


def drift_of(job: Prepared, as_trained: Job, models: Models) -> dict[str, Any]:
    """Watch the champion's forecasts on the bars that it never learned from."""
    assert isinstance(as_trained, Prepared)
    first = first_unseen(job, models)
    fitted = int(job.series.close_time.searchsorted(models.shared.fit_end_time, side="right"))
    seen = range(fitted + job.split.embargo_bars, first)  # bars that chose the agent, and no network was fitted on
    losses = [_losses(as_trained, models, part) for part in (seen, range(first, len(job.index)))]
    relative = relative_losses(*(np.concatenate([one[name] for one in losses]) for name in (1, 2)))
    reference, issued = max(len(losses[0][0]) - USUAL, 0), losses[1][0]
    a_year = job.series.bars_per_year * len(issued) / max(len(job.index) - first, 1)  # decisions in a year
    if reference < FEWEST or not len(issued):
        there = f"there are {len(losses[0][0])} and {len(issued)}"
        return {"alarm": None, "reason": f"{FEWEST + USUAL} forecasts before and one since are needed, {there}"}
    drift = watch(relative[:reference], relative[reference:], bound=a_year, seed=seed_for(job.config.seed, "drift"))
    then, late = float(relative[:reference].mean()), float(relative[reference:][-USUAL:].mean())
    alarm = None
    if drift.since is not None and late - then > MATERIAL:
        alarm = (
            f"drift: since {job.index[issued[drift.since]]:%Y-%m-%d} the champion's forecasts are worse beside a rule "
            f"without skill than they were when it was chosen, by {late - then:.2f} of what that rule errs; a false "
            "alarm comes once a year at most, on average; type tradewinds retrain"
        )
    return {
        "alarm": alarm,
        "statistic": drift.statistic,
        "bound": drift.bound,
        "matters_from": MATERIAL,
        "forecasts": len(issued),
        "relative_loss_then": then,
        "relative_loss_of_late": late,
    }


def _losses(job: Prepared, models: Models, rows: range) -> tuple[NDArray[np.int64], Array, Array]:
    """Return by decision the row, the mean absolute error of its forecasts and that of a rule without skill.

    The rule forecasts no change of the next bar or, of a day's prices, those of the day before.
    """
    scored = job.task.scored(job, models, rows)[: len(job.series.instruments)]
    if not scored:
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    table = pd.concat([_plain(job, one) for one in scored])
    by_decision = table.dropna().groupby("issued")[["loss", "plain"]].mean()
    return by_decision.index.to_numpy(), by_decision["loss"].to_numpy(), by_decision["plain"].to_numpy()


def _plain(job: Prepared, scored: Scored) -> pd.DataFrame:
    if scored.prices:
        before = job.series.close[scored.outcome - slots_of_day(job.series.bar_length), 0]
        keep = np.ones(len(scored.issued), dtype=bool)
    else:
        before, keep = np.zeros(len(scored.issued)), scored.outcome == scored.issued + 1
    table = pd.DataFrame(
        {
            "issued": scored.issued,
            "loss": np.abs(scored.truth - scored.forecast),
            "plain": np.abs(scored.truth - before),
        }
    )
    return table[keep]


def _days(moment: datetime, since: datetime) -> float:
    return round((moment - since.astimezone(UTC)).total_seconds() / 86_400, 3)
