"""What a training that was written down is known again by: all that decides it, beside the states of its networks.

Light: knows folders, not torch.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

IDENTITY, SEED = "identity.json", "seed"  # which is derived from the one that was given, and means nothing to anybody


def begin(folder: Path, identity: Mapping[str, Any], resume: Path | None) -> None:
    """Make a folder in which a training is written down, with what was written down of it in `resume`.

    Args:
        folder: the checkpoint; an earlier one gives way, unless it is `resume` itself.
        identity: all that decides the training, by name, as JSON values.
        resume: the checkpoint of an interrupted training to go on from; None begins one.

    Raises:
        ValueError: there is no checkpoint in `resume`, or it is of another training; or `folder` holds something else.
    """
    if resume is not None:
        try:
            then: dict[str, Any] = json.loads((resume / IDENTITY).read_text(encoding="utf-8"))
        except (OSError, ValueError) as fault:
            raise ValueError(
                f"resume must name a folder with the checkpoint of a training, was '{resume}': {fault}"
            ) from None
        broken = [
            f"{name.partition(' (')[0]} must stay what it was to resume '{resume}', and is another"
            if name == SEED or name.endswith("(sha256)")
            else f"{name} must stay {then.get(name)} to resume '{resume}', was {identity.get(name)}"
            for name in dict.fromkeys((*then, *identity))
            if then.get(name) != identity.get(name)
        ]
        if broken:
            raise ValueError("; ".join(broken))
        if folder.resolve() == resume.resolve():
            return
    if folder.is_dir() and any(folder.iterdir()) and not (folder / IDENTITY).is_file():
        raise ValueError(f"checkpoint must be a new folder, or that of an earlier training, and '{folder}' holds files")
    shutil.rmtree(folder, ignore_errors=True)
    if resume is not None:
        shutil.copytree(resume, folder)
        return
    folder.mkdir(parents=True)
    (folder / IDENTITY).write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by their full names, as JSON has them; an empty group has none."""
    parts: dict[str, Any] = {}
    for name, value in json.loads(json.dumps(settings)).items():
        parts |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return parts
