"""What a message tells a person to type, found in its words; and what of it this configuration knows."""

import ast
import dataclasses
import re
import shlex
import tomllib
import typing
from functools import cache
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from tradewinds.__main__ import ACTIONS, STAGES, read_words
from tradewinds.core.errors import RequestError
from tradewinds.core.plugins import kinds
from tradewinds.core.resources import resource_dir
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import Config, request_from

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("forecaster", "trading_env", "trading_agent", "tradewinds")
HOLE = "{…}"  # what an f-string puts in
VALUE = r"""'[^']*'|"[^"]*"|\[[^\]]*\]|[^\s;,)`'"]+(?:,[^\s;,)`'"]+)*"""
OPTION = re.compile(rf"(?<![\w.{{}}/\-\"=])((?:[a-z_]|{HOLE}\.)(?:[\w.]|{HOLE})*)=({VALUE})")
QUOTED = re.compile(r"""'([a-z_][\w.]*=(?:[^'\[]|\[[^\]]*\])+)'""")  # one word of a shell
OTHERS = re.compile(r"((?:, \w+)*) or (\w+)(?![\w=.])")  # further values: agent=ppo, reinforce, dqn or sb3
COMMAND = re.compile(r"\btradewinds ([a-z][a-z-]*)(?: ([a-z][a-z-]*)(?![\w=.]))?")
INSTALL = re.compile(r"pip install ['\"]?([\w.-]+)(?:\[([\w,-]+)\])?")
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])")
UNKNOWN = re.compile(r"\{\w*…?\w*\}|\.\.\.|^(FILE|DIR|FOLDER|DATE|N|NAME)$")  # a value that stands for another
STRANGERS = re.compile(r"\b(?:ray start|systemctl)[^;]*")  # programs of others with flags of their own
NOT_OURS = re.compile(r"^[A-Z]{4,} |^hydra\.")  # SQL, and what Hydra is told


