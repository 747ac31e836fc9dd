"""Words and values as a Hydra experiment, which is run by one word. Knows the grammar; not where values are from."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString

from tradewinds.core.files import write_text
from tradewinds.core.resources import resource_dir

FOLDER = "conf"
LEFT_OUT = ("search.", "inputs.")  # keys that decide no number of a run


def write_experiment(folder: Path, name: str, typed: str, values: Mapping[str, Any], remark: str) -> Path:
    """Write `conf/experiment/<name>.yaml` under `folder`, for `--config-dir` and `experiment=<name>`; return it.

    Args:
        folder: where the folder of configuration lies.
        name: of the experiment.
        typed: words that a request was asked with.
        values: further values, by key, which go before those words.
        remark: the comment at its head.
    """
    path = folder / FOLDER / "experiment" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"# {line}" for line in remark.splitlines()]
    text = yaml.safe_dump(experiment(typed, values), sort_keys=False)
    write_text(path, "\n".join(["# @package _global_", *lines, text]))
    return path


def experiment(typed: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the words and the values as a file of `conf/experiment` holds them."""
    groups = {path.name for path in resource_dir("conf").iterdir() if path.is_dir()}
    defaults: list[Any] = []
    settings: dict[str, Any] = {}
    for word in shlex.split(typed):
        override = OverridesParser.create().parse_override(word)
        key, value = override.key_or_group, _plain(override.value())
        if key == "experiment":
            defaults += [value] if value else []
        elif key in groups:
            defaults.append({f"override /{key}": value})
        elif not key.startswith(LEFT_OUT):
            _put(settings, key, value)
    for key, value in values.items():
        _put(settings, key, value)
    return {"defaults": [*defaults, "_self_"], **settings}


def _plain(value: Any) -> Any:
    """Return a value of Hydra's grammar as YAML writes it."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {_plain(key): _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def words_of(typed: str, values: Mapping[str, Any]) -> str:
    """Return what one types for the same, as words."""
    kept = [word for word in shlex.split(typed) if not word.lstrip("+").startswith(LEFT_OUT)]
    found = [f"{key}={_worded(value)}" for key, value in values.items()]
    return shlex.join([*kept, *found])


def _worded(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_worded, value))}]"
    return repr(value) if isinstance(value, float) else str(value)


def _put(settings: dict[str, Any], key: str, value: Any) -> None:
    *groups, name = key.split(".")
    for group in groups:
        settings = settings.setdefault(group, {})
    settings[name] = value
