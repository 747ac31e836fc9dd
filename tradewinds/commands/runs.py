"""`tradewinds runs prune|pin|unpin`: remove runs that are old, many or large, and say which stay and why."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.operate.database import Database
from tradewinds.operate.prune import Run, clear, going, pin, remove, runs_of
from tradewinds.operate.registry import Registry
from tradewinds.report.index import write_index
from tradewinds.request.schema import Config


def main(config: Config, console: Console, action: str) -> dict[str, Any]:
    """Do what `action` says with the runs under `run.dir`; `run.name` limits a pruning to one name."""
    if action == "prune":
        return _prune(config, console)
    named = config.inputs.run
    folders = [named] if isinstance(named, str) else list(named)
    if folders == ["latest"]:
        raise RequestError(
            f"runs {action} needs a run: tradewinds runs {action} runs/sp500/20261122T235959.123456-9f3a"
        )
    for folder in folders:
        pin(Path(folder), keep=action == "pin")
        console.result(f"{folder} {'stays whatever is pruned' if action == 'pin' else 'may be pruned'}")
    return {action: folders}


def _prune(config: Config, console: Console) -> dict[str, Any]:
    runs, moment = Path(config.run.dir), datetime.now(UTC)
    everything = runs_of(Registry(Database.of(config.run)), config.run.name, moment)
    removed = going(everything, config.prune, moment)
    if not config.prune.dry:
        clear(runs)
    for run in removed:
        if not config.prune.dry:
            remove(run)
        console.result(f"{'would remove' if config.prune.dry else 'removed'} {run.folder}, {_words(run.size)}")
    for run in everything:
        if run.kept:
            console.note(f"kept {run.folder}: {run.kept}")
    if removed and not config.prune.dry:
        console.wrote(write_index(runs))
    freed, left = sum(run.size for run in removed), sum(run.size for run in everything)
    verb = "would go" if config.prune.dry else "went"
    console.result(f"{len(removed)} of {len(everything)} runs {verb}, {_words(freed)} of {_words(left)}")
    return {
        "removed": [str(run.folder) for run in removed],
        "bytes": freed,
        "dry": config.prune.dry,
        "kept": _kept(everything),
    }


def _kept(everything: list[Run]) -> dict[str, str]:
    return {str(run.folder): run.kept for run in everything if run.kept}


def _words(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
