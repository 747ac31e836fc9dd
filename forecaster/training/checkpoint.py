"""The state of a training on disk, after its last whole epoch: one file, replaced in one rename.

Lightning says what the state is; tensors are those of a safetensors file and everything else is JSON in its header, so
that the two never belong to different moments, and reading it runs no code that the file brings along.
"""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

FILE = "epochs.safetensors"
STATE = "state"  # the header's key
SHARE = 0.02  # of the time of a training that writing it down may take
TENSOR, PAIRS, TUPLE = "tensor", "pairs", "tuple"  # how what JSON has not is written in it


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested mappings, lists and tuples of tensors and JSON values, atomically."""
    tensors: dict[str, Tensor] = {}
    header = json.dumps(_packed(state, tensors))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(save(tensors, metadata={STATE: header}))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any]:
    """Return what `write_state` wrote.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            state: dict[str, Any] = _unpacked(json.loads(file.metadata()[STATE]), tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as fault:
        raise ValueError(f"'{path}' holds no state of a training: {fault}") from None
    return state


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {TENSOR: name}
    if isinstance(value, Mapping):  # whose keys need not be texts
        return {PAIRS: [[key, _packed(part, tensors)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        parts = [_packed(part, tensors) for part in value]
        return parts if isinstance(value, list) else {TUPLE: parts}
    return value


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == TENSOR:
        return tensors[content]
    if kind == PAIRS:
        return {key: _unpacked(part, tensors) for key, part in content}
    return tuple(_unpacked(part, tensors) for part in content)


class PlainCheckpoints(CheckpointIO):
    """How Lightning writes and reads the states of its trainings here."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint, atomically."""
        write_state(Path(path), checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint."""
        return read_state(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a checkpoint."""
        Path(path).unlink(missing_ok=True)


class WriteEpochs(pl.callbacks.Checkpoint):
    """Write the state of a training after its epochs; being a `Checkpoint`, after all other callbacks.

    Of epochs so short that writing would take more than `SHARE` of the time only some are written, and the last.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.next = path, 0.0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace the state by that after this epoch."""
        began = time.perf_counter()
        if began < self.next and not trainer.fit_loop.done:
            return
        trainer.save_checkpoint(self.path)
        ended = time.perf_counter()
        self.next = ended + (ended - began) / SHARE
