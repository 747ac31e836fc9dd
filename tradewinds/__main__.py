"""The door: `tradewinds STAGE [key=value ...]` and `python -m tradewinds STAGE ...` are this one function.

It reads the words, composes and validates the request once, and hands the stage a dataclass. Heavy imports happen
inside the stage that needs them, so that help and refusals come at once.
"""

import os
import re
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tradewinds import __version__
from tradewinds.core.errors import RequestError
from tradewinds.core.threads import pin_blas

DONE, FAILED = 0, 1
STAGES = {
    "run": "the whole path: data, forecaster, hidden states, agent, backtest, report",
    "search": "try settings on validation rows, and tell whether the best is more than luck",
    "classify": "tell series, texts or recordings apart by class:  classify env.path=FILE",
    "fetch": "bring bars of Yahoo and weather of Open-Meteo into the store, checked",
    "train-forecaster": "fit the LSTM and score it beside the naive forecasts",
    "encode": "write the hidden states and forecasts of every bar",
    "train-agent": "train the agent on hidden states the forecaster was not fitted on",
    "backtest": "judge a trained agent on the test span, or a registered one on later bars:  models.version=champion",
    "walk-forward": "fit forecaster and agent anew for each fold and seed, in parallel, and join the tests",
    "leakcheck": "look for the future in the past: every stage, every bar; exit status 3 on a leak",
    "report": "write report.html and report.png of a run again, or compare several:  report [RUN ...]",
    "enjoy": "play the kept policy of a game: its returns with an interval, and a video:  enjoy [RUN]",
    "retrain": "train a challenger up to the newest bar; it replaces the champion only if it wins",
    "predict": "print forecasts of what comes after the last bar, with intervals, or write them (predict.path=FILE)",
    "signal": "print the champion's target position for the next bar as JSON",
    "paper": "follow the champion on paper, every bar once: what it holds, its equity, and a page",
    "schedule": "run retrain on a cron expression or after an exchange's close",
    "status": "how the champion, its data and its jobs fare; exit status 3 where there is a reason to look",
    "serve": "answer over HTTP: signal, forecast, health, metrics, models, pages of runs (extra serve)",
    "models": "registered models:  list | promote N | rollback | rebuild | export FOLDER | backup FILE | restore FILE",
    "runs": "remove old runs, or let one stay for good:  runs prune prune.keep=20 | pin RUN | unpin RUN",
    "benchmark-forecaster": "score the segment LSTM on a file of yours by the papers' long-horizon protocol",
    "benchmark-day-ahead": "score networks of days on a file of day-ahead prices (day_ahead.path=FILE)",
    "data": "list or verify the samples, or say what is understood of a series:  data list | verify | inspect",
    "init": "write a project of plug-ins of your own, one of each kind, with passing tests:  init NAME",
}
TASKLESS = (
    "report",
    "models",
    "runs",
    "data",
    "benchmark-forecaster",
    "benchmark-day-ahead",
    "init",
)  # stages that ask no task
USUAL = {  # what a stage is asked with where nothing else is typed
    "benchmark-day-ahead": ("model=day_lstm", "trainer=days", "trainer.members=18"),
    "classify": ("env=classification",),
    "enjoy": ("env=gymnasium",),
}
ACTIONS = {
    "models": ("list", "promote", "rollback", "rebuild", "export", "backup", "restore"),
    "runs": ("prune", "pin", "unpin"),
    "data": ("list", "verify", "inspect"),
}
MADE_BEFORE = re.compile(r"model=(champion|\d+)")  # a registered model, and no network to be trained
FLAGS = """  -h, --help          this page; after a stage, its options
  -m, --multirun      run every combination of options that name several values (model=lstm,gru seed=1,2)
  --offline           open no socket (data.offline=true)
  --json              print one JSON object as the last line
  --cfg job           print the composed configuration and stop
  --config-dir DIR    search DIR for configuration files of your own, beside ours
  --version           print the version
"""
EXITS = "Exit status: 0 done; 1 the run failed; 2 the request was wrong; 3 a gate said no."


