"""The table of planted leaks, and how one function of the rooms is changed wherever it is known by name."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

ROOMS = ("forecaster", "trading_env", "trading_agent", "tradewinds")


@dataclass(frozen=True)
class Plant:
    """A leak.

    Attributes:
        subject: what it is about.
        request: in which it shows, a name of `leaks.requests.REQUESTS`.
        words: what it does.
        sow: plants it.
    """

    subject: str
    request: str
    words: str
    sow: Callable[[], None]


PLANTS: dict[str, Plant] = {}
UNDO: list[tuple[Any, str, Any]] = []  # what was changed, under which name, and what it was
INSTEAD: list[tuple[Any, Any]] = []  # what was changed, and what stands in its place
CALLS: dict[str, int] = {}  # by changed function, how often it was called: a plant that is never called proves nothing


def sow(name: str) -> None:
    """Plant a leak in this process; processes that it starts are not reached.

    Raises:
        AttributeError: what it changes is not there any more.
    """
    PLANTS[name].sow()


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant a leak, and pull it out again."""
    try:
        sow(name)
        yield
    finally:
        for original, successor in INSTEAD:  # modules that were first loaded meanwhile know the successor
            UNDO.extend((holder, key, original) for holder, key in _places(successor))
        INSTEAD.clear()
        while UNDO:
            setattr(*UNDO.pop())


def plant(subject: str, request: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Put the function below into the table, by its name, its docstring as the words."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        PLANTS[function.__name__] = Plant(subject, request, str(function.__doc__), function)
        return function

    return register


def change(place: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` in the place of a function, method or property.

    Args:
        place: `package.module:function` or `package.module:Class.method`.
        make: from the original to its successor.
    """
    module, name = place.split(":")
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for step in path:
        owner = getattr(owner, step)
    original = getattr(owner, last)
    successor = _counted(place, make(original))
    INSTEAD.append((original, successor))
    for holder, key in [(owner, last), *((holder, key) for holder, key in _places(original) if holder is not owner)]:
        UNDO.append((holder, key, original))
        setattr(holder, key, successor)


def _places(function: Any) -> list[tuple[Any, str]]:
    """Return the modules of the rooms that know a function, and under which name."""
    rooms = [module for name, module in sys.modules.items() if name.split(".")[0] in ROOMS]
    return [(module, key) for module in rooms for key, value in vars(module).items() if value is function]


def _counted(place: str, function: Any) -> Any:
    if isinstance(function, property):
        return property(_counted(place, function.fget))

    @wraps(function)
    def counted(*given: Any, **options: Any) -> Any:
        CALLS[place] = CALLS.get(place, 0) + 1
        return function(*given, **options)

    return counted


def instead(place: str, function: Any) -> None:
    """Put a function in the place of another."""
    change(place, lambda _: function)


def after(place: str, then: Callable[..., Any]) -> None:
    """Return what `then` makes of a function's result and of its arguments."""
    change(place, lambda original: lambda *given, **options: then(original(*given, **options), *given, **options))
