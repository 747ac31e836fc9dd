"""One validation for every request: plain data in, a dataclass out, or every fault in one message.

Pydantic checks the values; here its errors become sentences that name the full key, the law, the value found and the
nearest right word, and YAML's values become what a field wants: 3.0 a whole number, 600519 a name, but true no number.
A range and its unit stand in the type of a field, `Annotated[int, Field(ge=2, description="env steps")]`; a law across
fields in the dataclass's `__post_init__`, which raises one ValueError whose faults open with a field's name and are
joined by "; ". Knows nothing of Hydra, of commands or of what the values mean.
"""

import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import is_text, nearest
from tradewinds.core.plugins import installed

T = TypeVar("T")
Kinds = Mapping[str, type]


class Choices(NamedTuple):
    """What a field may be that is one of several dataclasses.

    Attributes:
        kinds: by field, the dataclasses by the value of their key `kind`.
        words: by field, the kinds that one word chooses, `field=kind`.
    """

    kinds: Mapping[str, Kinds]
    words: Mapping[str, Collection[str]]


MISSING_MARK = "???"  # OmegaConf's mark of a value the user must give
DIGITS = 18  # of a whole number; more do not fit into the 64 bits of the libraries below
NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}  # Pydantic's words and ours
LIST, MAPPING = "a list such as [a,b]", "a mapping such as {a: 1}"
WRONG_TYPE = {"word", "tuple_type", "mapping_type", "dict_type", "literal_error"}  # errors that `or null` belongs to


def build(
    schema: type[T],
    plain: Mapping[str, Any],
    *,
    kinds: Mapping[str, Kinds] | None = None,
    words: Mapping[str, Collection[str]] | None = None,
    path: str = "",
) -> T:
    """Build the dataclass `schema` from plain data.

    Args:
        schema: a dataclass, pydantic's or the standard library's, whose fields are numbers, words, texts, lists,
            mappings and dataclasses.
        plain: the values, as read from YAML; nested mappings for nested dataclasses.
        kinds: for a field that is one of several dataclasses, those it may be, by the value of its key `kind`.
        words: by such a field, the kinds that one word chooses, `field=kind`, for messages.
        path: the key under which `plain` stands, for messages.

    Returns:
        An instance of `schema`.

    Raises:
        RequestError: with every fault found (unknown key, missing value, wrong type, out of range), joined by "; ".
    """
    faults: list[str] = []
    settings = _build(schema, plain, Choices(kinds or {}, words or {}), path, faults)
    if faults:
        raise RequestError("; ".join(faults))
    return typing.cast(T, settings)


def _build(schema: type, plain: Mapping[str, Any], choices: Choices, path: str, faults: list[str]) -> object:
    hints = typing.get_type_hints(schema, include_extras=True)
    fields = {field.name: field for field in dataclasses.fields(schema)}
    prefix = f"{path}." if path else ""
    for key in plain:
        if key not in fields:
            allowed = ", ".join(prefix + name for name in fields)
            elsewhere = (
                _of_another_kind(str(key), path, plain, choices)
                if path
                else _within(str(key), hints, plain, choices.kinds)
            )
            hint = elsewhere or nearest(str(key), fields, prefix)
            faults.append(f"unknown key '{prefix}{key}'{hint or f'; allowed: {allowed}'}")
    unknown, values = len(faults), {}
    for name, field in fields.items():
        if name in plain and plain[name] != MISSING_MARK:
            values[name] = _value(hints[name], plain[name], choices, prefix + name, faults)
        elif name in plain or field.default is field.default_factory is dataclasses.MISSING:
            faults.append(f"{prefix}{name} is required; give {prefix}{name}=...")
    if len(faults) > unknown:
        return None
    try:
        return schema(**values)
    except ValidationError as error:
        faults.extend(_sentences(error, hints, prefix, plain))
    except ValueError as error:
        faults.extend(prefix + fault for fault in _split(str(error), fields))
    return None


def _within(key: str, hints: Mapping[str, Any], plain: Mapping[str, Any], kinds: Mapping[str, Kinds]) -> str:
    """Return `"; did you mean 'x.key'?"` for the groups that have this key as they were chosen, or may have it."""
    chosen = {
        name: [members[kind]]
        for name, members in kinds.items()
        if isinstance(plain.get(name), Mapping) and (kind := plain[name].get("kind")) in members
    }
    possible = {name: kinds.get(name, {"": hint}).values() for name, hint in hints.items()}
    having = _having(key, chosen) or _having(key, possible)
    return f"; did you mean {' or '.join(having)}?" if having else ""


