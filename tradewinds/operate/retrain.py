"""A challenger is trained up to the newest bar; it replaces the champion only if it wins, by its task's own law."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from tradewinds.core.console import Console
from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.core.files import write_json
from tradewinds.data.checks.excursions import refuse_doubtful_end
from tradewinds.judge import judge
from tradewinds.operate.champion import first_unseen, load_version, prove
from tradewinds.operate.refresh import bring_up_to_date
from tradewinds.operate.registry import Registry, Version, now
from tradewinds.pipeline.artifact import Artifact, new_run_id, sweep_partials
from tradewinds.pipeline.steps import AGENT, encoded_anew, fit
from tradewinds.pipeline.task import Job, Models, Prepared
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def retrain(config: Config, console: Console) -> dict[str, Any]:
    """Bring the data up to date, and retrain under a lock: two schedulers never train the same model at once.

    Raises:
        BusyError: another retraining of this model is running.
        GateError: the challenger was rejected.
    """
    bring_up_to_date(config, console)
    job = job_of(config, whole=True)
    if isinstance(job, Prepared):
        console.note(f"{job.series.name}: {job.age}")
        refuse_doubtful_end(job.panel, config.data)
    job.runs.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(job.runs / ".retrain.lock", timeout=0):
            return _retrain(job, console)
    except Timeout:
        raise BusyError(f"another retraining of '{job.name}' is running; this one did nothing") from None


def _retrain(job: Job, console: Console) -> dict[str, Any]:
    config, registry = job.config, Registry(Path(job.config.run.dir))
    champion = registry.champion(job.name)
    damage = _damage(Path(config.run.dir), champion)
    before = registry.judged(job.name, config_hash=_request_hash(config), data_sha256=job.inputs["sha256"])
    if before is not None and not damage:
        console.result(
            f"no new data since {before.data_last}: version {before.number} was made from this very request and data "
            f"({before.verdict}); nothing changed"
        )
        return {"retrained": False, "version": before.number, "data_last": before.data_last}
    if swept := sweep_partials(job.runs):
        console.note(f"note: removed {swept} half-written pieces that a killed process left")
    incumbent = None
    if champion is not None and not damage:
        incumbent = load_version(Path(config.run.dir), champion, job)
    run, started = job.runs / new_run_id(), time.perf_counter()
    sealed = job.seal()
    models = fit(sealed, run, console)
    judge(sealed, models, run=run, command="retrain", console=console, started=started)
    decision = _decide(job, encoded_anew(job, models), champion, incumbent, damage)
    write_json(run / "decision.json", decision)
    version = registry.register(
        _version(job, models.artifacts[AGENT]),
        promote=decision["promote"],
        expected=None if champion is None else champion.number,
        reason=decision["reason"],
    )
    outcome = {"retrained": True, "version": version.number, **decision}
    if not decision["promote"]:
        console.finish(outcome)
        raise GateError(f"version {version.number} was rejected: {decision['reason']}")
    console.result(f"version {version.number} of '{job.name}' is the champion: {decision['reason']}")
    return outcome


def _request_hash(config: Config) -> str:
    """Hash what decides a retraining's outcome: what decides the model's numbers, and the rules of the duel."""
    return hashlib.sha256(json.dumps([config.hash, config.plain()["retrain"]]).encode()).hexdigest()


def _damage(runs: Path, champion: Version | None) -> str:
    """Say what is wrong with the champion's files, if anything: a broken champion is no reason to stay without one."""
    if champion is not None:
        try:
            prove(runs, champion)
        except (GateError, RequestError, OSError) as error:
            return str(error)
    return ""


def _decide(
    job: Job, challenger: Models, champion: Version | None, incumbent: tuple[Job, Models] | None, damage: str
) -> dict[str, Any]:
    """Judge both models on the newest bars that neither has learned from, under the same rules and costs."""
    if champion is None or incumbent is None:
        reason = "the first model" if champion is None else f"champion {champion.number} cannot be used: {damage}"
        return {"promote": True, "reason": reason}
    rows, which, facts = range(0), "", {}
    if isinstance(job, Prepared):
        rows, which = _duel_rows(job, champion, incumbent[1])
        if len(rows) < job.config.retrain.min_bars:
            reason = (
                f"only {max(len(rows), 0)} bars are unseen by both it and champion {champion.number}, "
                f"and retrain.min_bars asks for {job.config.retrain.min_bars}"
            )
            return {"promote": False, "reason": reason}
        facts = {"judged_on": which, "unseen": job.time_range(rows)}
    duel = job.task.duel((job, challenger), incumbent, rows, which)
    return {
        "promote": duel.wins,
        "reason": duel.reason.format(champion=f"champion {champion.number}"),
        "champion": champion.number,
        **facts,
        **duel.facts,
    }


def _duel_rows(prepared: Prepared, champion: Version, incumbent: Models) -> tuple[range, str]:
    """Return the newest rows that neither model has learned from, and what to call them.

    On the bars it was promoted on, the champion has won already, some of it by luck; so bars after those are taken as
    soon as there are `retrain.min_bars` of them.
    """
    index, unseen = prepared.series.index, max(prepared.split.test.start, first_unseen(prepared, incumbent))
    fresh = max(unseen, int(index.searchsorted(pd.Timestamp(champion.data_last), side="right")))
    if len(index) - fresh >= prepared.config.retrain.min_bars:
        return range(fresh, len(index)), f"bars after {champion.data_last[:10]}, the last that it was promoted on"
    return range(unseen, len(index)), "unseen bars"


def _version(job: Job, agent: Artifact) -> Version:
    return Version(
        name=job.name,
        run=str(agent.folder.parent.relative_to(job.config.run.dir)),
        agent_sha256=agent.sha256,
        config_hash=_request_hash(job.config),
        data_sha256=job.inputs["sha256"],
        data_last=job.series.index[-1].isoformat() if isinstance(job, Prepared) else agent.manifest["created_at"],
        created_at=now(),
    )
