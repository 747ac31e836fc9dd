"""The registry made anew from what the runs of `retrain` left in their folders, and a refusal to go on without it.

A run says in `decision.json` that it was registered, and how it was judged; its artifacts prove themselves. What was
promoted or rolled back by hand stands in the registry alone, and is lost with it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.operate.damage import DamagedRegistryError, rebuild_words
from tradewinds.operate.registry import Registry, Version
from tradewinds.pipeline.artifact import parent
from tradewinds.pipeline.provenance import FORECASTER, product_of
from tradewinds.request.schema import Config, request_from

DECISION = "decision.json"
LOCKS = (".schedule.lock", ".retrain.lock")  # in the folder of a model: who works on it holds one
REASON = "registered anew from the folders of its runs"


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """What became of a registry.

    Attributes:
        versions: registered now.
        known: models that were registered already and were left alone.
        broken: folders of runs whose files are damaged or gone.
        aside: where the damaged database lies now; None where none was damaged.
    """

    versions: tuple[Version, ...]
    known: tuple[str, ...]
    broken: tuple[Path, ...]
    aside: Path | None


def request_hash(config: Config) -> str:
    """Hash what decides a retraining's outcome: what decides the model's numbers, and the rules of the duel."""
    return hashlib.sha256(json.dumps([config.hash, config.plain()["retrain"]]).encode()).hexdigest()


def require_registered(registry: Registry, runs: Path, name: str) -> None:
    """Refuse a registry that has lost a model: the next one would be promoted without a duel.

    Raises:
        GateError: it knows nothing of `name`, or no champion, and whole runs of it lie in their folders.
    """
    if registry.champion(name) is not None:
        return
    numbers = [version.number for version in registry.versions(name)]
    if numbers:
        raise GateError(
            f"'{name}' has versions {', '.join(map(str, numbers))} and no champion, which no command of ours leaves: "
            f"make one of them the champion, tradewinds models promote {numbers[-1]} run.name={name}"
        )
    if any(_is_whole(run) for run in _runs(runs, name)):
        raise GateError(
            f"{registry.database} knows no model '{name}', and whole runs of `retrain` lie in {runs / name}: "
            f"type `{rebuild_words(runs)}`, which registers them again; or give another run.name"
        )


def rebuild(registry: Registry, runs: Path, name: str | None) -> Rebuilt:
    """Register the models that whole runs are of and that the registry knows nothing of.

    Args:
        registry: may be damaged, or absent.
        runs: the folder of all runs.
        name: of one model; None for all.

    Raises:
        BusyError: a model is being retrained or scheduled.
    """
    names = sorted({run.parent.name for run in _runs(runs, name or "*")})
    with ExitStack() as locks:
        for lock in (runs / model / file for model in names for file in LOCKS):
            try:
                locks.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                raise BusyError(f"'{lock.parent.name}' is at work; stop its scheduler or wait, then rebuild") from None
        registered: list[Version] = []
        aside = None
        try:
            registry.require_sound()
            registered = registry.versions()
        except DamagedRegistryError:
            aside = registry.move_aside()
        known = {version.name for version in registered} & set(names)
        made, broken = [], []
        for run in (run for model in names if model not in known for run in _runs(runs, model)):
            try:
                made.append(_version(run, runs))
            except (RequestError, GateError, OSError, ValueError, KeyError, TypeError):
                broken.append(run)
        made.sort(key=lambda pair: Path(pair[0].run).name)
        versions = [version for version, _ in made]
        _number(versions, {version.number for version in registered})
        registry.restore(versions, [promoted for _, promoted in made], reason=REASON)
    return Rebuilt(tuple(versions), tuple(sorted(known)), tuple(broken), aside)


def _runs(runs: Path, name: str) -> Iterator[Path]:
    """Yield the folders of runs that were registered once, oldest first."""
    for decision in sorted(runs.glob(f"{name}/*/{DECISION}")):
        yield decision.parent


def _is_whole(run: Path) -> bool:
    try:
        agent = product_of(run)
        if FORECASTER in agent.manifest["parents"]:
            parent(agent, FORECASTER)
    except (RequestError, GateError, OSError, KeyError):
        return False
    return True


def _version(run: Path, runs: Path) -> tuple[Version, bool]:
    """Return the version that a run was registered as, and whether it became the champion.

    Raises:
        Exception: its files are damaged, of whatever kind.
    """
    if not _is_whole(run):
        raise RequestError(f"{run} is not whole")
    agent = product_of(run)
    decision: Mapping[str, Any] = json.loads((run / DECISION).read_bytes())
    version = Version(
        name=run.parent.name,
        run=str(run.relative_to(runs)),
        agent_sha256=agent.sha256,
        config_hash=request_hash(request_from(agent.manifest["config"])),
        data_sha256=agent.manifest["inputs"]["sha256"],
        data_last=decision.get("data_last") or _last_bar(run) or agent.manifest["created_at"],
        created_at=agent.manifest["created_at"],
    )
    version.verdict = str(decision["reason"])
    version.number = int(decision.get("version", 0))
    return version, bool(decision["promote"])


def _last_bar(run: Path) -> str | None:
    """Return the last bar of a run that was registered before its decision named it."""
    data = json.loads((run / "report.json").read_bytes()).get("data") or {}
    last: str | None = data.get("last")
    return last


def _number(versions: list[Version], taken: set[int]) -> None:
    """Give versions the numbers they had, as far as they are known and not taken; else the next ones."""
    for version in versions:
        number = version.number if version.number > 0 and version.number not in taken else max(taken, default=0) + 1
        version.number = number
        taken.add(number)