def _having(key: str, groups: Mapping[str, Iterable[Any]]) -> list[str]:
    return [
        f"'{name}.{key}'"
        for name, schemas in groups.items()
        if any(dataclasses.is_dataclass(schema) and key in schema.__dataclass_fields__ for schema in schemas)
    ]


def _of_another_kind(key: str, group: str, plain: Mapping[str, Any], choices: Choices) -> str:
    """Return what to add for a key that other kinds of a group have, where one word chooses them."""
    kinds = choices.kinds.get(group, {})
    words = choices.words.get(group, ())
    having = [f"{group}={kind}" for kind in words if _having(key, {kind: [kinds[kind]]})]
    return f" with {group}.kind={plain['kind']}; add {' or '.join(having)}" if having else ""


def _value(hint: Any, value: Any, choices: Choices, path: str, faults: list[str]) -> object:
    if path in choices.kinds:
        hint = _kind(choices.kinds[path], value, path, faults)
        if hint is None:
            return None
    if dataclasses.is_dataclass(hint):
        if isinstance(value, Mapping):
            return _build(typing.cast(type, hint), value, choices, path, faults)
        names = ", ".join(f"{path}.{field.name}" for field in dataclasses.fields(hint))
        faults.append(f"{path} is a group of keys, was {value!r}; set {names}")
        return None
    try:
        return _reader(hint).validate_python(value)
    except ValidationError as error:
        faults.append(_sentence(path, hint, error.errors(include_url=False)[0], value))
        return None


def _kind(choices: Kinds, value: Any, path: str, faults: list[str]) -> type | None:
    kind = value.get("kind") if isinstance(value, Mapping) else value
    if isinstance(value, Mapping) and isinstance(kind, str) and kind in choices:
        return choices[kind]
    allowed = ", ".join(sorted(choices))
    faults.append(
        f"{path}.kind must be one of {allowed}, was {kind!r}{nearest(str(kind), choices) or f'; {installed()}'}"
    )
    return None


def _whole(value: Any) -> int:
    if _is_number(value) and abs(value) >= 10**DIGITS:
        raise PydanticCustomError("word", f"a whole number of at most {DIGITS} digits")
    if not _is_number(value) or value != value // 1:
        raise PydanticCustomError("word", "a whole number")
    return int(value)


def _number(value: Any) -> float:
    if _is_number(value) and abs(value) <= sys.float_info.max:  # neither nan nor inf
        return float(value)
    raise PydanticCustomError("word", "a number")


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise PydanticCustomError("word", "true or false")


def _text(value: Any) -> str:
    if not isinstance(value, str) and not _is_number(value):  # a name may look like a number, such as a ticker 600519
        raise PydanticCustomError("word", "a text")
    if not is_text(str(value)):
        raise PydanticCustomError("word", "a text that UTF-8 can write, without NUL")
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


READERS: Mapping[type, Callable[[Any], Any]] = {int: _whole, float: _number, bool: _truth, str: _text}


@cache
def _reader(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_door(hint))


def _door(hint: Any) -> Any:
    """Return the type `hint` with values read as YAML writes them, and of a union the first that fits."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in READERS:
        return Annotated[hint, BeforeValidator(READERS[hint])]
    if origin is Annotated:
        return Annotated[_door(arguments[0]), *arguments[1:]]
    if origin is tuple:
        return types.GenericAlias(tuple, (_door(arguments[0]), ...))
    if origin is Mapping:
        return types.GenericAlias(Mapping, (Annotated[str, BeforeValidator(str)], _door(arguments[1])))
    if origin in (Union, types.UnionType):
        union = Union.__getitem__(tuple(map(_door, arguments)))
        several = len(set(arguments) - {type(None)}) > 1
        return Annotated[union, Field(union_mode="left_to_right")] if several else union
    return hint


def _sentences(
    error: ValidationError, hints: Mapping[str, Any], prefix: str, plain: Mapping[str, Any]
) -> Iterator[str]:
    """Say what a pydantic dataclass itself refused: laws across fields, and what its own validators found."""
    for detail in error.errors(include_url=False):
        if detail["loc"]:
            name, *place = detail["loc"]
            yield _sentence(f"{prefix}{name}", hints[str(name)], {**detail, "loc": tuple(place)}, plain.get(str(name)))
        else:
            text = str(detail.get("ctx", {}).get("error", detail["msg"]))
            yield from (prefix + fault for fault in _split(text, hints))


def _split(text: str, fields: Collection[str]) -> list[str]:
    """Split joined faults: each opens with a field's name, and what does not goes on with the one before."""
    parts: list[str] = []
    for piece in text.split("; "):
        if parts and piece.split(" ")[0].rstrip(",:") not in fields:
            parts[-1] += f"; {piece}"
        else:
            parts.append(piece)
    return parts


