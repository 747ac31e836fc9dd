"""Who is told: one message a fact, to an address that stands nowhere but in the environment."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import tradewinds.commands.schedule as stage
from tradewinds.core.console import Silent
from tradewinds.operate.notify import tell

from championship import RUN_HERE, WORDS

SECRET = "s3cr3t-t0ken"
TOLD = "notify.urls=[OPS_URL]"
LIVE = tuple(word for word in WORDS if word != "signal.max_age=null")


class Sink(BaseHTTPRequestHandler):
    """Keep what is posted, and answer as it is told to."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.open:
            self.server.messages.append((body["title"], body["message"]))
        self.send_response(200 if self.server.open else 503)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def sink(monkeypatch):
    """Serve an address of this machine, with a secret in it, as the environment variable OPS_URL."""
    server = HTTPServer(("127.0.0.1", 0), Sink)
    server.messages, server.open = [], True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OPS_URL", f"json://user:{SECRET}@127.0.0.1:{server.server_port}/hook")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def outcomes(monkeypatch, *said):
    """Let retrainings that fall due come to these, without a database of jobs."""
    left = list(said)

    def run_due(name, config, due):
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr(stage, "run_due", run_due)
    monkeypatch.setattr(stage, "open_workflows", lambda *_: None)
    monkeypatch.setattr(stage, "close_workflows", lambda: None)


def crons(number):
    return (*RUN_HERE[:2], f"schedule.cron='0 0 {number} 1 *'")


def test_promotion_rejection_and_failure_are_told_once_each(grown, tradewinds, sink, monkeypatch):
    won = {"status": 0, "said": "it beat champion 1", "promoted": True}
    lost = {"status": 3, "said": "it did not beat champion 2"}
    nothing_new = {"status": 0, "said": "no new data", "promoted": False}
    outcomes(monkeypatch, won, won, lost, nothing_new, RuntimeError("out of memory"))
    for number in (1, 1, 2, 3):  # the first due moment is asked for twice
        assert tradewinds("schedule", *crons(number), TOLD, *WORDS).status == 0
    assert tradewinds("schedule", *crons(4), TOLD, *WORDS).status == 1
    assert [title.removeprefix("Tradewinds, 'bars': ") for title, _ in sink.messages] == [
        "there is a new champion",
        "a challenger was rejected",
        "a retraining failed",
    ]
    assert sink.messages[0][1].endswith("it beat champion 1")


def test_old_data_are_told_once_however_often_status_is_asked(grown, tradewinds, sink):
    for _ in range(3):
        assert tradewinds("status", TOLD, *LIVE).status == 3
    ((title, text),) = sink.messages
    assert title == "Tradewinds, 'bars': stale data"
    assert text.startswith("stale: ")
    grown(460)
    assert tradewinds("status", TOLD, *LIVE).status == 3  # other data, old as well
    assert len(sink.messages) == 2


def test_who_could_not_be_told_is_told_later_and_nothing_fails(tmp_path, sink):
    sink.open = False
    fact = {"kind": "failure", "fact": "1", "title": "t", "text": "x", "console": Silent()}
    assert not tell(("OPS_URL",), tmp_path, **fact)
    sink.open = True
    assert tell(("OPS_URL",), tmp_path, **fact)
    assert not tell(("OPS_URL",), tmp_path, **fact)
    assert sink.messages == [("t", "x")]


def test_the_secret_stands_nowhere(grown, tradewinds, sink, tmp_path):
    answers = [tradewinds("status", TOLD, "--json", *LIVE), tradewinds("status", TOLD, "--cfg", "job", *LIVE)]
    sink.open = False
    Path("runs/bars/notified.json").unlink()
    answers.append(tradewinds("status", TOLD, *LIVE))
    assert "nobody could be told at the address in OPS_URL" in answers[-1].err
    assert not any(SECRET in text for answer in answers for text in (answer.out, answer.err))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("value", "words", "message"),
    [
        (None, TOLD, "notify.urls names OPS_URL, and the environment has no such variable, or an empty one"),
        ("nonsense", TOLD, "notify.urls names OPS_URL, and what that variable holds is no address that Apprise knows"),
        ("json://h/", "notify.urls=['json://h/']", "notify.urls must be a list whose every element is the name of an"),
    ],
)
def test_addresses_are_refused_before_anything_is_done(value, words, message, grown, tradewinds, monkeypatch):
    monkeypatch.delenv("OPS_URL", raising=False)
    if value:
        monkeypatch.setenv("OPS_URL", value)
    answer = tradewinds("schedule", *RUN_HERE, words, *WORDS)
    assert answer.status == 2
    assert message in answer.err
