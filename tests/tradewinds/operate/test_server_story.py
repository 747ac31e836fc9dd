"""The registry and the jobs on a PostgreSQL server: the same commands, and its address in no file and on no line."""

import json
import logging
from pathlib import Path

import pytest

from tradewinds.operate import schedule
from tradewinds.operate.database import Database
from tradewinds.request.schema import RunConfig

from championship import RUN_HERE, WORDS

ON_SERVER = (*WORDS, "run.database=OPS_DATABASE")


@pytest.fixture
def childless(monkeypatch):
    """Retrain in this process: one of its own takes seconds to begin."""
    logging.getLogger("dbos").handlers.clear()  # they write where the test before this one listened
    monkeypatch.setattr(schedule, "_attempt", schedule.retrain_once)
    monkeypatch.setattr(schedule.signal, "signal", lambda number, handler: None)  # a step is no main thread


def test_a_scheduled_model_lives_on_a_server_and_no_file_holds_its_address(
    server, market, tradewinds, childless, monkeypatch, tmp_path
):
    address = server.address().replace("postgres@", "postgres:hush@")
    monkeypatch.setenv("OPS_DATABASE", address)
    answers = [tradewinds("schedule", *ON_SERVER, *RUN_HERE) for _ in range(2)]
    assert [answer.status for answer in answers] == [0, 0], answers[0].err
    assert "UTC: the first model" in answers[1].out
    assert "version" not in answers[1].err  # what was due had run, and was told
    listed = json.loads(tradewinds("models", "list", "--json", "run.database=OPS_DATABASE").out.splitlines()[-1])
    assert [row["version"] for row in listed["models"]] == [1]
    market(460)
    wanted = tradewinds("signal", *ON_SERVER)
    assert wanted.status == 0, wanted.err
    told = json.loads(tradewinds("status", *ON_SERVER, *RUN_HERE[1:], "--json").out.splitlines()[-1])
    assert (told["champion"]["version"], told["jobs"]["last"]["state"]) == (1, "done")
    with Database.of(RunConfig(name=None, dir="runs", database="OPS_DATABASE")).alone("schedule bars"):
        refused = tradewinds("schedule", *ON_SERVER, *RUN_HERE, "run.name=bars")
    assert refused.status == 3
    assert "another scheduler of 'bars' is running; this one did nothing" in refused.err
    assert not Path("runs/registry.db").exists()
    holding = [path for path in tmp_path.rglob("*") if path.is_file() and b"hush" in path.read_bytes()]
    assert holding == []
    said = "".join(answer.out + answer.err for answer in (*answers, wanted, refused))
    assert "hush" not in said
    backup = tradewinds("models", "backup", "models.tar", "run.database=OPS_DATABASE")
    assert backup.status == 2
    assert "keep that with pg_dump" in backup.err
    assert "hush" not in backup.err


def test_on_a_server_where_no_scheduler_ever_ran_nobody_misses_its_jobs(server, market, tradewinds, monkeypatch):
    monkeypatch.setenv("OPS_DATABASE", server.address())
    assert tradewinds("retrain", *ON_SERVER).status == 0
    answer = tradewinds("status", *ON_SERVER)
    assert answer.status == 0, answer.err
    assert "jobs: no scheduler has run" in answer.out


def test_a_server_that_is_away_costs_a_line(tradewinds, market, monkeypatch, tmp_path):
    monkeypatch.setenv("OPS_DATABASE", f"postgresql+psycopg://me:hush@/none?host={tmp_path}")
    for command in (("models", "list", "run.database=OPS_DATABASE"), ("schedule", *ON_SERVER, *RUN_HERE)):
        answer = tradewinds(*command)
        assert answer.status == 3
        assert "postgresql+psycopg://me:***@/none" in answer.err
        assert "cannot be used at present" in answer.err
        assert "hush" not in answer.err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "and there is no such variable"),
        ("", "and there is no such variable"),
        ("no address at all", "and its value is none"),
        ("mysql://me:hush@host/name", "and its value begins with mysql"),
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(value, message, tradewinds, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if value is not None:
        monkeypatch.setenv("OPS_DATABASE", value)
    answer = tradewinds("models", "list", "run.database=OPS_DATABASE")
    assert answer.status == 2
    assert answer.err.endswith(f"postgresql+psycopg://user@host/name, {message}\n")
    direct = tradewinds("models", "list", 'run.database="postgresql+psycopg://me@host/name"')
    assert direct.status == 2
    assert "run.database must be the name of an environment variable" in direct.err
