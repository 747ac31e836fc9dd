"""How it listens: with a token where others could ask, patiently but not for ever, and to the end of what it began."""

import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import ServeConfig
from tradewinds.serving.server import address_of, listening, token_of

SECRET = "0123456789abcdef"
SLOW = """
import asyncio, sys
from tradewinds.request.schema import ServeConfig
from tradewinds.serving.server import listening, serve

async def app(scope, receive, send):
    print("asked", flush=True)
    await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"done"})

config = ServeConfig(port=0, timeout_seconds=2.0)
with listening(config) as listener:
    print(listener.getsockname()[1], flush=True)
    serve(app, listener, config)
print("ended", flush=True)
"""


@pytest.fixture
def process():
    """Serve, in a process of its own, an answer that takes a second; return it and its port."""
    with subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True) as started:
        yield started, int(started.stdout.readline())
        started.kill()


def test_sigterm_lets_what_was_asked_be_answered_and_ends(process):
    started, port = process
    answers = []
    asking = threading.Thread(target=lambda: answers.append(httpx.get(f"http://127.0.0.1:{port}/", timeout=30.0).text))
    asking.start()
    assert started.stdout.readline() == "asked\n"
    started.send_signal(signal.SIGTERM)
    asking.join()
    assert answers == ["done"]
    assert started.stdout.read() == "ended\n"
    assert started.wait() == 0


def test_who_begins_a_request_and_does_not_end_its_headers_is_cut_off(process):
    _, port = process
    with socket.create_connection(("127.0.0.1", port), timeout=30.0) as begun:
        begun.sendall(b"GET / HTTP/1.1\r\nHost: ")
        since = time.monotonic()
        assert begun.recv(1) == b""  # closed
        assert time.monotonic() - since > 1.0
    with socket.create_connection(("127.0.0.1", port), timeout=30.0) as begun:
        begun.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert begun.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "signals.example.org"])
def test_where_others_could_ask_a_token_is_asked_for(host):
    with pytest.raises(RequestError, match="lets other machines ask: keep a secret in an environment variable"):
        token_of(ServeConfig(host=host))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_may_ask_without(host):
    assert token_of(ServeConfig(host=host)) is None


@pytest.mark.parametrize(
    ("secret", "law"),
    [(None, "was none"), ("", "was none"), ("sesame", "was shorter or other"), ("a b" * 9, "or other")],
)
def test_a_token_that_is_missing_or_could_be_guessed_is_refused_and_not_told(secret, law, monkeypatch):
    if secret is not None:
        monkeypatch.setenv("TOKEN_HERE", secret)
    with pytest.raises(RequestError, match=f"serve.token names TOKEN_HERE.*{law}") as refusal:
        token_of(ServeConfig(token="TOKEN_HERE"))
    assert not secret or secret not in str(refusal.value)


def test_the_token_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("TOKEN_HERE", SECRET)
    assert token_of(ServeConfig(host="0.0.0.0", token="TOKEN_HERE")) == SECRET


def test_a_port_that_is_taken_is_refused_by_its_number():
    with listening(ServeConfig(port=0)) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(RequestError, match=rf"serve.port={port} cannot be listened at: Address already in use"):
            listening(ServeConfig(port=port))


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(RequestError, match=r"serve.host=192\.0\.2\.7 .* cannot be listened at"):
        listening(ServeConfig(host="192.0.2.7", port=0))
