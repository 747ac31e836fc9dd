"""Yahoo and Open-Meteo on the loopback: a proxy that speaks for them, so that real clients are tested unmodified.

The clients learn of it by the environment alone (HTTPS_PROXY, SSL_CERT_FILE and its like), in this process or in
another. What a symbol or a place answers is decided by its fault, which a test may change while the server runs. Any
other host is refused, and counted.
"""

import json
import os
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import trustme

DAY = 86400
NEW_YORK_OPEN = 14 * 3600 + 30 * 60  # of a winter day, UTC


def weekdays(first, number):
    """Return the starts of weekdays from a date on, as Yahoo stamps them."""
    day, found = datetime.fromisoformat(first).replace(tzinfo=UTC), []
    while len(found) < number:
        if day.weekday() < 5:
            found.append(int(day.timestamp()) + NEW_YORK_OPEN)
        day += timedelta(days=1)
    return found


class Exchange:
    """The bars of one symbol, which a test may change.

    Attributes:
        stamps: starts, as Yahoo stamps them.
        close: closes; open, high, low and volume follow from them.
        dividends, splits: {number of the bar: value}.
        fault: how it answers; "" is well.
    """

    def __init__(self, number=60, first="2024-01-02", seed=0, fault=""):
        rng = np.random.default_rng(seed)
        self.stamps = weekdays(first, number)
        self.close = np.round(50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, number))), 4)
        self.dividends, self.splits, self.fault = {}, {}, fault
        self.zone, self.exchange, self.failures, self.raw = "America/New_York", "", 0, b""
        self.currency, self.granularity, self.noise = "USD", "1d", None

    def body(self, start, end):
        rows = [row for row, stamp in enumerate(self.stamps) if start <= stamp < end]
        close = [float(self.close[row]) for row in rows]
        stamps = [self.stamps[row] for row in rows]
        if self.fault == "null":
            close = [None if row % 2 else value for row, value in zip(rows, close, strict=True)]
        if self.fault == "one null" and close:
            close[len(close) // 2] = None
        if self.fault == "duplicate":
            stamps, close = [*stamps[:3], *stamps[2:]], [*close[:3], *close[2:]]
        quote = {
            "open": [None if value is None else round(value * 0.999, 4) for value in close],
            "high": [None if value is None else self.high(value) for value in close],
            "low": [None if value is None else round(value * 0.99, 4) for value in close],
            "close": close,
            "volume": [None if value is None else 1000 + row for row, value in enumerate(close)],
        }
        meta = {
            "currency": self.currency,
            "symbol": "X",
            "exchangeName": self.exchange,
            "instrumentType": "EQUITY",
            "firstTradeDate": self.stamps[0],
            "regularMarketTime": self.stamps[-1],
            "gmtoffset": -18000,
            "timezone": "EST",
            "exchangeTimezoneName": self.zone,
            "priceHint": 2,
            "dataGranularity": self.granularity,
            "range": "",
            "validRanges": ["1d", "5d", "1mo", "max"],
            "currentTradingPeriod": {
                name: {"timezone": "EST", "start": 1, "end": 2, "gmtoffset": -18000}
                for name in ("pre", "regular", "post")
            },
        }
        if self.fault == "no zone":
            del meta["exchangeTimezoneName"]
        events = {}
        for name, given, make in (
            ("dividends", self.dividends, lambda value: {"amount": value}),
            ("splits", self.splits, lambda value: {"numerator": value, "denominator": 1.0, "splitRatio": f"{value}:1"}),
        ):
            there = {row: value for row, value in given.items() if row in rows}
            if there:
                events[name] = {
                    str(self.stamps[row]): {"date": self.stamps[row], **make(value)} for row, value in there.items()
                }
        result = {
            "meta": meta,
            "timestamp": stamps,
            "indicators": {"quote": [quote], "adjclose": [{"adjclose": close}]},
        }
        if events:
            result["events"] = events
        if not rows or self.fault == "empty":
            result = {"meta": meta, "indicators": {"quote": [{}], "adjclose": [{}]}}
        return {"chart": {"result": [result], "error": None}}

    def high(self, close):
        """A percent above the close; or, with noise, below it by a hair."""
        return round(close * 1.01, 4) if self.noise is None else close * (1.0 - self.noise)


class Weather:
    """Hourly weather of every place: warm by day, of a test's choosing."""

    def __init__(self):
        self.fault, self.failures, self.shift, self.offset, self.known_to = "", 0, 0.0, 0, None
        self.asked, self.raw = [], b""

    def answer(self, query):
        self.asked.append(query)
        block = "hourly" if "hourly" in query else "daily"
        first = datetime.fromisoformat(query["start_date"][0]).replace(tzinfo=UTC)
        last = datetime.fromisoformat(query["end_date"][0]).replace(tzinfo=UTC) + timedelta(days=1)
        step = timedelta(hours=1) if block == "hourly" else timedelta(days=1)
        times = [first + step * number for number in range(int((last - first) / step))]
        longitude = float(query["longitude"][0])
        hours = np.array([(stamp.timestamp() / 3600.0 + longitude / 15.0) % 24.0 for stamp in times])
        warmth = 15.0 - 5.0 * np.cos((hours - 6.0) / 24.0 * 2.0 * np.pi - 0.0) + self.shift
        known = self.known_to or datetime.now(UTC) - timedelta(days=5)
        values = [None if stamp > known else round(float(value), 1) for stamp, value in zip(times, warmth, strict=True)]
        form = "%Y-%m-%dT%H:%M" if block == "hourly" else "%Y-%m-%d"
        names = query[block][0].split(",")
        columns = {name: list(values) for name in names}
        if self.fault == "null":
            columns = {name: [None] * len(values) for name in names}
        if self.fault == "short":
            columns[names[0]] = values[:-3]
        return {
            "latitude": float(query["latitude"][0]),
            "longitude": longitude,
            "utc_offset_seconds": self.offset,
            "timezone": "GMT",
            "elevation": 100.0,
            f"{block}_units": {"time": "iso8601", **{name: "°C" if "temperature" in name else "%" for name in names}},
            block: {"time": [stamp.strftime(form) for stamp in times], **columns},
        }


class Replay:
    """The proxy.

    Attributes:
        symbols: an `Exchange` each.
        weather: of all places.
        calls: paths asked for, in order.
        refused: hosts it did not speak for.
    """

    def __init__(self, folder):
        self.symbols, self.weather, self.calls, self.refused = {}, Weather(), [], []
        authority = trustme.CA()
        names = ("*.yahoo.com", "*.finance.yahoo.com", "*.open-meteo.com")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(self._context)
        self.certificate = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.certificate))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._open = True
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def environment(self):
        """What a process needs to find it."""
        url = f"http://127.0.0.1:{self.port}"
        trusted = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(self.certificate))
        return {"HTTPS_PROXY": url, "https_proxy": url, "NO_PROXY": "", "no_proxy": "", **trusted}

    def close(self):
        self._open = False
        self._socket.close()

    def _serve(self):
        while self._open:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._speak, args=(connection,), daemon=True).start()

    def _speak(self, connection):
        with connection:
            try:
                host = _head(connection).split(b" ")[1].decode().split(":")[0]
                if not host.endswith(("yahoo.com", "open-meteo.com")):
                    self.refused.append(host)
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                    return
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with self._context.wrap_socket(connection, server_side=True) as secure:
                    while head := _head(secure):
                        if not self._answer(secure, host, head.split(b" ")[1].decode()):
                            return
            except (OSError, IndexError):
                return

    def _answer(self, secure, host, target):
        url = urlsplit(target)
        query = parse_qs(url.query)
        self.calls.append(f"{host}{url.path}")
        if host.endswith("open-meteo.com"):
            return self._with_fault(secure, self.weather, lambda: self.weather.answer(query))
        if "/v8/finance/chart/" not in url.path:
            return _send(secure, 200, b"crumb", "text/plain")
        symbol = unquote(url.path.rsplit("/", 1)[1])
        exchange = self.symbols.get(symbol)
        if exchange is None or exchange.fault == "delisted":
            words = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return _send(secure, 404, json.dumps({"chart": {"result": None, "error": words}}).encode())
        if "range" in query:
            start, end = exchange.stamps[-1], exchange.stamps[-1] + 1
        else:
            start, end = int(query["period1"][0]), int(query["period2"][0])
        return self._with_fault(secure, exchange, lambda: exchange.body(start, end))

    def _with_fault(self, secure, thing, body):
        if thing.failures > 0:  # fails so many times, then is well
            thing.failures -= 1
            return _send(secure, 429, b"Too Many Requests", "text/plain")
        fault = thing.fault
        if fault in ("429", "500", "400", "503"):
            words = {"error": True, "reason": "Parameter 'latitude' is out of range"}
            return _send(secure, int(fault), json.dumps(words).encode())
        if fault == "hang":
            time.sleep(3.0)
            return False
        if fault == "html":
            return _send(secure, 200, b"<html><body>Will return soon</body></html>", "text/html")
        content = thing.raw if fault == "raw" else json.dumps(body()).encode()
        if fault == "bad json":
            return _send(secure, 200, content[: len(content) // 2])
        if fault == "torn":
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
            secure.sendall(head.encode() + content[: len(content) // 2])
            return False
        return _send(secure, 200, content)


def _head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            return b""
        data += piece
    return data


def _send(secure, status, content, kind="application/json"):
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    secure.sendall(head.encode() + content)
    return True


@contextmanager
def replaying(folder, monkeypatch=None):
    """Serve until the block ends, with the environment set for this process."""
    replay = Replay(folder)
    if monkeypatch is not None:
        for name, value in replay.environment.items():
            monkeypatch.setenv(name, value)
    else:
        os.environ.update(replay.environment)
    try:
        yield replay
    finally:
        replay.close()
