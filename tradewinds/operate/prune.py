"""Which runs may go: by age, number or size; never one that a model in use rests on, that is pinned, or still at work.

Must not know how anything was fitted.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from tradewinds.core.errors import BusyError, RequestError
from tradewinds.operate.registry import Registry, Version
from tradewinds.pipeline.artifact import MANIFEST, RUN_ID
from tradewinds.request.schema import PruneConfig

PINNED = "pinned"  # a file in a run's folder
GOING = ".pruned-"  # how a folder is called while its files are removed
AT_WORK = timedelta(days=1)  # that a run without a report may still be written


@dataclass(frozen=True)
class Run:
    """A run's folder.

    Attributes:
        folder: runs/<name>/<id>.
        made: when it began, UTC.
        size: bytes.
        kept: why it stays whatever the rules say; empty where it may go.
    """

    folder: Path
    made: datetime
    size: int
    kept: str


def runs_of(registry: Registry, name: str | None, moment: datetime) -> list[Run]:
    """Return the runs of one name, or of all, oldest first.

    Raises:
        GateError: the registry is damaged, so that nobody knows what is in use.
    """
    runs, needed = registry.database.runs, _needed(registry)
    folders = [path for path in runs.glob(f"{name or '*'}/*") if path.is_dir() and RUN_ID.fullmatch(path.name)]
    return [
        Run(folder, made := _made(folder), _size(folder), needed.get(folder.resolve()) or _kept(folder, made, moment))
        for folder in sorted(folders, key=lambda path: (path.name, path.parent.name))
    ]


def going(all_runs: list[Run], rules: PruneConfig, moment: datetime) -> list[Run]:
    """Return the runs that the rules send away, oldest first; each rule that is given does.

    Args:
        all_runs: oldest first.
        rules: how old, how many of a name and how large they may be.
        moment: now.
    """
    if (rules.days, rules.keep, rules.gigabytes) == (None, None, None):
        raise RequestError(
            "runs prune needs a rule: prune.days=90 (what is older goes), prune.keep=20 (of each name the newest "
            "stay) or prune.gigabytes=5 (the oldest go until the rest is smaller)"
        )
    gone: set[Path] = set()
    if rules.days is not None:
        gone |= {run.folder for run in all_runs if moment - run.made > timedelta(days=rules.days)}
    if rules.keep is not None:
        names = {run.folder.parent for run in all_runs}
        of_name = {name: [run for run in all_runs if run.folder.parent == name] for name in names}
        gone |= {run.folder for listed in of_name.values() for run in listed[: max(len(listed) - rules.keep, 0)]}
    gone -= {run.folder for run in all_runs if run.kept}
    if rules.gigabytes is not None:
        left = sum(run.size for run in all_runs if run.folder not in gone)
        for run in all_runs:
            if left <= rules.gigabytes * 1e9:
                break
            if run.folder not in gone and not run.kept:
                gone.add(run.folder)
                left -= run.size
    return [run for run in all_runs if run.folder in gone]


def remove(run: Run) -> None:
    """Remove a run: it is gone at once for whoever lists runs, and its files after that.

    Raises:
        BusyError: a retraining of its name is running, which may read it.
        OSError: it cannot be removed.
    """
    try:
        with FileLock(run.folder.parent / ".retrain.lock", timeout=0):
            away = run.folder.with_name(f"{GOING}{run.folder.name}")
            os.rename(run.folder, away)
            (away / "report.json").unlink(missing_ok=True)
            shutil.rmtree(away)
    except Timeout:
        raise BusyError(
            f"a retraining of '{run.folder.parent.name}' is running; its runs stay until it is done"
        ) from None


def clear(runs: Path) -> int:
    """Remove what a killed pruning has left; return how many folders that were."""
    left = list(runs.glob(f"*/{GOING}*"))
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def pin(run: Path, *, keep: bool) -> None:
    """Let a run stay whatever the rules say, or no longer.

    Raises:
        RequestError: there is no such run.
    """
    if not run.is_dir() or not RUN_ID.fullmatch(run.name):
        raise RequestError(f"'{run}' is no run's folder; give one such as runs/sp500/20261122T235959.123456-9f3a")
    if keep:
        (run / PINNED).touch()
    else:
        (run / PINNED).unlink(missing_ok=True)


def _needed(registry: Registry) -> dict[Path, str]:
    """Return the folders that models in use rest on, each with why."""
    runs, needed = registry.database.runs, dict[Path, str]()
    registry.require_sound()
    for name in {version.name for version in registry.versions()}:
        versions = registry.versions(name)
        champion, before = registry.reigning(name)
        reasons: list[tuple[Version | None, str]] = [
            (versions[-1], f"the newest version of '{name}', whose data the next one is held to"),
            (before, f"what a rollback of '{name}' goes back to"),
            (champion, f"the champion of '{name}'"),
        ]
        for version, why in reasons:
            if version is not None:
                folder = runs / version.run
                needed[folder.resolve()] = why
                needed |= {parent: f"what {why} was made from" for parent in parents_of(folder) if parent not in needed}
    for mark in runs.glob(f"*/*/{PINNED}"):
        needed |= {parent: f"what {mark.parent}, which is pinned, was made from" for parent in parents_of(mark.parent)}
    return needed


def parents_of(run: Path) -> Iterator[Path]:
    """Yield the folders of other runs whose artifacts those of a run were made from, and theirs."""
    todo, seen = [run.resolve()], set[Path]()
    while todo:
        folder = todo.pop()
        for manifest in folder.glob(f"*/{MANIFEST}"):
            try:
                parents = list(json.loads(manifest.read_bytes())["parents"].values())
            except (OSError, ValueError, KeyError):  # damaged: what it was made from is not known
                continue
            for one in parents:
                other = (manifest.parent / one["path"]).resolve().parent
                if other not in seen and other != run.resolve():
                    seen.add(other)
                    todo.append(other)
                    yield other


def _kept(folder: Path, made: datetime, moment: datetime) -> str:
    if (folder / PINNED).exists():
        return "pinned"
    if not (folder / "report.json").exists() and moment - made < AT_WORK:
        return "without a report, and begun less than a day ago: it may be at work"
    return ""


def _made(folder: Path) -> datetime:
    return datetime.strptime(folder.name.split(".")[0], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