@dataclass
class Words:
    """The command line, sorted: what to do, on what, and how to answer."""

    stage: str = ""
    action: str = ""
    overrides: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    config_dir: Path | None = None
    as_json: bool = False
    multirun: bool = False
    show_config: bool = False
    show_help: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status (see EXITS)."""
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "PASSIVE"
    )  # before torch: spinning barriers cost up to 12x on shared cores
    pin_blas()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        print(f"tradewinds {__version__}")
        return DONE
    try:
        signal.signal(signal.SIGTERM, _interrupt)  # a polite kill cleans up like Ctrl-C
        words = read_words(given)
        if words.show_help:
            print(help_page(words.stage))
            return DONE
        return _work(words)
    except KeyboardInterrupt:
        print("tradewinds: interrupted; nothing half-written was left", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        from tradewinds.commands.answer import tell_refusal

        return tell_refusal(error)


def read_words(given: Sequence[str]) -> Words:
    """Sort the words of a command line.

    Raises:
        RequestError: an unknown stage, action or flag, or a flag without its value.
    """
    words, rest = Words(), list(given)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            words.show_help = True
        elif word in ("-m", "--multirun"):
            words.multirun = True
        elif word == "--json":
            words.as_json = True
        elif word == "--offline":
            words.overrides.append("data.offline=true")
        elif word in ("--cfg", "-c"):
            words.show_config = _job(_value_of(word, rest))
        elif word in ("--config-dir", "-cd"):
            words.config_dir = Path(_value_of(word, rest))
        elif word.startswith("-"):
            raise RequestError(
                f"unknown flag '{word}'; allowed: -h, -m, --offline, --json, --cfg job, --config-dir DIR, --version"
            )
        else:
            _place(words, word)
    if words.runs:
        quoted = ",".join("'" + run.replace("'", r"\'") + "'" for run in words.runs)
        words.overrides.append(f"inputs.run={quoted}" if len(words.runs) == 1 else f"inputs.run=[{quoted}]")
    typed = {word.split("=")[0].lstrip("+") for word in words.overrides}
    words.overrides[:0] = [word for word in USUAL.get(words.stage, ()) if word.split("=")[0] not in typed]
    words.show_help = words.show_help or not words.stage
    _check(words)
    return words


def _check(words: Words) -> None:
    if words.stage in ACTIONS and not words.action and not words.show_help:
        raise RequestError(f"{words.stage} needs one of {', '.join(ACTIONS[words.stage])}")
    if words.config_dir is not None and not words.config_dir.is_dir():
        raise RequestError(f"--config-dir must name a folder, was '{words.config_dir}'")


def _place(words: Words, word: str) -> None:
    from tradewinds.core.laws import nearest

    if not words.stage:
        if word not in STAGES:
            raise RequestError(f"unknown stage '{word}'{nearest(word, STAGES) or '; stages: ' + ', '.join(STAGES)}")
        words.stage = word
    elif words.stage in ACTIONS and not words.action and "=" not in word:
        allowed = ACTIONS[words.stage]
        if word not in allowed:
            raise RequestError(f"{words.stage} needs one of {', '.join(allowed)}, was '{word}'{nearest(word, allowed)}")
        words.action = word
    elif words.stage in ("report", "enjoy", "runs") and "=" not in word:
        words.runs.append(word)
    elif words.stage == "init" and "=" not in word:
        words.overrides.append("init.folder='" + word.replace("'", r"\'") + "'")
    elif words.action == "promote" and "=" not in word:
        words.overrides.append(f"models.version={word}")
    elif words.action in ("export", "backup", "restore") and "=" not in word:
        words.overrides.append("models.path='" + word.replace("'", r"\'") + "'")
    else:
        words.overrides.append(_override(words.stage, word))


def _override(stage: str, word: str) -> str:
    """Return an option by its whole key, where a stage has a shorter word for it."""
    key = word.split("=")[0]
    if stage in ("backtest", "predict") and MADE_BEFORE.fullmatch(word):
        return f"models.version={word.partition('=')[2]}"
    if stage == "benchmark-day-ahead" and key in ("path", "published", "test_days"):
        return f"day_ahead.{word}"
    if stage == "classify" and key in ("path", "test_path", "new_path"):
        return f"env.{word}"
    return word


def _job(value: str) -> bool:
    if value != "job":
        raise RequestError(f"--cfg prints the job only: --cfg job, was '{value}'")
    return True


def _value_of(flag: str, rest: list[str]) -> str:
    if not rest:
        raise RequestError(f"{flag} needs a value after it")
    return rest.pop(0)


def _work(words: Words) -> int:
    from tradewinds.commands.answer import answer
    from tradewinds.core.console import Console
    from tradewinds.core.resources import resource_dir
    from tradewinds.request.compose import compose_requests, typed_words
    from tradewinds.request.schema import request_from

    folders = [resource_dir("conf"), *([words.config_dir] if words.config_dir else [])]
    plains = compose_requests(words.overrides, folders, multirun=words.multirun)
    requests = [request_from(plain) for plain in plains]  # every run of a sweep is checked before the first one starts
    for request in requests:
        request.inputs.refuse(words.stage)
    if words.stage not in TASKLESS:
        from tradewinds.tasks import refuse

        for request in requests:
            if words.stage != "backtest" or request.models.version is None:  # whose own settings are to be looked at
                refuse(request, words.stage)
    if words.show_config:
        import yaml

        print("---\n".join(yaml.safe_dump(request.plain(), sort_keys=False) for request in requests), end="")
        return DONE
    if any(request.executor.kind != "local" for request in requests):
        from tradewinds.commands.sweep import require_executor

        require_executor(words.stage, requests)
    console = Console(as_json=words.as_json)
    own = [] if words.config_dir is None else [f"--config-dir {shlex.quote(str(words.config_dir))}"]
    typed = [" ".join([*own, text]) for text in typed_words(words.overrides, folders, multirun=words.multirun)]
    if len(requests) > 1:
        from tradewinds.commands.sweep import answer_all

        return max(answer_all(words.stage, words.action, requests, typed, console))
    (console.typed,) = typed
    return answer(words.stage, words.action, requests[0], console)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def help_page(stage: str) -> str:
    """Return the help text of a stage, or of the whole program; reads file names only, loads nothing heavy."""
    if not stage:
        rows = "\n".join(f"  {name:<22}{text}" for name, text in STAGES.items())
        return f"Usage: tradewinds STAGE [key=value ...]\n\nStages:\n{rows}\n\n{FLAGS}\n{EXITS}"
    from tradewinds.core.resources import resource_dir

    conf = resource_dir("conf")
    groups = sorted(path for path in conf.iterdir() if path.is_dir())
    rows = "\n".join(f"  {group.name:<12}{', '.join(sorted(f.stem for f in group.glob('*.yaml')))}" for group in groups)
    values = (conf / "tradewinds.yaml").read_text(encoding="utf-8").split("# ---\n", 1)[-1]
    action = f" {'|'.join(ACTIONS[stage])}" if stage in ACTIONS else ""
    return (
        f"tradewinds {stage}: {STAGES[stage]}\n\nUsage: tradewinds {stage}{action} [key=value ...]\n\n"
        f"Groups, chosen by one word (series=nasdaq); `--cfg job` shows every key inside:\n{rows}\n\n"
        f"Values (seed=3):\n{values}\n{FLAGS}\n{EXITS}"
    )


if __name__ == "__main__":
    sys.exit(main())
