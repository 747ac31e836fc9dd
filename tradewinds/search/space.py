"""What may be searched: keys of a request, and the values each may take, by what is given or by its own law.

Where no range is given a number may be a quarter of its present value to four times that, evenly by its logarithm, as
far as its law goes; a share all that its law allows; a word any that stand in its type. Knows no study and no task.
"""

import dataclasses
import json
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic.fields import FieldInfo

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import nearest
from tradewinds.request.schema import Config, request_from

OF_NETWORKS = ("model.hidden_size", "model.dropout", "trainer.learning_rate", "trainer.weight_decay")
OF_AGENTS = ("agent.learning_rate",)
TIMES = 4  # by so much a range goes below and above the present value
WORLD = (  # what is measured, and on what: chosen by a search it would be the easiest world, not the best settings
    "series.", "weather.", "data.", "split.", "env.", "baselines.", "backtest.", "rollout.instrument",
    "rollout.standard_errors", "text.kind", "text.path", "text.available_column", "text.lag_hours", "text.time_zone",
    "text.symbol", "pictures.kind", "pictures.path", "pictures.lag_hours", "recalibration.holidays",
)  # fmt: skip
OF_LEARNERS = ("env.reward", "env.pooling", "env.noise", "env.vocabulary", "env.longest", "env.embedding")  # yet ours
SHARE_LEFT = 0.05  # of a share's range at its upper end, which laws leave out and which is of no use
RANGE = ("low", "high", "log")
WIDE = "a list of values, or a range such as {low: 1.0e-4, high: 1.0e-2, log: true}"


@dataclass(frozen=True)
class Dimension:
    """A key and what it may be.

    Attributes:
        key: of the configuration, such as `model.hidden_size`.
        choices: values it may take; empty for a range.
        low: the least of a range.
        high: the most.
        log: whether a range is even by its logarithm.
        whole: whether its numbers are whole.
    """

    key: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def suggested(self, trial: Any) -> Any:
        """Return the value that a trial of Optuna takes."""
        if self.choices:  # by its text: Optuna knows no lists
            texts = [json.dumps(choice) for choice in self.choices]
            return json.loads(trial.suggest_categorical(self.key, texts))
        if self.whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, log=self.log)

    def size(self) -> int | None:
        """Return how many values it may take; None for a range of numbers that are not whole."""
        if self.choices:
            return len(self.choices)
        return int(self.high) - int(self.low) + 1 if self.whole else None

    def holds(self, value: Any) -> bool:
        """Say whether a value is one of those that may be drawn."""
        if self.choices:
            return any(json.dumps(value) == json.dumps(choice) for choice in self.choices)
        return isinstance(value, int | float) and self.low <= value <= self.high

    def read(self, parameter: Any) -> Any:
        """Return the value behind a parameter that Optuna keeps."""
        return json.loads(parameter) if self.choices else parameter

    def parameter(self, value: Any) -> Any:
        """Return what Optuna keeps of a value."""
        return json.dumps(value) if self.choices else value

    def plain(self) -> dict[str, Any]:
        """Return it as `search.space` takes it."""
        if self.choices:
            return {"choices": list(self.choices)}
        return {"low": self.low, "high": self.high, "log": self.log}

    def told(self) -> str:
        """Say in words what it may be."""
        if self.choices:
            return f"{self.key}: {', '.join(json.dumps(choice) for choice in self.choices)}"
        low, high = (int(end) if self.whole else end for end in (self.low, self.high))
        return f"{self.key}: {low:g} to {high:g}{', by its logarithm' if self.log else ''}"


def dimensions(config: Config, usual: Sequence[str]) -> tuple[Dimension, ...]:
    """Return what is searched, in the order in which it is named.

    Args:
        config: the request; `search.space` says what, and its values where ranges begin.
        usual: keys that are searched where it names none, as far as the request has them and their law gives a range.

    Raises:
        RequestError: a key that there is not, that decides nothing, or that has no range; or nothing is left.
    """
    plain = config.plain()
    if config.search.space:
        return tuple(_dimension(config, plain, key, wanted) for key, wanted in _flat(config.search.space, plain))
    found = []
    for key in usual:
        try:
            found.append(_dimension(config, plain, key, None))
        except RequestError:  # the model, trainer or agent has no such setting, or it is off
            continue
    if not found:
        raise RequestError(
            f"search.space must name what is tried: none of {', '.join(usual)} has a range here; name "
            "keys of your own with their values, as docs/search.md shows"
        )
    return tuple(found)


