"""One validation for every request: plain data in, a dataclass out, or every fault in one message.

Knows dataclasses and nothing of Hydra, of stages or of what the values mean: a range is the business of the dataclass
itself (its `__post_init__` raises ValueError with messages that open with the field's name).
"""

import dataclasses
import difflib
import sys
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal, TypeVar

from tradewinds.core.errors import RequestError

T = TypeVar("T")
Kinds = Mapping[str, type]
MISSING_MARK = "???"  # OmegaConf's mark of a value the user must give
DIGITS = 18  # of a whole number; more do not fit into the 64 bits of the libraries below
TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def nearest(word: str, allowed: Iterable[str], prefix: str = "") -> str:
    """Return `"; did you mean 'x'?"` for the allowed word closest to `word`, or an empty string."""
    matches = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{prefix}{matches[0]}'?" if matches else ""


def is_text(word: str) -> bool:
    """Whether files and their names can hold `word`: Python keeps bytes that are no UTF-8 as lone surrogates."""
    try:
        return b"\0" not in word.encode()
    except UnicodeEncodeError:
        return False


def require(*laws: tuple[bool, str]) -> None:
    """Raise one ValueError that names every law which does not hold, for the `__post_init__` of a schema."""
    faults = [message for holds, message in laws if not holds]
    if faults:
        raise ValueError("; ".join(faults))


def build(schema: type[T], given: Mapping[str, Any], *, kinds: Mapping[str, Kinds] | None = None, path: str = "") -> T:
    """Build the dataclass `schema` from plain data.

    Args:
        schema: a dataclass whose fields have the simple types of `_convert`, or are dataclasses themselves.
        given: the values, as read from YAML; nested mappings for nested dataclasses.
        kinds: for a field declared as `object`, the dataclasses it may be, by the value of its key `kind`.
        path: the key under which `given` stands, for messages.

    Returns:
        An instance of `schema`.

    Raises:
        RequestError: with every fault found (unknown key, missing value, wrong type, out of range), joined by "; ".
    """
    faults: list[str] = []
    built = _build(schema, given, kinds or {}, path, faults)
    if faults:
        raise RequestError("; ".join(faults))
    return typing.cast(T, built)


def _build(schema: type, given: Mapping[str, Any], kinds: Mapping[str, Kinds], path: str, faults: list[str]) -> object:
    hints = typing.get_type_hints(schema)
    fields = {field.name: field for field in dataclasses.fields(schema)}
    prefix = f"{path}." if path else ""
    for key in given:
        if key not in fields:
            allowed = ", ".join(prefix + name for name in fields)
            hint = nearest(str(key), fields, prefix)
            faults.append(f"unknown key '{prefix}{key}'{hint or f'; allowed: {allowed}'}")
    before = len(faults)
    values = {}
    for name, field in fields.items():
        if name in given:
            values[name] = _value(hints[name], given[name], kinds, prefix + name, faults)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            faults.append(f"{prefix}{name} is required; give {prefix}{name}=...")
    if len(faults) > before:
        return None
    try:
        return schema(**values)
    except ValueError as error:
        faults.extend(prefix + fault for fault in _split(str(error), fields))
        return None


def _split(text: str, fields: Collection[str]) -> list[str]:
    """Split joined faults: each opens with a field's name, and what does not goes on with the one before."""
    parts: list[str] = []
    for piece in text.split("; "):
        if parts and piece.split(" ")[0].rstrip(",:") not in fields:
            parts[-1] += f"; {piece}"
        else:
            parts.append(piece)
    return parts


def _value(hint: Any, value: Any, kinds: Mapping[str, Kinds], path: str, faults: list[str]) -> object:
    if value == MISSING_MARK:
        faults.append(f"{path} is required; give {path}=...")
        return None
    if path in kinds:
        hint = _kind(kinds[path], value, path, faults)
        if hint is None:
            return None
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            names = ", ".join(f"{path}.{field.name}" for field in dataclasses.fields(hint))
            faults.append(f"{path} is a group of keys, was {value!r}; set {names}")
            return None
        return _build(typing.cast(type, hint), value, kinds, path, faults)
    try:
        return _convert(hint, value)
    except _Unfit as unfit:
        faults.append(f"{path} must be {unfit.law}, was {value!r}{unfit.hint}")
        return None


def _kind(choices: Kinds, value: Any, path: str, faults: list[str]) -> type | None:
    kind = value.get("kind") if isinstance(value, Mapping) else value
    if isinstance(value, Mapping) and isinstance(kind, str) and kind in choices:
        return choices[kind]
    allowed = ", ".join(sorted(choices))
    faults.append(f"{path}.kind must be one of {allowed}, was {kind!r}{nearest(str(kind), choices)}")
    return None


class _Unfit(Exception):
    def __init__(self, law: str, hint: str = "") -> None:
        super().__init__(law)
        self.law, self.hint = law, hint


def _convert(hint: Any, value: Any) -> object:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_optional(arguments, value)
    if origin is Literal:
        if value not in arguments:
            raise _Unfit(f"one of {', '.join(map(str, arguments))}", nearest(str(value), map(str, arguments)))
        return value
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise _Unfit("a mapping such as {a: 1}")
        return {str(key): _convert_element(arguments[1], element, "mapping") for key, element in value.items()}
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _Unfit("a list such as [a,b]")
        return tuple(_convert_element(arguments[0], element, "list") for element in value)
    return _convert_scalar(hint, value)


def _convert_element(hint: Any, value: Any, holder: str) -> object:
    try:
        return _convert(hint, value)
    except _Unfit as unfit:
        raise _Unfit(f"a {holder} whose every element is {unfit.law}") from None


def _convert_optional(arguments: tuple[Any, ...], value: Any) -> object:
    if value is None and type(None) in arguments:
        return None
    laws, hint = [], ""
    for argument in arguments:
        if argument is type(None):
            continue
        try:
            return _convert(argument, value)
        except _Unfit as unfit:
            laws.append(unfit.law)
            hint = hint or unfit.hint
    raise _Unfit(" or ".join(laws + (["null"] if type(None) in arguments else [])), hint)


def _convert_scalar(hint: Any, value: Any) -> object:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and is_number and abs(value) <= sys.float_info.max:  # neither nan nor inf
        return float(value)
    if hint is int and is_number and abs(value) >= 10**DIGITS:
        raise _Unfit(f"a whole number of at most {DIGITS} digits")
    if hint is int and is_number and value == value // 1:
        return int(value)
    if hint is bool and isinstance(value, bool):
        return value
    if hint is str and isinstance(value, str):
        if not is_text(value):
            raise _Unfit("a text that UTF-8 can write, without NUL")
        return value
    if hint is str and is_number:  # a name that looks like a number, such as a ticker 600519
        return str(value)
    raise _Unfit(TYPE_NAMES.get(hint, str(hint)))
