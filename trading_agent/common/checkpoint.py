"""The state of a training on disk: nested plain values and arrays in one file, replaced in one rename.

The arrays are the tensors of a safetensors file and everything else is JSON in its header, so the two can never belong
to different moments. Reading it runs no code that the file brings along.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

FILE = "training.safetensors"
_SEPARATOR = "/"


def contiguous(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the same arrays laid out row by row: safetensors 0.8 reads back another order in silence as if it were."""
    return {name: np.asarray(array, order="C") for name, array in arrays.items()}


def write_checkpoint(folder: Path, state: Mapping[str, Any]) -> None:
    """Write `state` (nested mappings with string keys; leaves are arrays or JSON values) into `folder`, atomically."""
    leaves = dict(_flatten(state))
    arrays = {name: leaf for name, leaf in leaves.items() if isinstance(leaf, np.ndarray)}
    plain = {name: leaf for name, leaf in leaves.items() if name not in arrays}
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    try:
        with partial.open("wb") as file:
            file.write(save(contiguous(arrays), metadata={"state": json.dumps(plain)}))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / FILE)
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(folder: Path) -> dict[str, Any]:
    """Return the state that `write_checkpoint` wrote into `folder`.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    path = folder / FILE
    try:
        with safe_open(path, framework="np") as file:
            plain = json.loads(file.metadata()["state"])
        leaves = {**plain, **{name: array.copy() for name, array in load(path.read_bytes()).items()}}
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as fault:
        raise ValueError(
            f"resume must name a folder with the checkpoint of a training, was '{folder}': {fault}"
        ) from fault
    state: dict[str, Any] = {}
    for name, leaf in leaves.items():
        *path_to, last = name.split(_SEPARATOR)
        branch = state
        for step in path_to:
            branch = branch.setdefault(step, {})
        branch[last] = leaf
    return state


def _flatten(state: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, leaf in state.items():
        if isinstance(leaf, Mapping) and leaf:
            yield from _flatten(leaf, f"{prefix}{name}{_SEPARATOR}")
        else:
            yield prefix + name, leaf
