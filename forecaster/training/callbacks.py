"""Callbacks of other people's: functions that make one for a training, called by a name.

A configuration holds names only; whoever uses one says first which function it means (`register_callback`). Must not
know where functions come from.
"""

from collections.abc import Callable, Iterable

import pytorch_lightning as pl

MakeCallback = Callable[[], pl.Callback]
_callbacks: dict[str, MakeCallback] = {}


def register_callback(name: str, make: MakeCallback) -> None:
    """Let `TrainerConfig.callbacks` name a callback of Lightning; a later one of the same name takes its place.

    Args:
        name: what it is called by.
        make: a function without arguments that returns a new callback; each network is trained with one of its own.
            With `trainer.processes` it is sent to other processes.
    """
    _callbacks[name] = make


def registered_callbacks() -> tuple[str, ...]:
    """Return the names that `TrainerConfig.callbacks` may use."""
    return tuple(_callbacks)


def callback_makers(names: Iterable[str]) -> tuple[MakeCallback, ...]:
    """Return the functions that make the callbacks of these names.

    Raises:
        ValueError: none is registered under one of them.
    """
    unknown = [name for name in names if name not in _callbacks]
    if unknown:
        known = ", ".join(sorted(_callbacks)) or "none"
        raise ValueError(f"callback '{unknown[0]}' is not registered, known are: {known}; call register_callback first")
    return tuple(_callbacks[name] for name in names)
