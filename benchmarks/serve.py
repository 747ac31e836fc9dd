"""`tradewinds serve` under load: 200 clients, a champion that changes in the middle, and not one wrong answer.

    python benchmarks/serve.py [seconds] [clients]        # 30 and 200

A model of a made market is trained twice, by two seeds. Clients ask `/signal` and `/forecast` in turn, each over one
connection; half-way the second version is promoted. An answer is wrong if its status is not 200, if its numbers are not
those that the commands print for the version that it names, or if a client sees the old version after the new one.
Server and clients share this machine, so that half of it is theirs.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from tradewinds.operate.registry import Registry

WORDS = (
    "series=csv",
    "series.path=bars.csv",
    "signal.max_age=null",
    "model.context_length=16",
    "model.hidden_size=8",
    "trainer.epochs=2",
    "agent.steps=1500",
    "agent.learning_starts=300",
    "agent.validate_every=500",
    "backtest.random_draws=9",
    "backtest.bootstrap_draws=100",
)
AGES = ("model_age_days", "data_age_days")  # they pass while it runs
PATHS = ("/signal", "/forecast")


def typed(*words: str, allowed: tuple[int, ...] = (0,)) -> str:
    """Type a command and return what it printed last."""
    done = subprocess.run([sys.executable, "-m", "tradewinds", *words], capture_output=True, text=True)
    if done.returncode not in allowed:
        raise SystemExit(done.stderr)
    return (done.stdout.splitlines() or [""])[-1]


def make_models() -> None:
    """Write five hundred bars that wander, and register two models of them."""
    rng = np.random.default_rng(1)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, 500)))
    index = pd.bdate_range("2020-01-01", periods=500, name="date")
    pd.DataFrame({"close": close}, index=index).to_csv("bars.csv")
    typed("retrain", *WORDS)
    typed("retrain", *WORDS, "seed=5", allowed=(0, 3))  # the duel may reject it; it is registered all the same


def promote(number: int) -> None:
    """Make a version the champion, as `tradewinds models promote` does."""
    Registry(Path("runs")).promote("bars", number, reason="it is its turn")


def expected() -> dict[tuple[int, str], str]:
    """Return what each version answers at each path, by the commands."""
    answers = {}
    for number in (2, 1):  # the first stays the champion
        promote(number)
        told = {"/signal": typed("signal", *WORDS), "/forecast": typed("predict", "--json", *WORDS)}
        for path, text in told.items():
            named, answers[number, path] = _without_ages(text)
            assert named == number
    assert answers[1, "/forecast"].split("rows")[1] != answers[2, "/forecast"].split("rows")[1]
    return answers


def _without_ages(text: str) -> tuple[int, str]:
    """Return the version that an answer names, and all of it that does not pass."""
    told = json.loads(text)
    named = told["model_version"] if "model_version" in told else int(re.findall(r"\d+", told["forecaster"])[0])
    return named, json.dumps({key: told[key] for key in told if key not in AGES})


class Load:
    """What the clients saw."""

    def __init__(self, port: int, truth: dict[tuple[int, str], str]) -> None:
        self.port, self.truth = port, truth
        self.seconds: dict[str, list[float]] = {path: [] for path in PATHS}
        self.faults: Counter[str] = Counter()
        self.versions: Counter[int] = Counter()
        self.ended = False
        self._known: dict[tuple[str, bytes], tuple[int, bool]] = {}  # answers that were looked at before

    async def client(self) -> None:
        """Ask over one connection until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        newest, turn = 0, 0
        while not self.ended:
            path = PATHS[turn % 2]
            turn += 1
            since = time.perf_counter()
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
                body = await reader.readexactly(size)
            except (OSError, asyncio.IncompleteReadError):
                self.faults["no answer"] += 1
                return
            self.seconds[path].append(time.perf_counter() - since)
            if not head.startswith(b"HTTP/1.1 200 "):
                self.faults[head[:12].decode()] += 1
                continue
            number, is_right = self._look(path, body)
            self.versions[number] += 1
            self.faults["wrong"] += not is_right
            self.faults["back to the old"] += number < newest
            self.faults["header and body differ"] += f"tradewinds-version: {number}\r\n".encode() not in head
            newest = max(newest, number)
        writer.close()

    def _look(self, path: str, body: bytes) -> tuple[int, bool]:
        if (path, body) not in self._known:
            number, text = _without_ages(body.decode())
            self._known[path, body] = number, text == self.truth.get((number, path))
        return self._known[path, body]


def memory(pid: int) -> float:
    """Return the MB that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def ask(load: Load, pid: int, seconds: float, clients: int) -> list[float]:
    """Let clients ask, promote in the middle, and return the server's memory at each tenth."""
    asking = [asyncio.create_task(load.client()) for _ in range(clients)]
    held = []
    for tenth in range(10):
        await asyncio.sleep(seconds / 10)
        held.append(memory(pid))
        if tenth == 4:
            await asyncio.to_thread(promote, 2)
    load.ended = True
    await asyncio.gather(*asking)
    return held


def main() -> None:
    asked = sys.argv[1:]
    seconds, clients = float(asked[0] if asked else 30), int(asked[1] if len(asked) > 1 else 200)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_models()
        truth = expected()
        command = [sys.executable, "-m", "tradewinds", "serve", *WORDS, "serve.port=0", "serve.rate=null"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            port = int(re.search(r":(\d+);", server.stdout.readline())[1])  # type: ignore[index]
            load = Load(port, truth)
            since = time.perf_counter()
            held = asyncio.run(ask(load, server.pid, seconds, clients))
            lasted = time.perf_counter() - since
            server.send_signal(signal.SIGTERM)
            status = server.wait()
        for path, waits in load.seconds.items():
            p50, p99 = np.quantile(waits, [0.5, 0.99]) * 1000.0
            print(f"{path:<10} {len(waits) / lasted:7.0f} requests/s   p50 {p50:6.0f} ms   p99 {p99:6.0f} ms")
        print(f"answers by version: {dict(sorted(load.versions.items()))}; ended with status {status}")
        print(f"wrong or failed: {sum(load.faults.values())} of {sum(load.versions.values())} {dict(+load.faults)}")
        print(f"memory, MB: {' '.join(f'{value:.0f}' for value in held)}")
        raise SystemExit(0 if not sum(load.faults.values()) and len(load.versions) == 2 and status == 0 else 1)


if __name__ == "__main__":
    main()
