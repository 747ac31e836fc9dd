"""An artifact: a folder that is either whole and proven by its manifest, or not there.

It is written under a temporary name, flushed to the disk and renamed; every file is listed in `manifest.json` with its
sha256, and a file that differs is refused by name. Knows files; not what is in them.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tradewinds import __version__
from tradewinds.core.disk import full_disk
from tradewinds.core.errors import FullDiskError, GateError, RequestError
from tradewinds.core.files import PARTIAL, flush, sha256_of, write_json
from tradewinds.core.plugins import plugins_of, require_plugins
from tradewinds.core.turns import moment

MANIFEST = "manifest.json"
RUN_ID = re.compile(r"\d{8}T\d{6}\.\d{6}-[0-9a-f]{4}")  # as `new_run_id` gives it
LIBRARIES = ("torch", "pytorch-lightning", "numpy", "pandas", "gymnasium", "hydra-core")


@dataclass(frozen=True)
class Artifact:
    """A proven artifact.

    Attributes:
        folder: where it lies.
        manifest: what `manifest.json` says.
        sha256: of `manifest.json`, and so of everything: the artifact's identity.
    """

    folder: Path
    manifest: Mapping[str, Any]
    sha256: str


def new_run_id() -> str:
    """Return an id that sorts by time and is unique even within a second, such as 20261122T235959.123456-9f3a."""
    return f"{moment():%Y%m%dT%H%M%S.%f}-{secrets.token_hex(2)}"


@contextmanager
def begun(runs: Path) -> Iterator[Path]:
    """Yield the folder of a new run, which is not there yet; of a run that a full disk ends without a report none is.

    Args:
        runs: folder of all runs of one name.

    Raises:
        FullDiskError: the disk is full.
    """
    run = runs / new_run_id()
    try:
        yield run
    except Exception as error:
        reason = full_disk(error)
        if not reason or isinstance(error, RequestError | GateError):
            raise
        if (run / "report.json").is_file():
            left = f"the report is written, and `tradewinds report {run}` draws its page"
        else:
            shutil.rmtree(run, ignore_errors=True)
            left = "the run's folder was removed, since it has no report yet"
        raise FullDiskError(f"there is no room under {runs} ({reason}): {left}; make room and type it again") from None


def versions() -> dict[str, str]:
    """Return the versions of Tradewinds and of the libraries that can move a number."""
    numbers = {"tradewinds": __version__}
    for name in LIBRARIES:
        try:
            numbers[name] = version(name)
        except PackageNotFoundError:
            numbers[name] = "not installed"
    return numbers


@contextmanager
def writing(
    folder: Path,
    kind: str,
    *,
    config: Mapping[str, Any],
    inputs: Mapping[str, Any],
    parents: Mapping[str, Artifact] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Iterator[Path]:
    """Yield an empty folder to fill; when the block ends well it becomes `folder`, else nothing is left of it.

    Args:
        folder: final place; must not exist.
        kind: what it holds: `forecaster`, `hidden_states`, `agent`, `backtest`.
        config: the resolved request.
        inputs: names and sha256 of the data used.
        parents: the artifacts it was made from.
        facts: what a later stage needs to know without opening the files.

    Raises:
        FileExistsError: `folder` is there already.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; artifacts are never overwritten")
    partial = folder.parent / f"{PARTIAL}{folder.name}-{os.getpid()}-{secrets.token_hex(2)}"
    created = _make_folders(folder.parent)
    try:
        partial.mkdir()
        yield partial
        manifest = {
            "schema": 1,
            "kind": kind,
            "created_at": datetime.now(UTC).isoformat(),
            "seed": config["seed"],
            "config": config,
            "plugins": plugins_of(config),
            "inputs": inputs,
            "parents": {
                name: {"path": os.path.relpath(parent.folder, folder), "sha256": parent.sha256}
                for name, parent in (parents or {}).items()
            },
            "facts": facts or {},
            "outputs": {path.name: sha256_of(path) for path in sorted(partial.iterdir())},
            "versions": versions(),
        }
        write_json(partial / MANIFEST, manifest)
        _flush_folder(partial)
        partial.rename(folder)
        flush(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        for folder in reversed(created):
            if not any(folder.iterdir()):
                folder.rmdir()
        raise


def read(folder: Path, kind: str) -> Artifact:
    """Prove the artifact in `folder` and return it.

    Raises:
        RequestError: no artifact of this kind is there, or a plug-in that it was made with is gone.
        GateError: a file differs from its manifest, or is missing, or is not listed.
    """
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
        manifest = json.loads(text)
        found, outputs = manifest["kind"], dict(manifest["outputs"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RequestError(f"{folder} holds no {kind}: it has no readable {MANIFEST}") from None
    if found != kind:
        raise RequestError(f"{folder} holds {article(found)}, not {article(kind)}")
    require_plugins(str(folder), manifest.get("plugins", {}))  # older ones have none
    there = {entry.name for entry in folder.iterdir()} - {MANIFEST}
    for name in sorted(there | set(outputs)):
        if name not in there or name not in outputs or sha256_of(folder / name) != outputs[name]:
            raise GateError(f"{folder / name} differs from {MANIFEST}; it was changed, lost or added: train again")
    return Artifact(folder, manifest, hashlib.sha256(text).hexdigest())


def article(kind: str) -> str:
    """Return `an agent`, `a forecaster`."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def parent(artifact: Artifact, name: str) -> Artifact:
    """Return the artifact that `artifact` was made from, proven to be the very same.

    Raises:
        RequestError: it is gone.
        GateError: it is not the one `artifact` was made from.
    """
    link = artifact.manifest["parents"][name]
    origin = read(Path(os.path.normpath(artifact.folder / link["path"])), name)
    if origin.sha256 != link["sha256"]:
        raise GateError(f"{origin.folder} is not the {name} that {artifact.folder} was made from; train again")
    return origin


def latest(runs: Path, kind: str, option: str | None = None) -> Path:
    """Return the newest artifact of `kind` under `runs`, the folder of one run name.

    Args:
        runs: the folder.
        kind: of the artifact.
        option: of `inputs` that names another; None where it is called as the kind.

    Raises:
        RequestError: there is none yet.
    """
    folders = sorted(path.parent for path in runs.glob(f"*/{kind}/{MANIFEST}"))
    if not folders:
        key = option or kind
        raise RequestError(f"no {kind} under {runs} yet; train one first, or name its folder with inputs.{key}=...")
    return folders[-1]


def sweep_partials(runs: Path) -> int:
    """Remove what killed processes left half-written in the runs under `runs`; return how many pieces that were."""
    count = 0
    for partial in runs.glob(f"*/{PARTIAL}*"):
        owner = partial.name.split("-")[-2] if partial.name.count("-") >= 2 else ""
        if owner.isdecimal() and not _alive(int(owner)):
            if partial.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink(missing_ok=True)
            count += 1
    return count


def _make_folders(folder: Path) -> list[Path]:
    missing = [path for path in (*reversed(folder.parents), folder) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _flush_folder(folder: Path) -> None:
    for path in folder.iterdir():
        flush(path)
    flush(folder)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
