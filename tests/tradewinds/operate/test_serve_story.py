"""A service beside a scheduler: the same numbers as the commands, one model at a time, and why where there are none."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

import tradewinds.commands.serve as stage
import tradewinds.serving.server as server
from tradewinds.core.console import Silent
from tradewinds.core.resources import resource_dir
from tradewinds.operate.registry import Registry, Version
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.serving.app import guarded
from tradewinds.serving.desk import Desk

from championship import WORDS, signal_of

AGES = ("model_age_days", "data_age_days")  # they pass between two askings
SECRET = "correct-horse-battery-staple"


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class Service:
    """A service in this very process, which looks when it is told to."""

    def __init__(self, *words):
        (plain,) = compose_requests((*WORDS, *words), [resource_dir("conf")], multirun=False)
        self.config, self.console = request_from(plain), Notes()
        self.desk = Desk(self.config, self.console)
        self.app = guarded(self.desk, Path("runs"), self.config.serve, None, self.console)

    def look(self, times=1):
        """Let so many seconds pass, of which each is one in which the data are looked at."""
        for _ in range(times):
            self.desk._due = 0.0
            self.desk._turn()

    def get(self, path):
        """Return the answer at a path."""

        async def asking():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.get(path)

        return asyncio.run(asking())

    def error(self, path):
        """Return why nothing is answered at a path."""
        answer = self.get(path)
        assert answer.status_code == 503, answer.text
        return answer.json()["error"]


def second_version(runs=Path("runs")):
    """Promote a second version, whose artifacts are those of the first; as a retraining would."""
    registry = Registry(runs)
    first = registry.champion("bars")
    names = ("name", "run", "agent_sha256", "config_hash", "data_sha256", "data_last", "created_at")
    second = Version(**{name: getattr(first, name) for name in names})
    registry.register(second, promote=True, expected=first.number, reason="it won")


def test_it_tells_the_same_numbers_as_the_commands(grown, tradewinds):
    service = Service()
    signal_told, forecast_told = service.get("/signal"), service.get("/forecast")
    command = signal_of(tradewinds)
    assert {**signal_told.json(), **{age: command[age] for age in AGES}} == command
    assert list(signal_told.json()) == list(command)
    assert forecast_told.text.strip() == tradewinds("predict", "--json", *WORDS).out.splitlines()[-1]
    assert signal_told.headers["tradewinds-version"] == forecast_told.headers["tradewinds-version"] == "1"
    status = json.loads(tradewinds("status", "--json", *WORDS).out.splitlines()[-1])
    health = service.get("/health").json()
    assert (health["answers"], health["version"], health["reason"]) == (True, 1, None)
    assert health["status"]["drift"] == status["drift"]
    assert service.get("/models").json() == json.loads(tradewinds("models", "list", "--json").out.splitlines()[-1])


def test_what_it_has_is_described_counted_and_shown_to_a_browser(grown, tradewinds):
    service = Service()
    (Path("runs/bars/paper")).mkdir()
    Path("runs/bars/paper/paper.html").write_text("a paper account")
    service.look()
    paths = service.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/signal", "/forecast", "/health", "/models", "/metrics", "/", "/runs/{path}"}
    home = service.get("/").text
    assert "model bars: version 1, " in home
    (report,) = re.findall(r'href="(runs/bars/[^"]+/report.html)"', home)
    assert service.get(f"/{report}").headers["content-type"] == "text/html; charset=utf-8"
    (paper,) = re.findall(r'href="(runs/[^"]+/paper.html)"', home)
    assert service.get(f"/{paper}").text == "a paper account"
    assert service.get("/runs/").text == Path("runs/index.html").read_text()
    for path in ("/nowhere", "/runs/registry.db", "/runs/%2e%2e/bars.csv", "/docs"):
        answer = service.get(path)
        assert answer.status_code == 404
        assert list(answer.json()) == ["error"]
    lines = service.get("/metrics").text.splitlines()
    samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert samples['tradewinds_champion_version{model="bars"}'] == "1"
    assert samples["tradewinds_answers"] == "1"
    assert samples['tradewinds_http_answers_total{code="404"}'] == "4"
    (count,) = (line for line in lines if line.startswith("# TYPE tradewinds_http"))
    assert count.endswith(" counter")


def test_a_new_champion_takes_over_whole_and_at_once(grown, tradewinds):
    service, seen, ended = Service(), set(), threading.Event()

    def watch():
        while not ended.wait(0.002):
            answers = service.desk.answers
            health = json.loads(answers.health.body)["version"]
            named = json.loads(answers.forecast.body)["forecaster"]
            told = json.loads(answers.signal.body)["model_version"]
            seen.add((told, named, health, answers.signal.version, answers.forecast.version))

    watcher = threading.Thread(target=watch)
    watcher.start()
    second_version()
    service.desk._turn()  # nothing of the data is due
    ended.set()
    watcher.join()
    service.look()
    assert service.get("/signal").json()["model_version"] == 2
    assert {row[0] for row in seen} >= {1}
    assert seen <= {(number, f"version {number} of 'bars'", number, number, number) for number in (1, 2)}
    assert [note.split(", on bars")[0] for note in service.console.notes] == [
        "answering with version 1 of 'bars'",
        "answering with version 2 of 'bars'",
    ]


def test_bars_that_come_are_taken_up_and_bars_half_written_are_waited_for_once(grown, tradewinds):
    service = Service()
    grown(455)
    before = service.get("/signal").json()
    service.look()
    assert service.get("/signal").json()["data_last_bar"] > before["data_last_bar"]
    whole = grown.file.read_text()
    grown.file.write_text(whole[:-20])  # the last row is cut in its middle
    service.look()
    assert service.get("/signal").status_code == 200
    service.desk._turn()  # at the very next second it is looked at again
    assert "bars.csv" in service.error("/signal")
    assert service.get("/health").status_code == 503
    grown.file.write_text(whole)
    service.look()
    assert service.get("/signal").status_code == 200


def test_what_signal_refuses_it_refuses_in_the_same_words(grown, tradewinds):
    service = Service()
    grown.change(100, 1.02)
    grown(450)
    service.look(2)
    refusal = tradewinds("signal", *WORDS)
    assert refusal.status == 3
    assert service.error("/signal") == service.error("/forecast") == refusal.err.removeprefix("tradewinds: ").strip()
    assert service.get("/health").json()["status"]["alarms"][0]["kind"] == "an unusable champion"
    assert 'tradewinds_alarms{model="bars"} 1' in service.get("/metrics").text
    assert "the past has changed since version 1" in service.get("/").text


def test_old_data_are_no_basis_for_a_signal(grown, tradewinds):
    service = Service("signal.max_age=2")
    assert "and signal.max_age allows 2; bring the series up to date" in service.error("/signal")
    assert service.get("/health").json()["status"]["data"]["stale"].startswith("stale: ")


def test_it_waits_for_a_first_champion(market, first_champion, tradewinds, tmp_path):
    service = Service()
    assert service.error("/signal") == "'bars' has no champion under runs; type `tradewinds retrain` first"
    assert service.get("/health").json()["status"]["alarms"][0]["kind"] == "no champion"
    shutil.copytree(first_champion, tmp_path / "runs", dirs_exist_ok=True)
    service.desk._turn()
    assert service.get("/signal").json()["model_version"] == 1


def test_a_registry_that_is_lost_and_comes_back_is_noticed(grown, tradewinds, tmp_path):
    service, registry = Service(), tmp_path / "runs" / "registry.db"
    content = registry.read_bytes()
    registry.unlink()
    service.look(2)
    assert "type `tradewinds models rebuild" in service.error("/signal")
    registry.write_bytes(content)
    service.desk._turn()
    assert service.get("/signal").json()["model_version"] == 1
    (tmp_path / "other.db").write_bytes(content)  # as a rebuilt or a restored one takes its place
    (tmp_path / "other.db").replace(registry)
    second_version()
    service.desk._turn()
    assert service.get("/signal").json()["model_version"] == 2


def test_the_desk_outlives_what_nobody_thought_of(grown, tradewinds, monkeypatch):
    import tradewinds.serving.desk as desk

    service = Service()

    def fail(*_):
        raise ZeroDivisionError("of nothing")

    monkeypatch.setattr(desk, "stored_series", fail)
    monkeypatch.setattr(desk, "present_series", fail)
    service.look(2)
    assert service.error("/signal") == "ZeroDivisionError: of nothing"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("serve.host=0.0.0.0",), "serve.host=0.0.0.0 lets other machines ask"),
        (
            ("serve.token=NO_SUCH_TOKEN",),
            "serve.token names NO_SUCH_TOKEN, and the environment must hold a token there",
        ),
        (("serve.token='a b'",), "serve.token must be the name of an environment variable, such as TRADEWINDS_TOKEN"),
        (("serve.port=70000",), "serve.port must be"),
        (("serve.port=0", "series.path=none.csv"), "none.csv"),
    ],
)
def test_what_cannot_be_served_is_refused_at_once(words, sentence, market, tradewinds):
    answer = tradewinds("serve", *WORDS, *words)
    assert answer.status == 2
    assert sentence in answer.err
    assert answer.err.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(market, tradewinds, monkeypatch):
    monkeypatch.setattr(stage, "find_spec", lambda name: None)
    answer = tradewinds("serve", *WORDS)
    assert answer.status == 2
    assert answer.err == "tradewinds: serve needs fastapi and uvicorn; type pip install 'tradewinds[serve]'\n"


def test_the_command_answers_until_it_is_stopped(grown, tradewinds, monkeypatch):
    def ask_once(app, listener, config):
        async def asking():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return (await client.get("/signal", headers={"Authorization": f"Bearer {SECRET}"})).json()

        assert asyncio.run(asking())["model_version"] == 1

    monkeypatch.setenv("SIGNAL_TOKEN", SECRET)
    monkeypatch.setattr(server, "serve", ask_once)
    answer = tradewinds("serve", "--json", *WORDS, "serve.port=0", "serve.token=SIGNAL_TOKEN")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out) == {"stopped": True, "answered": 1}
    assert SECRET not in answer.out + answer.err


def test_a_process_serves_with_a_token_and_ends_whole_on_sigterm(grown, tmp_path):
    words = (*WORDS, "serve.host=0.0.0.0", "serve.port=0", "serve.token=SIGNAL_TOKEN")
    command = [sys.executable, "-m", "tradewinds", "serve", *words]
    environment = {**os.environ, "SIGNAL_TOKEN": SECRET, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, **pipes) as process:
        port = re.search(r"serving at http://0\.0\.0\.0:(\d+);", process.stdout.readline())[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30.0) as client:
            assert client.get("/signal").status_code == 401
            client.headers["Authorization"] = f"Bearer {SECRET}"
            assert client.get("/signal").json()["model_version"] == 1
            assert client.get("/runs/../registry.db").status_code == 404
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopped; 3 requests were answered" in err
    assert SECRET not in out + err
