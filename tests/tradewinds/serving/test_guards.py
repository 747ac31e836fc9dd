"""Who is answered: with the token, from this machine, not too often, not too much, not for ever."""

import asyncio
import json

import httpx
import pytest

from tradewinds.core.console import Silent
from tradewinds.serving.guards import MOST_ADDRESSES, MOST_BODY, Guards, Rates, Refusal

TOKEN = "correct-horse-battery-staple"


class Notes(Silent):
    """Keeps what is noted."""

    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


async def plain(scope, receive, send):
    """Answer at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def slow(scope, receive, send):
    """Answer never."""
    await asyncio.sleep(60.0)


async def broken(scope, receive, send):
    """Fail."""
    raise KeyError("no such\nthing")


def guards_of(app=plain, *, token=None, rate=None, seconds=5.0, console=None):
    return Guards(app, token=token, rate=rate, seconds=seconds, console=console or Notes())


def ask(guards, *, host="127.0.0.1:8321", headers=(), content=None, times=1):
    """Ask, and return the last answer."""

    async def asking():
        transport = httpx.ASGITransport(app=guards, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            for _ in range(times):
                answer = await client.request("GET", "/signal", headers=list(headers), content=content)
            return answer

    return asyncio.run(asking())


def refused(answer, status, sentence):
    """Hold an answer to one line of JSON."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.text.count("\n") == 1
    assert sentence in json.loads(answer.text)["error"]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Authorization", f"Bearer {TOKEN}x"),),
        (("Authorization", f"Bearer {TOKEN[:-1]}"),),
        (("Authorization", f"Basic {TOKEN}"),),
        (("Authorization", TOKEN),),
        (("Authorization", "Bearer "),),
        (("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {TOKEN}")),
    ],
)
def test_without_the_very_token_nothing_is_answered_and_nobody_is_told_it(headers):
    guards = guards_of(token=TOKEN)
    answer = ask(guards, headers=headers)
    refused(answer, 401, "a request must bear the token: Authorization: Bearer ...")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in answer.text
    assert guards.counts == {401: 1}


@pytest.mark.parametrize("kind", ["Bearer", "bearer"])
def test_with_the_token_any_host_is_answered(kind):
    answer = ask(guards_of(token=TOKEN), host="signals.example.org", headers=[("Authorization", f"{kind} {TOKEN}")])
    assert answer.status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost", "LOCALHOST:1", "[::1]:8321"])
def test_without_a_token_this_machine_is_answered(host):
    assert ask(guards_of(), host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1.example.org", "localhost.example.org:8321"])
def test_without_a_token_a_page_of_the_network_cannot_have_a_browser_ask(host):
    refused(ask(guards_of(), host=host), 421, "without serve.token only this machine is answered")


def test_a_large_body_is_refused_by_its_length_before_it_is_read():
    answer = ask(guards_of(slow), headers=[("Content-Length", str(100 * 2**20))])
    refused(answer, 413, f"a request may bring {MOST_BODY} bytes at most")
    assert answer.headers["connection"] == "close"


def test_a_body_that_hides_its_length_is_read_no_further_than_the_bound():
    sent = []

    async def chunks():
        for number in range(1600):  # a hundred megabytes
            sent.append(number)
            yield b"x" * MOST_BODY

    refused(ask(guards_of(), content=chunks()), 413, "bytes at most")
    assert len(sent) == 2


def test_a_small_body_is_let_through():
    assert ask(guards_of(), content=b"x" * MOST_BODY).status_code == 200


def test_a_request_that_does_not_end_is_told_so():
    async def chunks():
        yield b"x"
        await asyncio.sleep(60.0)
        yield b"y"

    refused(ask(guards_of(seconds=0.05), content=chunks()), 408, "not done within 0.05 s (serve.timeout_seconds)")


def test_an_answer_that_does_not_come_is_given_up():
    refused(ask(guards_of(slow, seconds=0.05)), 503, "not done within 0.05 s (serve.timeout_seconds)")


def test_a_failure_of_ours_is_noted_in_a_line_and_told_without_its_reason():
    console = Notes()
    answer = ask(guards_of(broken, console=console))
    refused(answer, 500, "failed; the server's log says why")
    assert console.notes == [r"failed to answer '/signal': KeyError: 'no such\nthing'"]


def test_who_asks_too_often_is_told_to_wait_a_second():
    guards = guards_of(rate=3.0)
    answer = ask(guards, times=4)
    refused(answer, 429, "more than 3 requests a second from one address (serve.rate)")
    assert answer.headers["retry-after"] == "1"
    assert guards.counts == {200: 3, 429: 1}


def test_rates_are_of_each_address_and_come_back_with_time():
    now = [0.0]
    rates = Rates(2.0, clock=lambda: now[0])
    rates.refuse("a")
    rates.refuse("a")
    with pytest.raises(Refusal):
        rates.refuse("a")
    rates.refuse("b")
    now[0] = 0.5  # one more
    rates.refuse("a")
    with pytest.raises(Refusal):
        rates.refuse("a")


def test_of_many_addresses_the_latest_are_remembered():
    rates = Rates(1.0, clock=lambda: 0.0)
    for number in range(3 * MOST_ADDRESSES):
        rates.refuse(str(number))
    assert len(rates._left) == MOST_ADDRESSES
    with pytest.raises(Refusal):
        rates.refuse(str(3 * MOST_ADDRESSES - 1))
