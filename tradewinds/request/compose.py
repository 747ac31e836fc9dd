"""From command-line overrides to plain configuration, by Hydra's compose; a wrong word is answered here, in one line.

Hydra finds and merges the YAML files; what the merged values may be is decided afterwards by `validate`. Every plain
`key=value` is handed to Hydra as `++key=value`, so that a misspelled key reaches our one validation, whether the user
wrote `key`, `+key` or `++key` (Hydra alone accepts `+typo=1` silently). Must not know the stages.
"""

import fnmatch
import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tradewinds.core.errors import RequestError
from tradewinds.core.laws import is_text, nearest
from tradewinds.core.plugins import KEYS, installed, is_own, registered
from tradewinds.request.interpolation import only_ours

PRIMARY = "tradewinds"  # conf/tradewinds.yaml
UNUSED = [  # what Hydra loads for programs that it starts itself: a fifth of the time that it takes to compose
    f"~hydra/{group}"
    for group in ("env", "help", "hydra_help", "hydra_logging", "job_logging", "launcher", "output", "sweeper")
]
SYMBOLS = ("data.symbols", "series.symbols", "series.leave_out")
SYMBOL = re.compile(r"[^\[\],\s]+")
RAISED = "ValueError raised while resolving interpolation: "  # how OmegaConf opens what we say
SWEEPS = "a sweep is a,b or range(1,3), or glob(*) of a group"


def compose_requests(overrides: Sequence[str], folders: Sequence[Path], *, multirun: bool) -> list[dict[str, Any]]:
    """Compose the configuration of one run, or of each run of a sweep.

    Args:
        overrides: words such as `model=gru` (a choice of a group) and `model.hidden_size=64` (a value).
        folders: the conf folder, then the user's own, searched in this order after each other.
        multirun: whether `key=a,b`, `range(...)` and `glob(...)` are allowed and expand to several runs.

    Returns:
        One plain, resolved mapping a run, in the order of the sweep.

    Raises:
        RequestError: an override that cannot be read, a group or a choice that does not exist, a sweep without -m, an
            interpolation that cannot be resolved, a YAML file that cannot be read.
    """
    with only_ours():
        return [_compose(job, folders) for job in _jobs(overrides, folders, multirun=multirun)]


def typed_words(overrides: Sequence[str], folders: Sequence[Path], *, multirun: bool) -> list[str]:
    """Return what one would type for each run of a sweep, or for the only one, quoted for a shell."""
    jobs = _jobs(overrides, folders, multirun=multirun)
    return [shlex.join(word.removeprefix("++") for word in job) for job in jobs]


def _jobs(overrides: Sequence[str], folders: Sequence[Path], *, multirun: bool) -> list[list[str]]:
    options = {group: [*_choices(folders, group), *_unwritten(folders, group)] for group in _groups(folders)}
    words = [_words(_parse(text), text, options, multirun) for text in map(_quoted, overrides)]
    return [list(job) for job in itertools.product(*words)]


def _groups(folders: Sequence[Path]) -> list[str]:
    return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir()})


def _choices(folders: Sequence[Path], group: str) -> list[str]:
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def _unwritten(folders: Sequence[Path], group: str) -> list[str]:
    """Return the kinds of plugins that a group may be, and that no file of it is named after."""
    offered = registered().get(group, {}) if group in KEYS else {}
    return sorted(name for name in offered if not is_own(group, name) and name not in _choices(folders, group))


def _chosen(word: str, folders: Sequence[Path]) -> list[str]:
    """Return `model=wavenet` as Hydra reads it where no file has that name: the kind alone, with its own defaults."""
    group, _, choice = word.partition("=")
    return [f"~{group}", f"++{group}.kind={choice}"] if choice in _unwritten(folders, group) else [word]


def _quoted(text: str) -> str:
    """Quote the symbols of `data.symbols=[^GSPC,TRUE]`: every one is a text, whatever Hydra's grammar sees in it."""
    key, _, value = text.partition("=")
    if key.lstrip("+") not in SYMBOLS or any(sign in value for sign in "'\"("):
        return text
    return f"{key}={SYMBOL.sub(lambda found: repr(found[0]), value)}"


