"""`tradewinds retrain`: a challenger is trained up to the newest bar; it replaces the champion only if it wins."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from tradewinds.commands.fetch import bring_up_to_date
from tradewinds.commands.run import walk
from tradewinds.core.console import Console
from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.operate.champion import Model, load_version, prove
from tradewinds.operate.registry import Registry, Version, now
from tradewinds.pipeline.artifact import Artifact, sweep_partials, write_json
from tradewinds.pipeline.prepare import Prepared, prepare
from tradewinds.request.schema import Config
from tradewinds.tasks.storage.judge import refuse_storage


def main(config: Config, console: Console) -> dict[str, Any]:
    """Retrain under a lock, so that two schedulers never train the same model at once."""
    refuse_storage(config, "retrain")
    bring_up_to_date(config, console)
    prepared = prepare(config)
    prepared.require_prices()
    console.note(f"{prepared.series.name}: {prepared.age}")
    prepared.runs.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(prepared.runs / ".retrain.lock", timeout=0):
            return _retrain(prepared, console)
    except Timeout:
        raise BusyError(f"another retraining of '{prepared.name}' is running; this one did nothing") from None


def _retrain(prepared: Prepared, console: Console) -> dict[str, Any]:
    config, registry = prepared.config, Registry(Path(prepared.config.run.dir))
    champion = registry.champion(prepared.name)
    damage = _damage(Path(config.run.dir), champion)
    before = registry.judged(prepared.name, config_hash=_request_hash(config), data_sha256=prepared.inputs["sha256"])
    if before is not None and not damage:
        console.result(
            f"no new data since {before.data_last}: version {before.number} was made from this very request and data "
            f"({before.verdict}); nothing changed"
        )
        return {"retrained": False, "version": before.number, "data_last": before.data_last}
    if swept := sweep_partials(prepared.runs):
        console.note(f"note: removed {swept} half-written pieces that a killed process left")
    incumbent = None
    if champion is not None and not damage:
        incumbent = load_version(Path(config.run.dir), champion, prepared)
    walked = walk(prepared, console, command="retrain")
    last_selected = prepared.series.index[prepared.split.validation.stop - 1]
    challenger = Model(walked.states, walked.policy, config.env.exposures, last_selected)
    decision = _decide(prepared, challenger, champion, incumbent, damage)
    write_json(walked.agent.folder.parent / "decision.json", decision)
    version = registry.register(
        _version(prepared, walked.agent),
        promote=decision["promote"],
        expected=None if champion is None else champion.number,
        reason=decision["reason"],
    )
    outcome = {"retrained": True, "version": version.number, **decision}
    if not decision["promote"]:
        console.finish(outcome)
        raise GateError(f"version {version.number} was rejected: {decision['reason']}")
    console.result(f"version {version.number} of '{prepared.name}' is the champion: {decision['reason']}")
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
    prepared: Prepared, challenger: Model, champion: Version | None, incumbent: Model | None, damage: str
) -> dict[str, Any]:
    """Judge both models on the newest bars that neither has learned from, under the same rules and costs."""
    if champion is None or incumbent is None:
        reason = "the first model" if champion is None else f"champion {champion.number} cannot be used: {damage}"
        return {"promote": True, "reason": reason}
    config = prepared.config
    rows, which = _duel_rows(prepared, champion, incumbent)
    if len(rows) < config.retrain.min_bars:
        reason = (
            f"only {max(len(rows), 0)} bars are unseen by both it and champion {champion.number}, "
            f"and retrain.min_bars asks for {config.retrain.min_bars}"
        )
        return {"promote": False, "reason": reason}
    years = (len(rows) - 1) / prepared.series.bars_per_year
    ours = challenger.log_growth(prepared, rows) / years
    theirs = incumbent.log_growth(prepared, rows) / years
    wins = ours > theirs + config.retrain.margin
    verb = "beat" if wins else "did not beat"
    reason = (
        f"log growth {ours:+.4f} a year {verb} champion {champion.number}'s {theirs:+.4f} by more than "
        f"{config.retrain.margin:g} on the same {len(rows)} {which}"
    )
    return {
        "promote": wins,
        "reason": reason,
        "champion": champion.number,
        "judged_on": which,
        "unseen": prepared.time_range(rows),
        "log_growth_per_year": {"challenger": ours, "champion": theirs},
    }


def _duel_rows(prepared: Prepared, champion: Version, incumbent: Model) -> tuple[range, str]:
    """Return the newest rows that neither model has learned from, and what to call them.

    On the bars it was promoted on, the champion has won already, some of it by luck; so bars after those are taken as
    soon as there are `retrain.min_bars` of them.
    """
    index, unseen = prepared.series.index, max(prepared.split.test.start, incumbent.first_unseen(prepared))
    fresh = max(unseen, int(index.searchsorted(pd.Timestamp(champion.data_last), side="right")))
    if len(index) - fresh >= prepared.config.retrain.min_bars:
        return range(fresh, len(index)), f"bars after {champion.data_last[:10]}, the last that it was promoted on"
    return range(unseen, len(index)), "unseen bars"


def _version(prepared: Prepared, agent: Artifact) -> Version:
    return Version(
        name=prepared.name,
        run=str(agent.folder.parent.relative_to(prepared.config.run.dir)),
        agent_sha256=agent.sha256,
        config_hash=_request_hash(prepared.config),
        data_sha256=prepared.inputs["sha256"],
        data_last=prepared.series.index[-1].isoformat(),
        created_at=now(),
    )
