"""A challenger is trained up to the newest bar; it replaces the champion only if it wins, by its task's own law."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from tradewinds.core.console import Console
from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.core.files import write_json
from tradewinds.data.checks.excursions import refuse_doubtful_end
from tradewinds.operate.age import bars_missed, is_live
from tradewinds.operate.champion import first_unseen, load_version, prove
from tradewinds.operate.database import Database
from tradewinds.operate.past import keep_past, refuse_changed_past
from tradewinds.operate.rebuild import DECISION, request_hash, require_registered
from tradewinds.operate.refresh import bring_up_to_date
from tradewinds.operate.registry import Registry, Version, now
from tradewinds.pipeline.artifact import Artifact, begun, sweep_partials
from tradewinds.pipeline.provenance import FORECASTER, check_fits, product_of
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
    config, runs = job.config, Path(job.config.run.dir)
    registry = Registry(Database.of(config.run))
    require_registered(registry, runs, job.name)
    if isinstance(job, Prepared):
        refuse_changed_past(job, registry.versions(job.name))
    champion = registry.champion(job.name)
    damage = _damage(runs, champion)
    before = registry.judged(job.name, config_hash=request_hash(config), data_sha256=job.inputs["sha256"])
    if before is not None and not damage:
        console.result(
            f"no new data since {before.data_last}: version {before.number} was made from this very request and data "
            f"({before.verdict}); nothing changed"
        )
        return {"retrained": False, "version": before.number, "data_last": before.data_last, **_age(job)}
    if swept := sweep_partials(job.runs) + sweep_partials(runs):  # of its runs, and of what is kept beside them
        console.note(f"note: removed {swept} half-written pieces that a killed process left")
    rival, incumbent = _rival(job, registry, champion, damage, console)
    challengers = [
        _challenger(job, start, rival, incumbent, damage, console) for start in _starts(job, rival, incumbent, console)
    ]
    best, outcome = max(challenger.rank for challenger in challengers), dict[str, Any]()
    for challenger in sorted(reversed(challengers), key=lambda one: one.rank):  # the best comes last
        if outcome:
            console.note(f"version {outcome['version']} was rejected: {outcome['reason']}")
        decision = challenger.decision
        if decision["promote"] and challenger.rank < best:
            decision = {**decision, "promote": False, "reason": f"{decision['reason']}; another beat it by more"}
        version = registry.register(
            _version(job, challenger.product),
            promote=decision["promote"],
            expected=None if champion is None else champion.number,
            reason=decision["reason"],
        )
        numbers = {"version": version.number, "data_last": version.data_last}
        write_json(challenger.run / DECISION, {**decision, **numbers})  # after the registry, which it says was asked
        outcome = {"retrained": True, "version": version.number, **decision}
    if not outcome["promote"]:
        console.finish(outcome)
        raise GateError(
            f"version {outcome['version']} was rejected: {outcome['reason']}"
            f"{_stand_in(registry, rival, champion, damage)}"
        )
    console.result(f"version {outcome['version']} of '{job.name}' is the champion: {outcome['reason']}")
    return outcome


@dataclass(frozen=True)
class Challenger:
    """A challenger that was fitted and judged.

    Attributes:
        run: its folder.
        product: its agent, or its classifier.
        decision: as `_decide` returned it.
    """

    run: Path
    product: Artifact
    decision: Mapping[str, Any]

    @property
    def rank(self) -> tuple[bool, float]:
        """What the best of several has most of."""
        return self.decision["promote"], self.decision.get("lead", 0.0)


def _starts(
    job: Job, rival: Version | None, incumbent: tuple[Job, Models] | None, console: Console
) -> list[Artifact | None]:
    """Return what the challengers begin from: None anew and, if it is asked for, the forecaster that is defended."""
    if job.config.retrain.start == "fresh" or rival is None or incumbent is None:
        return [None]
    start = incumbent[1].artifacts[FORECASTER]
    try:
        check_fits(start, job, ("features", "model", "split"), grown=True)
    except RequestError as error:
        console.note(f"note: no challenger goes on from version {rival.number}: {error}")
        return [None]
    return [None, start]


def _challenger(
    job: Job,
    start: Artifact | None,
    rival: Version | None,
    incumbent: tuple[Job, Models] | None,
    damage: str,
    console: Console,
) -> Challenger:
    """Fit a challenger, anew or from the weights of `start`, and let it meet the rival, whose forecaster that is."""
    from tradewinds.pipeline.steps import encoded_anew

    words = "" if start is None or rival is None else f"its forecaster went on from version {rival.number}"
    with begun(job.runs) as run:
        told = replace(job, notes=(*job.notes, words)) if words else job
        models = _fitted(told, run, console, start)
        decision = _decide(job, encoded_anew(job, models), rival, incumbent, damage)
    if words:
        decision = {**decision, "reason": f"{words}; {decision['reason']}"}
    return Challenger(run, product_of(run), decision)


def _fitted(job: Job, run: Path, console: Console, start: Artifact | None) -> Models:
    """Fit and judge a challenger that has seen no test rows, and keep what its data were."""
    from tradewinds.judge import judge
    from tradewinds.pipeline.steps import fit

    started, sealed = time.perf_counter(), job.seal()
    models = fit(sealed, run, console, start)
    judge(sealed, models, run=run, command="retrain", console=console, started=started)
    if isinstance(job, Prepared):
        keep_past(job, run, models.artifacts)
    return models


def _damage(runs: Path, version: Version | None) -> str:
    """Say what is wrong with a version's files, if anything: a broken champion is no reason to stay without one."""
    if version is not None:
        try:
            prove(runs, version)
        except (GateError, RequestError, OSError) as error:
            return str(error)
    return ""