def _sentence(path: str, hint: Any, detail: ErrorDetails, value: Any) -> str:
    law = _law(hint, (), detail["loc"], detail)
    if not law.startswith("must "):
        law = f"must {'lie' if law.startswith('in ') else 'be'} {law}"
    words = str(detail.get("ctx", {}).get("expected", "")).strip("'").replace("' or '", "', '")
    cure = nearest(str(detail["input"]), words.split("', '")) if words else ""
    if detail["type"] == "kind":
        cure = cure or f"; {installed()}"
    return f"{path} {law}, was {value!r}{cure}"


def _law(hint: Any, marks: tuple[Any, ...], place: tuple[int | str, ...], detail: ErrorDetails) -> str:
    """Return what must hold of a field, in words that go on after "must be".

    Args:
        hint: the field's type.
        marks: what `Annotated` around it says.
        place: where inside a list or a mapping the error lies.
        detail: pydantic's error.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _law(arguments[0], (*marks, *arguments[1:]), place, detail)
    if origin in (Union, types.UnionType):
        members = [argument for argument in arguments if argument is not type(None)]
        unfit = detail["type"] in WRONG_TYPE
        several = unfit and len(members) > 1
        law = " or ".join(map(_name, members)) if several else _law(members[0], marks, place, detail)
        null = unfit and len(members) < len(arguments)
        return f"{law} or null" if null else law
    if place and origin in (tuple, Mapping):
        holder, element = ("list", arguments[0]) if origin is tuple else ("mapping", arguments[1])
        return f"a {holder} whose every element is {_law(element, (), place[1:], detail)}"
    return _words(hint, marks, detail)


def _words(hint: Any, marks: tuple[Any, ...], detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    unit = next((mark.description for mark in marks if isinstance(mark, FieldInfo) and mark.description), "")
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        return _range(marks, unit)
    if kind == "value_error":
        return str(context["error"]).removeprefix("must be ")
    if kind == "string_pattern_mismatch" and unit:
        return unit
    if kind == "too_short" and hint is str:
        return unit or "a text, not empty"
    if kind in ("too_short", "too_long"):
        number = context["min_length"] if kind == "too_short" else context["max_length"]
        return f"a list of at {'least' if kind == 'too_short' else 'most'} {_count(number, unit or 'elements')}"
    if kind in WRONG_TYPE - {"word"} or kind.endswith(("_type", "_parsing")) or kind == "finite_number":
        return _name(hint)
    return str(detail["msg"]).removeprefix("Input should be ").removeprefix("must be ")


def _name(hint: Any) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _name(arguments[0])
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    return LIST if origin is tuple else MAPPING if origin is Mapping else NAMES.get(hint, str(hint))


def _range(marks: Iterable[Any], unit: str) -> str:
    """Say a range with its unit: `at least 2 bars`, `in [0, 1) basis points`, `a fraction of equity in [0, 1)`."""
    limits: dict[str, float] = {}
    for mark in marks:
        for limit in mark.metadata if isinstance(mark, FieldInfo) else (mark,):
            limits |= {name: getattr(limit, name) for name in LIMITS if hasattr(limit, name)}
    low, high = limits.get("ge", limits.get("gt")), limits.get("le", limits.get("lt"))
    noun = unit.startswith(("a ", "an "))
    if low is not None and high is not None:
        opening, closing = "[" if "ge" in limits else "(", "]" if "le" in limits else ")"
        span = f"in {opening}{_figure(low)}, {_figure(high)}{closing}"
        return f"{unit} {span}" if noun else f"{span} {unit}".rstrip()
    ((name, number),) = limits.items()
    return f"{unit} of {LIMITS[name]} {_figure(number)}" if noun else f"{LIMITS[name]} {_count(number, unit)}"


def _figure(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def _count(number: float, unit: str) -> str:
    """Write a number with its unit: `2 bars`, `1 bar`; only a plural of one or two words is made a singular."""
    if number == 1 and unit.count(" ") < 2 and unit.endswith("s"):
        unit = unit.removesuffix("es") if unit.endswith(("sses", "xes")) else unit.removesuffix("s")
    return f"{_figure(number)} {unit}".rstrip()
