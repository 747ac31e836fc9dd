"""`tradewinds schedule`: run `retrain` whenever it is due, until stopped."""

import shlex
import sys
import time
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy.exc import DatabaseError

from tradewinds.core.console import Console
from tradewinds.core.errors import GateError
from tradewinds.operate.damage import DamagedRegistryError, refusal_of
from tradewinds.operate.database import Database
from tradewinds.operate.notify import require_addresses, tell
from tradewinds.operate.rebuild import require_registered
from tradewinds.operate.registry import Registry
from tradewinds.operate.schedule import close_workflows, due_after, due_before, is_overdue, open_workflows, run_due
from tradewinds.operate.service_files import crontab_line, rotation, systemd_unit
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Run the last due retraining if it has not run yet, then each one as it falls due; to be stopped is no failure."""
    if config.schedule.print is not None:
        return _tell_service(config, console)
    console.stamped = True
    try:
        return _serve_alone(config, console)
    except KeyboardInterrupt:
        if config.schedule.once:  # then a retraining was asked for, and there is none
            raise
        console.note("stopped; nothing half-written was left, and what was due is finished after the next start")
        return {"stopped": True}


def _tell_service(config: Config, console: Console) -> dict[str, Any]:
    """Print how a machine keeps this very command running, as it was typed here."""
    words = [word for word in shlex.split(console.typed) if not word.startswith("schedule.print=")]
    place = {"python": sys.executable, "folder": str(Path.cwd())}
    log = f"{config.run.dir}/{config.run.name or 'schedule'}.log"
    if config.schedule.print == "systemd":
        secrets = [*config.notify.urls, *([] if config.run.database is None else [config.run.database])]
        text = systemd_unit("schedule", words, **place, secrets=secrets)
    elif config.schedule.print == "logrotate":
        text = rotation(log=str(Path(log).absolute()), owner=getuser())
    else:
        text = crontab_line("schedule", words, **place, log=log)
    console.result(text.rstrip())
    return {"text": text}


def _serve_alone(config: Config, console: Console) -> dict[str, Any]:
    require_addresses(config.notify.urls)
    due = due_before(config.schedule, datetime.now(UTC))
    name = job_of(config).name  # a request that cannot work is refused now, not at three in the morning
    runs = Path(config.run.dir)
    registry = Registry(Database.of(config.run))
    registry.require_sound()
    require_registered(registry, runs, name)
    (runs / name).mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(runs / name / ".schedule.lock", timeout=0), registry.database.alone(f"schedule {name}"):
            try:
                open_workflows(registry.database, name)
                return _serve(name, config, due, console)
            except DatabaseError as error:
                raise refusal_of(registry.database, error) from None
            finally:
                close_workflows()
    except Timeout:
        raise GateError(f"another scheduler of '{name}' is running; this one did nothing") from None


def _serve(name: str, config: Config, due: datetime, console: Console) -> dict[str, Any]:
    while True:
        outcome = _attempt(name, config, due, console)
        if config.schedule.once:
            return outcome
        due = due_after(config.schedule, max(due, datetime.now(UTC)))
        console.note(f"next retraining of '{name}' is due {due:%Y-%m-%d %H:%M} UTC")
        _sleep_until(due)


def _attempt(name: str, config: Config, due: datetime, console: Console) -> dict[str, Any]:
    try:
        outcome = run_due(name, config, due)
    except Exception as fault:  # the scheduler outlives a retraining that failed; the champion stays in use
        error = refusal_of(Database.of(config.run), fault) if isinstance(fault, DatabaseError) else fault
        text = f"retraining due {due:%Y-%m-%d %H:%M} UTC failed: {error}; the champion stays in use"
        _tell(name, config, "failure", due.isoformat(), "a retraining failed", text, console)
        if config.schedule.once or isinstance(error, DamagedRegistryError):
            raise error from None
        console.note(text)
        return {"status": 1, "said": str(error)}
    text = f"retraining due {due:%Y-%m-%d %H:%M} UTC: {outcome['said']}"
    console.result(text)
    if outcome["status"] != 0:
        _tell(name, config, "rejection", due.isoformat(), "a challenger was rejected", text, console)
    elif outcome.get("promoted"):
        _tell(name, config, "promotion", due.isoformat(), "there is a new champion", text, console)
    _warn_of_age(name, outcome, config, due, console)
    return {"due": due.isoformat(), **outcome}


def _tell(name: str, config: Config, kind: str, fact: str, what: str, text: str, console: Console) -> None:
    tell(
        config.notify.urls,
        Path(config.run.dir) / name,
        kind=kind,
        fact=fact,
        title=f"Tradewinds, '{name}': {what}",
        text=text,
        console=console,
    )


def _warn_of_age(name: str, outcome: dict[str, Any], config: Config, due: datetime, console: Console) -> None:
    """Warn where bars of the series' calendar are missing, and nothing new has come for several due times."""
    if not outcome.get("bars_missed"):
        return
    last = datetime.fromisoformat(outcome["last_close"])
    if is_overdue(config.schedule, last, due):
        text = (
            f"no new bar for {config.schedule.patience} due times or more: the last one closed "
            f"{last:%Y-%m-%d %H:%M} UTC, and {outcome['bars_missed']} of its calendar have closed since; look at what "
            "brings the data"
        )
        console.note(f"warning: {text}")
        _tell(name, config, "no new bars", outcome["last_close"], "no new bars", text, console)


def _sleep_until(due: datetime) -> None:
    while (left := (due - datetime.now(UTC)).total_seconds()) > 0:
        time.sleep(min(left, 30.0))  # in short naps, so that a suspended laptop or a changed clock is noticed
