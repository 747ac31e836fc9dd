"""The sample files: what stands in their sidecars, and whether the files are still what the sidecars say."""

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tradewinds.core.errors import GateError
from tradewinds.core.files import sha256_of
from tradewinds.core.resources import resource_dir

REQUIRED = "title source upstream licence attribution changes units time availability caveats".split()


@dataclass(frozen=True)
class Sample:
    """One sample file and its sidecar.

    Attributes:
        name: of file and sidecar.
        title: what it is.
        path: of the file.
        rows: data rows.
        first: first time stamp, as in the file.
        last: last time stamp.
        sha256: of the file.
        licence: its licence's name.
        facts: the whole sidecar.
    """

    name: str
    title: str
    path: Path
    rows: int
    first: str
    last: str
    sha256: str
    licence: str
    facts: dict[str, Any]


def list_samples() -> list[Sample]:
    """Return all samples that are shipped, by name.

    Raises:
        GateError: a sidecar is broken.
    """
    return [_sample(path) for path in sorted(resource_dir("data").glob("*.json"))]


def sample(name: str) -> Sample:
    """Return one sample."""
    return _sample(resource_dir("data") / f"{name}.json")


def verify_samples() -> list[str]:
    """Recompute every checksum, row count and span; return one sentence a finding."""
    findings = []
    for path in sorted(resource_dir("data").glob("*.json")):
        try:
            file = _sample(path)
        except GateError as error:
            findings.append(str(error))
            continue
        licence = path.parent / file.facts["licence"]["file"]
        if not licence.is_file():
            findings.append(f"{file.name}: its licence {licence.name} is missing")
        findings.extend(_compare(file))
    return findings


def _compare(sample_file: Sample) -> list[str]:
    if not sample_file.path.is_file():
        return [f"{sample_file.path.name} is missing"]
    if sha256_of(sample_file.path) != sample_file.sha256:
        return [f"{sample_file.path.name} differs from its sha256"]
    with gzip.open(sample_file.path, "rt", encoding="utf-8") as file:
        stamps = [line.split(",", 1)[0] for line in file][1:]
    content = (len(stamps), stamps[0], stamps[-1])
    stated = (sample_file.rows, sample_file.first, sample_file.last)
    return [] if content == stated else [f"{sample_file.path.name} holds {content}, its sidecar says {stated}"]


def _sample(sidecar: Path) -> Sample:
    try:
        facts: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
        missing = [key for key in REQUIRED if key not in facts]
    except (ValueError, TypeError):
        raise GateError(f"{sidecar.name} is not JSON") from None
    if missing:
        raise GateError(f"{sidecar.name} lacks {', '.join(missing)}")
    same = {name: facts[name] for name in ("name", "title", "rows", "first", "last", "sha256")}
    return Sample(**same, path=sidecar.parent / facts["file"], licence=facts["licence"]["name"], facts=facts)
