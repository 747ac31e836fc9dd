"""The scheduler: a due retraining is run to its end exactly once, whoever is killed, and nobody is left behind."""

import logging
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from filelock import FileLock

import tradewinds.commands.schedule as stage
from tradewinds.operate import schedule
from tradewinds.operate.registry import Registry

from championship import RUN_HERE, WORDS


@pytest.fixture
def childless(monkeypatch):
    """Retrain in this process: one of its own takes seconds to begin."""
    logging.getLogger("dbos").handlers.clear()  # they write where the test before this one listened
    monkeypatch.setattr(schedule, "_attempt", schedule.retrain_once)
    monkeypatch.setattr(schedule.signal, "signal", lambda number, handler: None)  # a step is no main thread


def interrupt(*_):
    raise KeyboardInterrupt


def test_two_schedulers_of_one_model_do_not_serve_at_once(market, tradewinds, tmp_path):
    (tmp_path / "runs" / "bars").mkdir(parents=True)
    with FileLock(tmp_path / "runs" / "bars" / ".schedule.lock"):
        answer = tradewinds("schedule", *WORDS)
    assert answer.status == 3
    assert "another scheduler of 'bars' is running; this one did nothing" in answer.err


@pytest.mark.parametrize("words", [(), RUN_HERE])
def test_to_be_stopped_is_no_failure_but_of_a_scheduler_that_has_one_thing_to_do(
    words, market, tradewinds, monkeypatch
):
    closed = []
    monkeypatch.setattr(stage, "open_workflows", interrupt)
    monkeypatch.setattr(stage, "close_workflows", lambda: closed.append(True))
    answer = tradewinds("schedule", *WORDS, *words)
    assert closed == [True]
    if words:
        assert (answer.status, answer.err) == (1, "tradewinds: interrupted; nothing half-written was left\n")
    else:
        assert answer.status == 0
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  stopped; nothing half-written was left, .*\n", answer.err
        )


def test_every_line_of_a_scheduler_says_when_it_was_said(grown, tradewinds, childless, monkeypatch):
    naps = []
    monkeypatch.setattr(stage, "_sleep_until", lambda due: naps.append(due) if not naps else interrupt())
    answer = tradewinds("schedule", *WORDS, "schedule.exchange=null", "schedule.cron='0 0 1 1 *'")
    assert answer.status == 0, answer.err
    lines = [*answer.out.splitlines(), *answer.err.splitlines()]
    assert len(lines) >= 6
    assert not [line for line in lines if not re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  ", line)]
    stamps = [datetime.fromisoformat(line[:19]).replace(tzinfo=UTC) for line in lines]
    assert abs((datetime.now(UTC) - stamps[-1]).total_seconds()) < 60.0


def test_due_times_without_a_new_bar_are_warned_of_where_bars_are_missing(grown, tradewinds, childless):
    words = (*WORDS, "schedule.once=true", "schedule.exchange=null", "schedule.cron='0 0 * * *'")
    answer = tradewinds("schedule", *words)
    assert answer.status == 0
    assert "warning: no new bar for 3 due times or more: the last one closed 2021-09-22 00:00 UTC, and " in answer.err
    assert "of its calendar have closed since; look at what brings the data" in answer.err


def test_a_due_retraining_runs_once_however_often_it_is_asked_for(market, tradewinds, childless, tmp_path):
    runs = tmp_path / "50% of it? a#b & c"  # a path, not a URL
    answers = [tradewinds("schedule", *WORDS, *RUN_HERE, f"run.dir='{runs}'") for _ in range(2)]
    said = [answer.out.splitlines()[-1][len("2026-11-29 23:00:00Z  ") :] for answer in answers]
    assert "UTC: the first model" in said[0]
    assert said[0] == said[1]
    assert len(Registry(runs).versions("bars")) == 1
    with sqlite3.connect(runs / "registry.db") as connection:
        assert connection.execute("select status from workflow_status").fetchall() == [("SUCCESS",)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [runs.name, "bars.csv"]


def test_a_killed_scheduler_leaves_nobody_and_a_stopped_one_too_and_the_next_one_finishes(
    market, tradewinds, childless, tmp_path
):
    for number in (signal.SIGKILL, signal.SIGTERM):
        command = [sys.executable, "-m", "tradewinds", "schedule", *WORDS, *RUN_HERE, "agent.steps=12000"]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
        while "train dqn" not in process.stderr.readline():  # until it is in the middle of its work
            assert process.poll() is None
        os.kill(process.pid, number)
        killed = time.monotonic()
        said = process.communicate()[1]  # returns when its child, which holds the pipe too, is gone as well
        assert time.monotonic() - killed < (15.0 if number == signal.SIGKILL else 60.0)  # a stop lets dbos leave
        assert not [line for line in said.splitlines() if "Traceback" in line]
    assert process.returncode == 1
    assert said.endswith("tradewinds: interrupted; nothing half-written was left\n")
    assert not list(tmp_path.rglob(".partial-*"))
    assert Registry(tmp_path / "runs").versions("bars") == []
    done = tradewinds("schedule", *WORDS, *RUN_HERE, "agent.steps=12000")
    assert "UTC: the first model" in done.out
    assert len(Registry(tmp_path / "runs").versions("bars")) == 1
