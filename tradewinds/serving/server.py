"""The listener: a socket, uvicorn on it, and an end that lets every request be answered."""

import asyncio
import ipaddress
import logging
import os
import socket
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tradewinds.core.errors import RequestError
from tradewinds.request.schema import ServeConfig
from tradewinds.serving.guards import App

LEAST_TOKEN = 16  # characters: what is shorter can be guessed
MOST_CONNECTIONS = 1000  # at once; more are answered with status 503
KEPT = 15  # seconds that a connection stays open without a request


def token_of(config: ServeConfig) -> str | None:
    """Return the token that requests must bear, from the environment.

    Raises:
        RequestError: it is not there, or too short; or none is asked for, and other machines could ask.
    """
    if config.token is None:
        if not _is_loopback(config.host):
            raise RequestError(
                f"serve.host={config.host} lets other machines ask: keep a secret in an environment variable and name "
                "it, serve.token=TRADEWINDS_TOKEN; or leave serve.host at 127.0.0.1"
            )
        return None
    token = os.environ.get(config.token, "")
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise RequestError(
            f"serve.token names {config.token}, and the environment must hold a token there of at least {LEAST_TOKEN} "
            f"letters and digits, was {'none' if not token else 'shorter or other'}; `openssl rand -hex 32` makes one"
        )
    return token


def listening(config: ServeConfig) -> socket.socket:
    """Return a socket that listens.

    Raises:
        RequestError: the address is none of this machine's, or the port is taken.
    """
    try:
        family = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((config.host, config.port), family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        raise RequestError(
            f"serve.host={config.host} and serve.port={config.port} cannot be listened at: "
            f"{error.strerror or error}; give another, or serve.port=0 for any that is free"
        ) from None


def address_of(listener: socket.socket) -> str:
    """Return where a browser finds a socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(app: App, listener: socket.socket, config: ServeConfig) -> None:
    """Answer until SIGTERM or Ctrl-C; then nobody new is let in, and whoever was is answered, but for a second one."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what is wrong, `guards` says
    settings = uvicorn.Config(
        app,
        http=_patient(config.timeout_seconds),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEPT,
        timeout_graceful_shutdown=max(1, round(config.timeout_seconds)),
    )
    asyncio.run(_Server(settings).serve(sockets=[listener]))


class _Server(uvicorn.Server):  # type: ignore[misc]  # uvicorn is no part of every installation
    """Ends by a signal as if by itself: uvicorn's own raises it again once all was answered."""

    should_exit: bool
    force_exit: bool

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _patient(seconds: float) -> type[H11Protocol]:
    """Return a protocol that waits so long for the headers of a request, whose begin it has seen, and no longer."""

    class Patient(H11Protocol):  # type: ignore[misc]
        _late: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._forget()
            super().connection_lost(exc)

        def _expect(self) -> None:
            if self.cycle is not None and not self.cycle.response_complete:
                self._forget()  # headers are there; from now on `guards` counts the seconds
            elif self._late is None:
                self._late = self.loop.call_later(seconds, self.transport.close)

        def _forget(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Patient
