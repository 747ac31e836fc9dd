"""What stands before the answers: who may ask, how often, how much may be sent, and how long all of it may take."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tradewinds.core.console import Console

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # this machine's names of itself
MOST_BODY = 64 * 1024  # bytes that a request may bring: no answer reads any
MOST_ADDRESSES = 4096  # whose rate is remembered, the latest ones


class Refusal(Exception):
    """A request that is answered with nothing but why.

    Args:
        status: of HTTP.
        sentence: why.
        headers: beside those of every answer.
    """

    def __init__(self, status: int, sentence: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


class Rates:
    """How often each address may ask: so many times a second, and as many at once.

    Args:
        rate: requests a second of one address; None: any number.
        clock: tells the seconds.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, and when that was

    def refuse(self, address: str) -> None:
        """Count a request.

        Raises:
            Refusal: it is one too many.
        """
        if self._rate is None:
            return
        now, most = self._clock(), max(self._rate, 1.0)
        left, since = self._left.pop(address, (most, now))
        left = min(left + (now - since) * self._rate, most)
        self._left[address] = (left - 1.0 if left >= 1.0 else left, now)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        if left < 1.0:
            sentence = f"more than {self._rate:g} requests a second from one address (serve.rate)"
            raise Refusal(429, sentence, ((b"retry-after", b"1"),))


class Guards:
    """An application, and what stands before it.

    Args:
        app: answers what is let through.
        token: that every request must bear; None: none, and then only this machine's own names of itself are hosts, so
            that no page of the network can have a browser here ask for it.
        rate: requests a second of one address; None: any number.
        seconds: that a request may take, from its headers to the last byte of its answer.
        console: where failures of ours are noted.

    Attributes:
        counts: answers so far, by status.
    """

    def __init__(self, app: App, *, token: str | None, rate: float | None, seconds: float, console: Console) -> None:
        self._app, self._seconds, self._console = app, seconds, console
        self._token = None if token is None else hashlib.sha256(token.encode()).digest()
        self._rates = Rates(rate)
        self.counts: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        begun: list[int] = []
        late = 408  # as long as it is the request that is waited for

        async def counting(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                begun.append(message["status"])
                self.counts[message["status"]] += 1
            await send(message)

        try:
            async with asyncio.timeout(self._seconds):
                self._refuse(scope)
                await _read(receive)
                late = 503
                await self._app(scope, receive, counting)
        except Refusal as refusal:
            await _refuse_with(refusal, counting)
        except TimeoutError:
            if begun:
                raise  # whoever listens so slowly is cut off
            await _refuse_with(Refusal(late, f"not done within {self._seconds:g} s (serve.timeout_seconds)"), counting)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            self._console.note(f"failed to answer {scope['path']!r}: {reason}")
            if begun:
                raise
            await _refuse_with(Refusal(500, "failed; the server's log says why"), counting)

    def _refuse(self, scope: Scope) -> None:
        """Refuse who may not ask, or not so often, or sends too much."""
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._rates.refuse((scope.get("client") or ("", 0))[0])
        if self._token is None:
            if _host_of(headers) not in LOOPBACK:
                raise Refusal(421, "without serve.token only this machine is answered, as 127.0.0.1 or localhost")
        elif not self._bears_token(headers):
            raise Refusal(
                401, "a request must bear the token: Authorization: Bearer ...", ((b"www-authenticate", b"Bearer"),)
            )
        length = _values(headers, b"content-length")
        if length and length[0].isdigit() and int(length[0]) > MOST_BODY:
            raise _too_large()

    def _bears_token(self, headers: list[tuple[bytes, bytes]]) -> bool:
        values = _values(headers, b"authorization")
        kind, _, token = values[0].partition(b" ") if len(values) == 1 else (b"", b"", b"")
        same = hmac.compare_digest(hashlib.sha256(token.strip()).digest(), self._token or b"")
        return same and kind.lower() == b"bearer"


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _host_of(headers: list[tuple[bytes, bytes]]) -> str:
    """Return the host that a request is for, without its port."""
    host = (_values(headers, b"host") or [b""])[0].decode("latin-1").strip().lower()
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _too_large() -> Refusal:
    return Refusal(
        413, f"a request may bring {MOST_BODY} bytes at most, and none are read", ((b"connection", b"close"),)
    )


async def _read(receive: Receive) -> None:
    """Read a request to its end, and forget it.

    Raises:
        Refusal: it is too long.
    """
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if size > MOST_BODY:
            raise _too_large()


async def _refuse_with(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.sentence}).encode() + b"\n"
    size = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", size), *refusal.headers]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
