"""A command as a run of MLflow: what it was asked, what its trainings measured, what came out and what it left.

Artifacts stay where they are; the run names them and the hashes that prove them. A server that does not answer costs
one warning, and nothing of the command. Knows no command and no task.
"""

import math
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tradewinds import __version__
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import sha256_of
from tradewinds.pipeline.artifact import MANIFEST
from tradewinds.request.schema import Config

SETTINGS = {  # of its client: patience with a server that is away, and no words of its own among what a command says
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
KIND = {"mlflow.experimentKind": "custom_model_development"}  # without it the page opens on traces of language models
NOTE = "mlflow.note.content"  # the description at the head of a run's page
LONGEST, AT_ONCE = 500, 100  # characters of a value that are told, and values that MLflow takes in one request
EXPERIMENT = "tradewinds"  # of commands whose run has no name, nor its series
SIGNS = "_-./ "  # that a name may hold beside letters and digits
_current: ContextVar["TrackedCommand | None"] = ContextVar("tracked_command", default=None)


@dataclass
class TrackedCommand:
    """A command that is tracked.

    Attributes:
        uri: a folder, or the address of a server.
        console: who is warned once.
        client: of MLflow; None as soon as the server did not answer.
        run: the id of its run there.
    """

    uri: str
    console: Console
    client: Any = None
    run: str = ""

    def tell(self, what: Callable[[Any, str], object]) -> None:
        """Tell the server something by its client and the run's id, unless it has failed before."""
        if self.client is None:
            return
        try:
            what(self.client, self.run)
        except Exception as error:  # whatever its library raises: tracking is no part of the work
            self.client = None
            reason = (" ".join(str(error).split()) or type(error).__name__)[:200]
            self.console.note(f"warning: tracking stopped, {self.uri} does not take it ({reason}); the command goes on")

    def tell_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Tell numbers by name after so many epochs or env steps."""
        self.tell_curve([(step, metrics)])

    def tell_curve(self, points: Iterable[tuple[int, Mapping[str, float]]]) -> None:
        """Tell numbers by name at many steps."""
        told = [(name, value, step) for step, metrics in points for name, value in metrics.items()]
        self.tell(lambda client, run: _log_metrics(client, run, told))


def tracked_command() -> TrackedCommand | None:
    """Return the command that is being tracked; None where none is."""
    return _current.get()


@contextmanager
def tracking(config: Config, command: str, console: Console) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Track what is done meanwhile, if the request asks for it, and yield what is told the outcome."""
    if config.tracking == "none":
        yield lambda outcome: None
        return
    if find_spec("mlflow") is None:
        raise RequestError(
            "tracking=mlflow needs mlflow: pip install 'tradewinds[tracking]'; tracking=none needs nothing"
        )
    tracked = _begun(config, command, console)
    token = _current.set(tracked)
    try:
        yield lambda outcome: tracked.tell(partial(_tell_outcome, outcome=outcome))
    except BaseException as error:
        reason = " ".join(str(error).split())[:LONGEST] or type(error).__name__
        tracked.tell(lambda client, run: client.set_tag(run, "error", reason))
        tracked.tell(lambda client, run: client.set_terminated(run, "FAILED"))
        raise
    finally:
        _current.reset(token)
    tracked.tell(lambda client, run: client.set_terminated(run))


def place_of(config: Config) -> str:
    """Return the folder or the address that MLflow keeps its runs at."""
    return config.run.tracking_uri or str(Path(config.run.dir).absolute() / "mlruns")


def _begun(config: Config, command: str, console: Console) -> TrackedCommand:
    tracked, uri = TrackedCommand(place_of(config), console, client=True), place_of(config)

    def begin(_client: Any, _run: str) -> None:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        if "://" not in uri:
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        name = config.run.name or str(getattr(config.series, "name", None) or EXPERIMENT)
        known = client.get_experiment_by_name(name)
        experiment = client.create_experiment(name, tags=KIND) if known is None else known.experiment_id
        tags = {"command": command, "tradewinds": __version__, "config_hash": config.hash, **git_state()}
        if console.typed:
            tags["typed"] = console.typed[:LONGEST]
        tags["mlflow.source.name"], tags["mlflow.source.type"] = f"tradewinds {command}", "LOCAL"
        tracked.run = client.create_run(experiment, run_name=command, tags=tags).info.run_id
        tracked.client = client

    tracked.tell(begin)
    tracked.tell(lambda client, run: _tell_settings(client, run, config))
    return tracked


def _tell_settings(client: Any, run: str, config: Config) -> None:
    from mlflow.entities import Param

    settings = [Param(_named(name), str(value)[:LONGEST]) for name, value in flat(config.deciding()).items()]
    for start in range(0, len(settings), AT_ONCE):
        client.log_batch(run, params=settings[start : start + AT_ONCE])


def _tell_outcome(client: Any, run: str, outcome: Mapping[str, Any]) -> None:
    """Tell the numbers of what a command answered, its words, and what it left on the disk."""
    from mlflow.entities import RunTag

    values = flat(outcome)
    _log_metrics(client, run, [(name, value, 0) for name, value in values.items() if _is_number(value)])
    words = {name: value for name, value in values.items() if isinstance(value, str) and value}
    tags = {f"outcome.{_named(name)}": value[:LONGEST] for name, value in words.items() if "." not in name}
    verdict = next((value for name, value in words.items() if name.split(".")[-1] == "verdict"), None)
    if verdict is not None:
        tags[NOTE] = verdict
    for folder in _folders(words.values()):
        tags[f"artifact.{folder.name}"] = str(folder)
        tags[f"artifact.{folder.name}.sha256"] = sha256_of(folder / MANIFEST)
    listed = [RunTag(name, value) for name, value in tags.items()]
    for start in range(0, len(listed), AT_ONCE):
        client.log_batch(run, tags=listed[start : start + AT_ONCE])


def _log_metrics(client: Any, run: str, told: Sequence[tuple[str, float, int]]) -> None:
    """Log numbers by name and step."""
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    now = get_current_time_millis()
    listed = [Metric(_named(name), float(value), now, step) for name, value, step in told]
    for start in range(0, len(listed), AT_ONCE):
        client.log_batch(run, metrics=listed[start : start + AT_ONCE])


def _folders(words: Iterable[str]) -> Iterator[Path]:
    """Yield the artifacts that a command's answer names, or whose run it names."""
    for word in words:
        place = Path(word)
        for folder in (place, *sorted(place.glob("*"))) if os.path.isdir(word) else ():
            if (folder / MANIFEST).is_file():
                yield folder


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by their keys, joined with dots; short lists as text."""
    if not isinstance(values, Mapping):
        return {prefix.removesuffix("."): values}
    return {
        name: leaf
        for key, value in values.items()
        for name, leaf in flat(value, f"{prefix}{key}.").items()
    }  # fmt: skip


def git_state() -> dict[str, str]:
    """Return the commit of the folder one works in, and whether files differ from it; nothing where there is none."""
    answers = []
    for words in (("rev-parse", "HEAD"), ("status", "--porcelain")):
        try:
            answer = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            return {}
        answers.append(answer.stdout)
    return {"git.commit": answers[0].strip(), "git.dirty": str(bool(answers[1].strip())).lower()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _named(name: str) -> str:
    """Return a name as MLflow takes it."""
    return "".join(sign if sign.isalnum() or sign in SIGNS else "_" for sign in name)[:250]
