"""When a retraining is due, and how a due one is run to its end exactly once, whatever is killed when.

A due moment is a workflow id: two schedulers, or one that was killed and started again, cannot run it twice, and dbos
finishes after a restart what a kill interrupted. The training itself runs in a child process, so that its memory is
given back and its crash is not the scheduler's. Must not know what a retraining does.
"""

import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import exchange_calendars
import pandas as pd
from croniter import CroniterBadDateError, croniter
from dbos import DBOS, DBOSClient, DBOSPortableJSONSerializer, SetWorkflowID, WorkflowStatus
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from tradewinds.core.errors import BusyError, GateError, RequestError
from tradewinds.core.workers import end_workers, results_of
from tradewinds.operate.database import Database
from tradewinds.request.schema import Config, ScheduleConfig, request_from

PAYLOAD = "1"  # version of what a workflow stores, not ours: an upgrade finishes what an older scheduler began
LOOK_BACK = timedelta(days=14)  # the longest closure of an exchange in living memory was shorter than this
LOOK_AHEAD = timedelta(days=30)

_dbos_log = logging.getLogger("dbos")  # else dbos keeps whatever standard error was when it was first used
_dbos_log.addHandler(logging.lastResort or logging.NullHandler())
_dbos_log.propagate = False
_stopping = threading.Event()  # set once this process is about to leave


def due_after(config: ScheduleConfig, moment: datetime) -> datetime:
    """Return the first due moment after `moment`, UTC.

    Raises:
        RequestError: the cron expression never fires or cannot be read, or the exchange's closes are not known.
    """
    if config.cron is not None:
        return _fires(config.cron, moment, croniter.get_next)
    return _known(config, [due for due in _closes(config, moment) if due > moment])[0]


def due_before(config: ScheduleConfig, moment: datetime) -> datetime:
    """Return the last due moment at or before `moment`, UTC.

    Raises:
        RequestError: the cron expression never fires or cannot be read, or the exchange's closes are not known.
    """
    if config.cron is not None:
        return _fires(config.cron, moment + timedelta(seconds=1), croniter.get_prev)
    return _known(config, [due for due in _closes(config, moment) if due <= moment])[-1]


def is_overdue(config: ScheduleConfig, last: datetime, due: datetime) -> bool:
    """Whether `schedule.patience` moments have been due after `last`, of which `due` is the newest."""
    for _ in range(config.patience - 1):
        due = due_before(config, due - timedelta(seconds=60))
    return due > last


def _fires(expression: str, moment: datetime, step: Callable[[croniter, type[datetime]], datetime]) -> datetime:
    is_random = re.search(r"(?i)\br\b", expression)  # croniter reads R as a moment that is another one each time
    if len(expression.split()) != 5 or is_random or not croniter.is_valid(expression):
        raise RequestError(
            "schedule.cron must be five fields, minute hour day month weekday, such as '0 22 * * 1-5', "
            f"was '{expression}'"
        )
    try:
        return _utc(step(croniter(expression, moment), datetime))
    except CroniterBadDateError:
        raise RequestError(
            f"schedule.cron must name a day that comes, and '{expression}' names none within 50 years; "
            "'0 22 * * 1-5' is every weekday"
        ) from None


def _closes(config: ScheduleConfig, moment: datetime) -> list[datetime]:
    """Due moments around `moment`; the calendar is built anew each time, since its default range ends with today."""
    assert config.exchange is not None
    names = exchange_calendars.get_calendar_names(include_aliases=True)
    if config.exchange not in names:
        raise RequestError(f"schedule.exchange must be an exchange such as XNYS or CMES, was '{config.exchange}'")
    wait = pd.Timedelta(minutes=config.minutes_after_close)
    start, end = (pd.Timestamp((moment - wait + look).date()) for look in (-LOOK_BACK, LOOK_AHEAD))
    try:
        calendar = _calendar(config.exchange, start, end)
    except (NotImplementedError, ValueError):
        return []
    return [(close + wait).to_pydatetime() for close in calendar.closes]


def _calendar(exchange: str, start: pd.Timestamp, end: pd.Timestamp) -> exchange_calendars.ExchangeCalendar:
    try:
        return exchange_calendars.get_calendar(exchange, start=start, end=end)
    except ValueError:  # its holidays are recorded up to a year only, as those of Shanghai are: up to there
        return exchange_calendars.get_calendar(exchange, start=start)


def _known(config: ScheduleConfig, dues: list[datetime]) -> list[datetime]:
    if not dues:
        raise RequestError(
            f"schedule.exchange must be an exchange whose closes the installed exchange_calendars knows, and of "
            f"'{config.exchange}' it knows none for these weeks; update it, or give schedule.exchange=null and a "
            "schedule.cron"
        )
    return dues


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def open_workflows(database: Database, name: str) -> None:
    """Connect to the database and finish what a killed scheduler of this model left.

    Each model is an executor with a queue of its own, so that schedulers of two models in one database leave each
    other's work alone. JSON, never pickle, is what is stored.
    """
    _stopping.clear()
    DBOS(
        config={
            "name": "tradewinds",
            "system_database_url": database.address,
            "application_version": PAYLOAD,
            "executor_id": _queue(name),
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": "ERROR",
        }
    )
    DBOS.listen_queues([_queue(name)])
    DBOS.launch()
    DBOS.register_queue(_queue(name), concurrency=1)  # two retrainings of a model never overlap


