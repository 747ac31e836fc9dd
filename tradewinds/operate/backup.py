"""A registry and the runs behind its models as one file, and back from it. Must not know how anything was fitted."""

import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tradewinds.core.errors import GateError, RequestError
from tradewinds.core.files import PARTIAL, flush
from tradewinds.operate.champion import prove
from tradewinds.operate.database import FILE, Database
from tradewinds.operate.prune import parents_of
from tradewinds.operate.registry import Registry
from tradewinds.pipeline.artifact import MANIFEST, RUN_ID

ENDINGS = (".tar", ".tar.gz", ".tgz")


def require_file(database: Database, action: str) -> None:
    """Refuse a registry on a server, which has better means.

    Raises:
        RequestError: it lies on one.
    """
    if not database.is_file:
        raise RequestError(
            f"models {action} is of the file registry.db, and run.database names {database}: keep that with pg_dump, "
            "bring it back with pg_restore, and copy the folder of runs"
        )


def backup(registry: Registry, runs: Path, path: Path) -> list[Path]:
    """Write the registry, the runs of its versions and what they were made from into one file, whole or not at all.

    Args:
        registry: of `runs`, sound.
        runs: the folder of all runs.
        path: the file, which is not there yet.

    Returns:
        The runs that it holds.

    Raises:
        RequestError: the file is there, has another ending, or nothing is registered.
        GateError: the champion of a model is not what was registered: such a backup would be of no use.
    """
    _check_ending(path)
    if path.exists():
        raise RequestError(f"models.path must be a file that is not there yet, was '{path}'")
    if not path.absolute().parent.is_dir():
        raise RequestError(f"models.path must lie in a folder that is there, was '{path}'")
    registry.require_sound()
    versions = registry.versions()
    if not versions:
        raise RequestError(f"no models under {runs} yet; type `tradewinds retrain`")
    _prove_champions(registry, runs)
    folders = dict.fromkeys(runs / version.run for version in versions if (runs / version.run).is_dir())
    folders |= {parent: None for folder in list(folders) for parent in parents_of(folder)}
    inside = [folder for folder in folders if folder.resolve().is_relative_to(runs.resolve())]
    partial = path.with_name(f"{PARTIAL}{path.name}")
    try:
        with (
            TemporaryDirectory() as scratch,
            tarfile.open(partial, "w" if path.suffix == ".tar" else "w:gz") as archive,
        ):
            copy = Path(scratch) / FILE
            with closing(sqlite3.connect(registry.database.path)) as ours, closing(sqlite3.connect(copy)) as theirs:
                ours.backup(theirs)  # one moment of it, whoever writes
            archive.add(copy, FILE)
            for folder in inside:
                archive.add(folder, str(folder.resolve().relative_to(runs.resolve())))
        flush(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return inside


def restore(runs: Path, path: Path) -> Registry:
    """Bring a registry and its runs back from a backup, proven; the registry comes last.

    Args:
        runs: the folder of all runs, without a registry.
        path: the file.

    Raises:
        RequestError: there is a registry, or the file is none that `backup` wrote.
        GateError: a run of that name is there and is another, or a champion in the file is not what was registered.
    """
    _check_ending(path)
    if (runs / FILE).exists():
        raise RequestError(
            f"{runs / FILE} is there, and a backup is restored where there is none: give an empty folder, "
            "run.dir=restored, or move the registry away first"
        )
    runs.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=PARTIAL, dir=runs) as scratch:
        there = Path(scratch)
        _extract(path, there)
        _prove_champions(Registry(there), there)
        for folder in sorted(there.glob("*/*")):
            _move(folder, runs / folder.relative_to(there))
        shutil.move(there / FILE, runs / FILE)
    return Registry(runs)


def _check_ending(path: Path) -> None:
    if not path.name.endswith(ENDINGS):
        raise RequestError(f"models.path must end in {', '.join(ENDINGS)}, was '{path}'")


def _prove_champions(registry: Registry, runs: Path) -> None:
    for name in sorted({version.name for version in registry.versions()}):
        champion = registry.champion(name)
        if champion is not None:
            prove(runs, champion)


def _extract(path: Path, folder: Path) -> None:
    """Unpack a backup; nothing in it may lie elsewhere, be a link or be anything but a registry and runs."""
    try:
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                parts = Path(member.name).parts
                if member.name != FILE and (len(parts) < 2 or not RUN_ID.fullmatch(parts[1])):
                    raise RequestError(f"{path} is no backup of models: it holds '{member.name}'")
                if not (member.isfile() or member.isdir()):
                    raise RequestError(f"{path} is no backup of models: '{member.name}' is a link or a device")
            archive.extractall(folder, filter="data")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise RequestError(
            f"{path} cannot be read as a backup of models ({type(error).__name__}); give another"
        ) from None
    if not (folder / FILE).is_file():
        raise RequestError(f"{path} is no backup of models: it holds no {FILE}")


def _move(folder: Path, place: Path) -> None:
    """Put a run where it was; one that is there already must be the same."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.rename(folder, place)
        return
    for manifest in folder.glob(f"*/{MANIFEST}"):
        other = place / manifest.relative_to(folder)
        if not other.is_file() or other.read_bytes() != manifest.read_bytes():
            raise GateError(f"{place} is there and is another run than the backup's; restore into an empty folder")