def _rival(
    job: Job, registry: Registry, champion: Version | None, damage: str, console: Console
) -> tuple[Version | None, tuple[Job, Models] | None]:
    """Return whom a challenger has to beat: the champion or, if that cannot be used, the newest version that can."""
    runs = Path(job.config.run.dir)
    if champion is None:
        return None, None
    if not damage:
        return champion, load_version(runs, champion, job)
    for version in reversed(registry.versions(job.name)):
        try:
            incumbent = load_version(runs, version, job)
        except (GateError, OSError, ValueError, KeyError):  # damaged, gone, or of a series or release too far off
            continue
        console.note(f"note: champion {champion.number} cannot be used: {damage}; version {version.number} is defended")
        return version, incumbent
    return champion, None


def _decide(
    job: Job, challenger: Models, rival: Version | None, incumbent: tuple[Job, Models] | None, damage: str
) -> dict[str, Any]:
    """Judge both models on the newest bars that neither has learned from, under the same rules and costs."""
    if rival is None or incumbent is None:
        reason = "the first model" if rival is None else f"champion {rival.number} cannot be used: {damage}"
        return {"promote": True, "reason": reason}
    name = f"version {rival.number}" if damage else f"champion {rival.number}"
    rows, which, facts = range(0), "", {}
    if isinstance(job, Prepared):
        rows, which = _duel_rows(job, rival, incumbent[1])
        if len(rows) < job.config.retrain.min_bars:
            reason = (
                f"only {max(len(rows), 0)} bars are unseen by both it and {name}, "
                f"and retrain.min_bars asks for {job.config.retrain.min_bars}"
            )
            return {"promote": False, "reason": reason}
        facts = {"judged_on": which, "unseen": job.time_range(rows)}
    duel = job.task.duel((job, challenger), incumbent, rows, which)
    return {
        "promote": duel.wins,
        "reason": duel.reason.format(champion=name),
        "champion": rival.number,
        "lead": duel.lead,
        **facts,
        **duel.facts,
    }


def _stand_in(registry: Registry, rival: Version | None, champion: Version | None, damage: str) -> str:
    """Let the version that a challenger has lost to take the place of a champion that cannot be used."""
    if not damage or rival is None or champion is None or rival.number == champion.number:
        return ""
    registry.promote(rival.name, rival.number, reason=f"champion {champion.number} cannot be used: {damage}")
    return f"; version {rival.number} is the champion, since champion {champion.number} cannot be used: {damage}"


def _age(job: Job) -> dict[str, Any]:
    """Return how old the data are, as plain data; nothing where none are to come."""
    if not isinstance(job, Prepared) or not is_live(job):
        return {}
    return {
        "last_close": job.last_close.isoformat(),
        "bars_missed": bars_missed(job.series, datetime.now(UTC)),
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


def _version(job: Job, product: Artifact) -> Version:
    return Version(
        name=job.name,
        run=str(product.folder.parent.relative_to(job.config.run.dir)),
        agent_sha256=product.sha256,
        config_hash=request_hash(job.config),
        data_sha256=job.inputs["sha256"],
        data_last=job.series.index[-1].isoformat() if isinstance(job, Prepared) else product.manifest["created_at"],
        created_at=now(),
    )