def _queue(name: str) -> str:
    return f"retrain-{name}"


def retrainings(database: Database, name: str, most: int = 20) -> list[dict[str, Any]]:
    """Return the last retrainings that a scheduler of a model began, newest first, as plain data.

    Args:
        database: the registry's.
        name: of the model.
        most: how many.

    Returns:
        Of each `due`, `state` (`waiting`, `running`, `done`, `rejected`, `failed`) and `said`, null while it runs.
    """
    if not database.is_there:
        return []
    client = DBOSClient(system_database_url=database.address, serializer=DBOSPortableJSONSerializer())
    try:
        prefix = f"retrain-{name}-"
        known = client.list_workflows(workflow_id_prefix=prefix, sort_desc=True, limit=most, load_input=False)
        return [_told(one, one.workflow_id.removeprefix(prefix)) for one in known]
    except (OperationalError, ProgrammingError) as error:
        if not _has_no_table(error):
            raise
        return []  # no scheduler has ever run here
    finally:
        client.destroy()


def _has_no_table(error: DBAPIError) -> bool:
    """Whether a database refused since it has no such table: SQLite by its words, PostgreSQL by its codes."""
    return "no such table" in str(error.orig) or getattr(error.orig, "sqlstate", None) in ("42P01", "3F000")


def _told(workflow: WorkflowStatus, due: str) -> dict[str, Any]:
    outcome = workflow.output if isinstance(workflow.output, Mapping) else {}
    states = {"SUCCESS": "rejected" if outcome.get("status") else "done", "PENDING": "running", "ENQUEUED": "waiting"}
    moment = datetime.strptime(due, "%Y%m%dT%H%M").replace(tzinfo=UTC)
    said = outcome.get("said", None if workflow.error is None else str(workflow.error))
    return {"due": moment.isoformat(), "state": states.get(workflow.status, "failed"), "said": said}


def close_workflows() -> None:
    """End the training child, which removes what it has half written, and disconnect; the next start trains anew.

    A second signal meanwhile is not heard: it would leave behind what the first one has begun to clear.
    """
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        _stopping.set()
        end_workers()
        DBOS.destroy(workflow_completion_timeout_sec=10)  # until the step has left; its work stays pending
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def run_due(name: str, config: Config, due: datetime) -> dict[str, Any]:
    """Run the retraining due at `due`, or wait for it, or return what it did if it has run before.

    Returns:
        {"status": exit status of the retraining, "said": its reason or result}.

    Raises:
        RuntimeError: every attempt failed.
    """
    with SetWorkflowID(f"retrain-{name}-{due:%Y%m%dT%H%M}"):
        handle = DBOS.enqueue_workflow(_queue(name), retrain_workflow, due.isoformat(), config.plain(), os.getcwd())
    outcome: dict[str, Any] = handle.get_result()
    return outcome


@DBOS.workflow()
def retrain_workflow(due: str, plain: dict[str, Any], folder: str) -> dict[str, Any]:
    """Retrain once for the moment `due`, paths read from `folder`."""
    outcome: dict[str, Any] = DBOS.run_step({}, retrain_step, plain, folder)
    return outcome


def retrain_step(plain: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Attempt a retraining; repeat a failed attempt after 30, 60 ... s.

    Raises:
        Exception: every attempt failed; the reason of the last one, which may pass.
        KeyboardInterrupt: the scheduler is stopping; to dbos that is a crash, and it finishes the work after a restart.
    """
    pauses = [min(30.0 * 2.0**failed, 3600.0) for failed in range(plain["schedule"]["attempts"] - 1)]
    for pause in [*pauses, 1.0]:  # after the last: a Ctrl-C that has ended the child is about to end us too
        try:
            return _attempt(plain, folder)
        except Exception as error:
            failure = error
        if _stopping.wait(pause):
            raise KeyboardInterrupt
    raise failure


def _attempt(plain: Mapping[str, Any], folder: str) -> dict[str, Any]:
    with results_of(
        retrain_once, [folder], workers=1, shared=(dict(plain),), killed="the training process was killed"
    ) as results:
        if _stopping.is_set():  # it was born after the others were ended
            end_workers()
        (outcome,) = results
    return outcome


def retrain_once(plain: dict[str, Any], folder: str) -> dict[str, Any]:
    """Retrain in this process, a child of its own; a gate's no is an answer, not a failure.

    Raises:
        RuntimeError: it failed, for a reason that may pass.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    os.chdir(folder)  # where the request was typed: its paths mean that, wherever the scheduler is started again
    from tradewinds.core.console import Console
    from tradewinds.operate.retrain import retrain

    try:
        outcome = retrain(request_from(plain), Console(stamped=True))
    except BusyError as error:
        raise RuntimeError(str(error)) from None  # tried again; the due moment is not used up
    except GateError as error:
        return {"status": 3, "said": str(error)}
    except RequestError as error:
        raise RuntimeError(f"the request cannot be met at present: {error}") from None
    except KeyboardInterrupt:
        raise RuntimeError("the training process was interrupted") from None
    age: dict[str, Any] = {key: outcome[key] for key in ("last_close", "bars_missed") if key in outcome}
    said = {"said": str(outcome.get("reason", "no new data")), "promoted": bool(outcome.get("promote"))}
    return {"status": 0, **said, **age}


def _leave(number: int, frame: object) -> None:
    """Leave through every `finally`, and let no second signal disturb that."""
    for other in (signal.SIGTERM, signal.SIGINT):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