def literals(path):
    """Every text of a module but its docstrings and patterns, as (line, text); what an f-string puts in is a HOLE."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    blocks = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    passed = {node.body[0].value for node in ast.walk(tree) if isinstance(node, blocks) and ast.get_docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re."):
            passed |= set(node.args)  # a pattern is no message
        if isinstance(node, ast.JoinedStr):
            passed |= {part for part in ast.walk(node) if isinstance(part, ast.Constant)}
            parts = [str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values]
            yield node.lineno, "".join(parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in passed:
            yield node.lineno, node.value


def options_in(text):
    """Every `key=value` that a text names, each value of its own, as (key, value)."""
    if "=" not in text or NOT_OURS.match(text):
        return
    whole = {}
    for quoted in QUOTED.finditer(text):
        key, _, value = quoted[1].partition("=")
        whole[quoted.start(1)] = (key, value)
    for found in OPTION.finditer(text):
        key, value = whole.get(found.start(), found.groups())
        if key in ("key", "group"):  # of a sentence about options as such
            continue
        yield key, value if value.endswith("...") else value.rstrip(".:")
        more = OTHERS.match(text, found.end())
        if more and not value.startswith("["):
            yield from ((key, other) for other in (*more[1].split(", ")[1:], more[2]))


@cache
def ends_of(key):
    """Every full key that ends with a short one."""
    return sorted(full for full in full_keys() if full.endswith(f".{key}"))


@cache
def full_keys():
    """Every key that some request has, in full, groups of keys among them."""

    def walk(schema, path):
        yield path
        for name, hint in typing.get_type_hints(schema).items() if dataclasses.is_dataclass(schema) else ():
            for inner in {hint, *typing.get_args(hint)}:
                yield from walk(inner, f"{path}.{name}") if path or name not in kinds() else ()

    keys = set()
    for name, hint in typing.get_type_hints(Config).items():
        for schema in kinds().get(name, {"": hint}).values():
            keys |= set(walk(schema, name))
    return keys


@cache
def choices(group):
    return sorted(path.stem for path in (resource_dir("conf") / group).glob("*.yaml"))


@cache
def matches_of(key):
    """Every key or group that a text may mean; a HOLE in it stands for any name."""
    pattern = re.compile(r"[\w.]+".join(map(re.escape, key.split(HOLE))))
    return [key] if choices(key) else sorted(filter(pattern.fullmatch, full_keys()))


def refusal_of_key(key):
    """Say that nobody can type a key, and what it might have been."""
    ends = " or ".join(ends_of(key))
    return f"no request has the key '{key}'" + (f"; say {ends} in full" if ends else "")


@cache
def composed(*words):
    """The plain request of some words."""
    return compose_requests(words, [resource_dir("conf")], multirun=False)[0]


def with_value(plain, key, value):
    """A request with another value."""
    first, _, rest = key.partition(".")
    return plain | {first: with_value(plain.get(first) or {}, rest, value) if rest else value}


@cache
def refusal_of_value(key, text):
    """Say why a key may not have a value, or nothing, whatever the other choices are; a,b are two of them."""
    try:
        override = OverridesParser.create().parse_override(f"{key}={text}")
    except HydraException as error:
        return str(error)
    values = list(override.sweep_iterator()) if override.is_sweep_override() else [override.value()]
    if choices(key):
        return "".join(f"{key} must be one of {', '.join(choices(key))}" for name in values if name not in choices(key))
    group, reason = key.split(".")[0], ""
    for words in [(), *((f"{group}={choice}",) for choice in choices(group))]:
        try:
            for value in values:
                request_from(with_value(composed(*words), key, value))
        except RequestError as error:
            faults = [fault for fault in str(error).split("; ") if re.search(rf"(?<![\w.]){re.escape(key)}\b", fault)]
            reason = reason or "".join(faults[:1])
            if faults:
                continue
        return ""
    return reason


def faults_of_options(text, *, leaf):
    """Say what is wrong with the options that a text names; a leaf's own names are completed by the door."""
    for key, value in options_in(text):
        fulls = ends_of(key) if leaf and "." not in key and not choices(key) else matches_of(key)
        reason = "" if fulls else refusal_of_key(key)
        if fulls and not UNKNOWN.search(value):
            reasons = [refusal_of_value(full, "".join(shlex.split(value))) for full in fulls]
            reason = "" if "" in reasons else reasons[0]
        if reason:
            yield f"'{key}={value}': {reason}"


def faults_of_names(text):
    """Say which keys a text names, without a value, that no request has."""
    if " " not in text:
        return  # a file's name, or a column's
    groups = "|".join(typing.get_type_hints(Config))
    for name in re.findall(rf"(?<![\w./\-]){'(?:' + groups + ')'}(?:\.[a-z_]+)+(?![\w/(:])", text):
        if name not in full_keys():
            yield f"'{name}': no request has such a key"


def faults_of_commands(text):
    """Say which commands and flags a text names that do not exist."""
    for stage, action in COMMAND.findall(text):
        if stage not in STAGES:
            yield f"'tradewinds {stage}': there is no such command"
        elif action and stage in ACTIONS and action not in ACTIONS[stage]:
            yield f"'tradewinds {stage} {action}': it has {', '.join(ACTIONS[stage])}"
    for flag in FLAG.findall(STRANGERS.sub("", text)) if " " in text else ():
        value = {"--cfg": ["job"], "--config-dir": [str(ROOT)]}.get(flag, [])
        try:
            if flag != "--version":
                read_words(["run", flag, *value])
        except RequestError as error:
            yield f"'{flag}': {error}"


def faults_of_installs(text):
    """Say which packages or extras a text tells to install that the project does not have."""
    for package, listed in INSTALL.findall(text):
        extras, names = packages()
        for extra in listed.split(",") if listed else ():
            if package != "tradewinds" or extra not in extras:
                yield f"'{package}[{extra}]': the extras are {', '.join(extras)} of tradewinds"
        if not listed and package not in names:
            yield f"'pip install {package}': the project knows no such package"


@cache
def packages():
    """The extras of the project, and the packages that it or one of them needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *(name for names in extras.values() for name in names)]
    return tuple(extras), {re.split(r"[^\w.-]", name)[0] for name in required}