def left_to_try(space: Sequence[Dimension], own: Mapping[str, Any]) -> int | None:
    """Return how many settings there are beside the request's own; None where there is no end of them."""
    sizes = [one.size() for one in space]
    count = 1
    for size in sizes:
        if size is None:
            return None
        count *= size
    return count - all(one.holds(own[one.key]) for one in space)


def with_values(plain: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plain request with other values, by key."""
    changed: dict[str, Any] = json.loads(json.dumps(plain))
    for key, value in values.items():
        *groups, name = key.split(".")
        group = changed
        for part in groups:
            group = group[part]
        group[name] = value
    return changed


def value_at(plain: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key."""
    for part in key.split("."):
        plain = plain[part]
    return plain


def _flat(space: Mapping[str, Any], plain: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield keys in full, however they are nested: `{model: {dropout: null}}` is `{model.dropout: null}`."""
    for name, wanted in space.items():
        key = f"{prefix}{name}"
        there: Any = plain
        for part in key.split("."):
            there = there.get(part) if isinstance(there, Mapping) else None
        nests = isinstance(wanted, Mapping) and not set(wanted) <= set(RANGE)
        if nests and isinstance(there, Mapping):
            yield from _flat(wanted, plain, f"{key}.")
        else:
            yield key, wanted


def _dimension(config: Config, plain: Mapping[str, Any], key: str, wanted: Any) -> Dimension:
    info = _setting(config, key)
    if key == "seed" or key.split(".")[0] not in config.deciding():
        raise RequestError(
            f"search.space names {key}, which decides no number of a run; name settings of model, trainer or agent"
        )
    if key.startswith(WORLD) and not key.startswith(OF_LEARNERS):
        raise RequestError(
            f"search.space names {key}, which says what is measured and not how it is learned: the easiest would be "
            "found, not the best; name settings of features, model, trainer or agent"
        )
    now = value_at(plain, key)
    if wanted is None:
        return _by_law(key, info, now)
    if isinstance(wanted, list | tuple):
        if len(wanted) < 2 or len({json.dumps(choice) for choice in wanted}) < len(wanted):
            raise RequestError(
                f"search.space.{key} must be {WIDE}, at least two values and each once, was {list(wanted)}"
            )
        for choice in wanted:
            request_from(with_values(plain, {key: choice}))
        return Dimension(key, choices=tuple(wanted))
    if isinstance(wanted, Mapping) and {"low", "high"} <= set(wanted) <= set(RANGE):
        return _by_range(config, key, info, wanted)
    raise RequestError(f"search.space.{key} must be {WIDE}, was {wanted!r}; null takes what its law allows")


def _by_range(config: Config, key: str, info: FieldInfo, wanted: Mapping[str, Any]) -> Dimension:
    low, high, log = wanted["low"], wanted["high"], wanted.get("log", False)
    numbers = all(
        isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end) for end in (low, high)
    )
    kind = _number(info)
    if kind is None or not numbers or not low < high or not isinstance(log, bool) or (log and low <= 0):
        raise RequestError(
            f"search.space.{key} must be {WIDE}, of a setting that is a number, low below high and above 0 with "
            f"log, was {dict(wanted)}"
        )
    whole = kind is int
    if whole and (int(low) != low or int(high) != high):
        raise RequestError(f"search.space.{key} is of whole numbers, was {dict(wanted)}")
    for end in (low, high):
        request_from(with_values(config.plain(), {key: int(end) if whole else float(end)}))
    return Dimension(key, low=low, high=high, log=log, whole=whole)


def _by_law(key: str, info: FieldInfo, now: Any) -> Dimension:
    words = _words(info.annotation)
    if words:
        return Dimension(key, choices=words)
    kind, (least, most) = _number(info), _bounds(info)
    if kind is None or isinstance(now, bool) or not isinstance(now, int | float):
        raise RequestError(f"search.space.{key} has no range of its own, being {now!r}; give {WIDE}")
    whole = kind is int
    if least is not None and most is not None and 0.0 <= least and most <= 1.0 and not whole:  # a share
        margin = SHARE_LEFT * (most - least)
        return Dimension(key, low=least, high=max(most - margin, now))
    if now <= 0:
        raise RequestError(
            f"search.space.{key} has no range of its own, being {now!r}, which says no scale; give {WIDE}"
        )
    low, high = now / TIMES, now * TIMES
    low, high = low if least is None else max(low, least), high if most is None else min(high, most)
    if whole:
        low, high = math.ceil(low), math.floor(high)
    if not low < high:
        raise RequestError(f"search.space.{key} has no range about {now!r} that its law allows; give {WIDE}")
    return Dimension(key, low=low, high=high, log=True, whole=whole)


def _setting(config: Config, key: str) -> FieldInfo:
    """Return the field behind a key.

    Raises:
        RequestError: there is none, or it is a group of several.
    """
    here: Any = config
    *groups, name = key.split(".")
    for place, group in enumerate(groups):
        fields = _fields(here)
        if group not in fields or not dataclasses.is_dataclass(getattr(here, group)):
            _unknown(".".join(groups[:place]), group, fields)
        here = getattr(here, group)
    fields = _fields(here)
    if name not in fields:
        _unknown(".".join(groups), name, fields)
    if dataclasses.is_dataclass(getattr(here, name)):
        names = ", ".join(f"{key}.{field}" for field in _fields(getattr(here, name)))
        raise RequestError(f"search.space names {key}, a group of keys; name some of {names}")
    return fields[name]


def _unknown(prefix: str, name: str, fields: Mapping[str, Any]) -> typing.NoReturn:
    before = f"{prefix}." if prefix else ""
    allowed = nearest(name, fields, before) or "; allowed: " + ", ".join(before + field for field in fields)
    raise RequestError(f"search.space names {before}{name}, which is no key{allowed}")


def _fields(settings: Any) -> Mapping[str, FieldInfo]:
    fields: Mapping[str, FieldInfo] = type(settings).__pydantic_fields__
    return fields


def _types(annotation: Any) -> list[Any]:
    """Return the types that a value may have, but None."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [one for part in typing.get_args(annotation) for one in _types(part)]
    if typing.get_origin(annotation) is typing.Annotated:
        return _types(typing.get_args(annotation)[0])
    return [] if annotation is type(None) else [annotation]


def _number(info: FieldInfo) -> type | None:
    kinds = _types(info.annotation)
    return kinds[0] if len(kinds) == 1 and kinds[0] in (int, float) else None


def _words(annotation: Any) -> tuple[Any, ...]:
    kinds = _types(annotation)
    if kinds == [bool]:
        return (False, True)
    if len(kinds) == 1 and typing.get_origin(kinds[0]) is Literal:
        words = typing.get_args(kinds[0])
        return words if len(words) > 1 else ()
    return ()


def _bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """Return the least and the most that a law allows, as far as it says."""
    least, most = [], []
    for law in [*info.metadata, *_laws(info.annotation)]:  # annotated_types' Ge, Gt, Le, Lt and others
        bounds = {name: getattr(law, name) for name in ("ge", "gt", "le", "lt") if hasattr(law, name)}
        least += [float(bounds[name]) for name in ("ge", "gt") if name in bounds]
        most += [float(bounds[name]) for name in ("le", "lt") if name in bounds]
    return (max(least) if least else None), (min(most) if most else None)


def _laws(annotation: Any) -> Iterator[Any]:
    """Yield the laws inside an annotation, such as those of a number that may be null."""
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *metadata = typing.get_args(annotation)
        for law in metadata:
            yield from law.metadata if isinstance(law, FieldInfo) else (law,)
        yield from _laws(inner)
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _laws(part)