def _parse(text: str) -> Override:
    if not is_text(text):
        raise RequestError(f"cannot read {text!r}: it is not UTF-8 text; give the file or folder a name that is")
    if "=" not in text and not text.startswith("~"):
        raise RequestError(f"cannot read '{text}': an option is key=value, such as seed=1")
    try:
        override: Override = OverridesParser.create().parse_override(text)
    except HydraException as error:
        cure = "a value with blanks, commas or brackets needs quotes of its own, such as 'key=\"a value\"'"
        raise RequestError(f"cannot read '{text}': {_one_line(error)}; {cure}") from None
    except ValueError:  # Python reads no number of more than 4300 digits
        raise RequestError(f"cannot read '{text[:40]}...': a number has at most 18 digits") from None
    if override.is_delete():
        raise RequestError(f"cannot delete '{text[1:]}': every key has a meaning here; set it to null or to a value")
    key = override.key_or_group
    if key == "hydra/launcher":
        raise RequestError(
            "'hydra/launcher' has no effect here: a launcher knows nothing of runs that count one another; runs of -m "
            "go side by side on all cores, and executor=ray spreads them over machines (docs/scale.md)"
        )
    if key == "hydra" or key.startswith(("hydra.", "hydra/")):
        raise RequestError(f"'{key}' is Hydra's own and has no effect here; run.dir sets where results go")
    return override


def _words(override: Override, text: str, options: dict[str, list[str]], multirun: bool) -> list[str]:
    key = override.key_or_group
    if override.is_sweep_override() and not multirun:
        raise RequestError(f"'{text}' names several values; add -m to run each of them, or quote the value")
    if key not in options:
        if not override.is_sweep_override():
            return ["++" + text.lstrip("+")]
        return [f"++{key}={value}" for value in _swept(override, text, [])]
    chosen = _swept(override, text, options[key]) if override.is_sweep_override() else [override.value()]
    for choice in chosen:
        if not isinstance(choice, str | None) or (choice is None and key != "experiment"):
            raise RequestError(f"{key} picks one of {', '.join(options[key])}; set single values as {key}.name=value")
        if choice is not None and choice not in options[key]:
            hint = nearest(choice, options[key]) or (f"; {installed()}" if key in KEYS else "")
            raise RequestError(f"{key} must be one of {', '.join(options[key])}, was '{choice}'{hint}")
    return [f"{key}={'null' if choice is None else choice}" for choice in chosen]


def _swept(override: Override, text: str, choices: list[str]) -> list[str]:
    value = override.value()
    if isinstance(value, Glob):
        included = [name for name in choices if any(fnmatch.fnmatch(name, pattern) for pattern in value.include)]
        swept = [name for name in included if not any(fnmatch.fnmatch(name, pattern) for pattern in value.exclude)]
    else:
        try:
            swept = list(override.sweep_string_iterator())
        except (HydraException, ValueError) as error:  # interval(1,2) has no values to name, a step of 0 no end
            raise RequestError(f"'{text}' names no values: {_one_line(error)}; {SWEEPS}") from None
    if not swept:
        raise RequestError(
            f"'{text}' " + (f"matches none of {', '.join(choices)}" if choices else f"is empty; {SWEEPS}")
        )
    return swept


def _compose(words: list[str], folders: Sequence[Path]) -> dict[str, Any]:
    quoted = [QuotedString(f"file://{folder.resolve()}", Quote.single).with_quotes() for folder in folders[1:]]
    words = [part for word in words for part in _chosen(word, folders)]
    searchpath = [f"hydra.searchpath=[{','.join(quoted)}]"]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(config_dir=str(folders[0].resolve()), version_base="1.3"):
            config = compose(PRIMARY, overrides=[*words, *UNUSED, *(searchpath if len(folders) > 1 else [])])
    except Exception as error:  # whatever it stumbles over was typed, or stands in a YAML file of the user's
        raise RequestError(f"cannot compose the configuration: {_reason(error)}") from None
    with only_ours():  # again: Hydra has registered its own meanwhile
        return _resolve(config)


def _resolve(config: DictConfig) -> dict[str, Any]:
    try:
        plain = OmegaConf.to_container(config, resolve=True)
    except OmegaConfBaseException:
        plain = None
    if not isinstance(plain, dict):
        raise RequestError("; ".join(_unresolved(config, "")) or "the configuration must be a mapping")
    return {str(key): value for key, value in plain.items()}


def _unresolved(node: DictConfig | ListConfig, path: str) -> Iterator[str]:
    keys = range(len(node)) if isinstance(node, ListConfig) else list(node)
    for key in keys:
        where = f"{path}.{key}" if path else str(key)
        try:
            child = None if OmegaConf.is_missing(node, key) else node[key]
        except OmegaConfBaseException as error:
            yield f"cannot resolve {where}: {_one_line(error)}"
            continue
        if isinstance(child, DictConfig | ListConfig):
            yield from _unresolved(child, where)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"a YAML file is not UTF-8 text ({error}); save it as UTF-8"
    if isinstance(error, RecursionError):
        return "a YAML file has an alias (*name) that contains itself; write the values out"
    return _one_line(error)


def _one_line(error: Exception) -> str:
    text = re.sub(r"\s+", " ", str(error).strip())
    return text.split(" full_key:")[0].split(" See https")[0].removeprefix(RAISED)
