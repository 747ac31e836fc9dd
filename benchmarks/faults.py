"""Break one thing after another under a model in use, and print what the commands say of it.

    python benchmarks/faults.py [OLDER]       # a folder with another release of Tradewinds, for the last rows

Each row is a fault, the command typed after it, its exit status and the last line that it printed. After every fault
the champion must be what it was, and once the fault is gone a signal must be the one before it: what is not so is
printed below the table, and ends it with exit status 1. Needs root (a full disk is a small tmpfs, a read-only one the
same mounted again), Debian's postgresql and curl, and the package time-machine. 13 minutes beside other work.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # before it: tests has folders of the packages' names

import postgres

from championship import RUN_HERE, WORDS, Market

ADDRESS = "TRADEWINDS_FAULTS_DATABASE"
TOKEN = "TRADEWINDS_FAULTS_TOKEN"
SECRET = "a-secret-of-forty-letters-that-nobody-has"
SHRUNK_MB = 1  # left on the disk that is about to be full
RUNS = Path("runs")
BACK = """
import sys, time, time_machine
from tradewinds.__main__ import main
with time_machine.travel(time.time() - 3600):
    sys.exit(main())
"""
GROWN = 460  # bars, where the champion has learned from 450

rows: list[str] = []  # what was typed or asked
wrong: list[str] = []


def typed(*words: str, script: str = "", path: str | None = None) -> tuple[int, str]:
    """Type a command; return its exit status and the last line that it printed."""
    environment = dict(os.environ) if path is None else {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, *(("-c", script) if script else ("-m", "tradewinds")), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    spoken = done.stdout if done.returncode == 0 and done.stdout.strip() else done.stderr
    said = [line for line in spoken.splitlines() if line.strip()]
    return done.returncode, said[-1] if said else ""


def row(fault: str, *words: str, script: str = "", path: str | None = None) -> None:
    """Type a command and print what came of it as a row."""
    told(fault, " ".join(words), *typed(*words, *WORDS, script=script, path=path))


def told(fault: str, what: str, status: int, said: str) -> None:
    """Print a row."""
    rows.append(what)
    said = re.sub(r"/tmp/[\w./-]+?/", ".../", said)
    print(f"| {fault} | `{what}` | {status} | {said} |", flush=True)


def wanted() -> dict[str, object]:
    """Return the champion's signal, without what passes with time, or is said to the second only by a registry."""
    status, said = typed("signal", *WORDS)
    if status != 0:
        return {"status": status, "said": said}
    return {key: value for key, value in json.loads(said).items() if not key.endswith(("age_days", "created_at"))}


def pieces() -> list[str]:
    """Return what lies half written in the folder of runs."""
    return [str(path) for path in RUNS.rglob("*") if path.name.startswith((".partial-", ".tmp"))]


@contextmanager
def after(fault: str) -> Iterator[None]:
    """Hold the signal after a fault that has gone to the one before it."""
    before = wanted()
    yield
    if (now := wanted()) != before:
        wrong.append(f"{fault}: the signal was {before} and is {now}")
    if left := pieces():
        wrong.append(f"{fault}: left half written: {left}")


def main() -> None:
    """Print the table, and what is not as it should be."""
    began = time.perf_counter()
    os.environ[TOKEN] = SECRET
    with TemporaryDirectory(prefix="tradewinds-faults-") as place:
        os.chdir(place)
        market = Market(Path(place))
        status, said = typed("retrain", *WORDS)
        if status != 0:
            sys.exit(said)
        print("| fault | command | exit | what it said last |\n|---|---|---|---|")
        market(GROWN)
        for fault in (prices, disk, clock, names, service, registry, artifact, server):
            fault(market)
        if len(sys.argv) > 1:
            two_releases(market, sys.argv[1])
        os.chdir("/")
    print("\n".join(wrong))
    print(f"{len(rows)} rows, {len(wrong)} things wrong; {time.perf_counter() - began:.0f} s")
    raise SystemExit(bool(wrong))


def prices(market: Market) -> None:
    """A file of prices that is half written, shrunk, or revised."""
    whole = market.file.read_bytes()
    with after("prices"):
        market.file.write_bytes(whole[: len(whole) - 30])
        row("the file of prices ends within a line", "signal")
        row("the same", "retrain")
        market(400)
        row("it holds 400 of the 450 bars that were learned", "signal")
        row("the same", "retrain")
        market(GROWN)
        lines = market.file.read_text().splitlines(keepends=True)
        date, *values = lines[300].split(",")
        lines[300] = ",".join([date, *(repr(float(value) * 1.1) for value in values)]) + "\n"
        market.file.write_text("".join(lines))
        row("a price that was learned is another by a tenth", "signal")
        row("the same", "retrain")
        market.file.unlink()
        row("it is gone", "signal")
        market.file.write_bytes(whole)


def disk(market: Market) -> None:
    """A disk that is full, and one that can only be read."""
    aside = Path("runs.aside")
    with after("disk"):
        shutil.move(RUNS, aside)
        RUNS.mkdir()
        size = sum(path.stat().st_blocks * 512 for path in aside.rglob("*")) + SHRUNK_MB * 2**20
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(RUNS)], check=True)
        try:
            shutil.copytree(aside, RUNS, dirs_exist_ok=True, symlinks=True)
            row(f"{SHRUNK_MB} MB is left on the disk", "retrain")
            row("the same", "schedule", *RUN_HERE, "schedule.attempts=1")
            row("the same", "paper")
            fill(RUNS / "filler")
            row("none is left", "retrain")
            row("the same", "signal")
            row("the same", "paper")
            row("the same", "models", "list")
            (RUNS / "filler").unlink()
            subprocess.run(["mount", "-o", "remount,ro", str(RUNS)], check=True)
            row("the folder of runs can only be read", "retrain")
            row("the same", "signal")
            row("the same", "paper")
            row("the same", "schedule", *RUN_HERE, "schedule.attempts=1")
            row("the same", "status")
            subprocess.run(["mount", "-o", "remount,rw", str(RUNS)], check=True)
            if left := pieces():
                wrong.append(f"a full disk left half written: {left}")
            if (status := typed("signal", *WORDS)[0]) != 0:
                wrong.append(f"after a full and a read-only disk `signal` ends with {status}")
        finally:
            subprocess.run(["umount", str(RUNS)], check=True)
        RUNS.rmdir()
        shutil.move(aside, RUNS)


def fill(path: Path) -> None:
    """Write until no byte is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def clock(market: Market) -> None:
    """A clock that is set back an hour."""
    with after("clock"):
        row("the clock is set back an hour", "signal", script=BACK)
        row("the same", "retrain", script=BACK)
        row("the same", "schedule", *RUN_HERE, script=BACK)
        row("the same", "paper", script=BACK)
        row("and forward again", "paper")


def names(market: Market) -> None:
    """Names that lead out of the folder of runs."""
    with after("names"):
        row("a name that leads out of the folder", "retrain", "run.name=../outside")
        row("the same", "signal", "run.name=../../etc")
        row("the same", "models", "export", "../../etc", "run.name=..")
    if Path("outside").exists():
        wrong.append("a name led out of the folder of runs")


def service(market: Market) -> None:
    """Who may not ask, and what may not be asked."""
    row("no token, where other machines could ask", "serve", "serve.host=0.0.0.0")
    os.environ[TOKEN] = "short"
    row("a token of five letters", "serve", "serve.host=0.0.0.0", f"serve.token={TOKEN}")
    os.environ[TOKEN] = SECRET
    words = ("serve", "serve.port=0", f"serve.token={TOKEN}", *WORDS)
    with subprocess.Popen([sys.executable, "-m", "tradewinds", *words], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = int(re.search(r":(\d+);", running.stdout.readline())[1])  # type: ignore[index]
        bearer = {"Authorization": f"Bearer {SECRET}"}
        asked("a wrong token", port, "/signal", {"Authorization": "Bearer another"})
        asked("no token", port, "/signal", {})
        sent(port, "/signal", 100_000_000)
        for path in ("/runs/../registry.db", "/runs/%2e%2e/registry.db", "/runs/registry.db", "/runs//etc/passwd"):
            asked("a path that leads to no page", port, path, bearer)
        asked("the right token", port, "/signal", bearer)
        running.send_signal(signal.SIGTERM)
        told("SIGTERM", "serve", running.wait(), running.stdout.read().strip())


def sent(port: int, path: str, size: int) -> None:
    """Send a body by curl, which asks before it sends a large one, and print the answer as a row."""
    command = ["curl", "--silent", "--data-binary", "@-", "--header", f"Authorization: Bearer {SECRET}"]
    command += ["--write-out", "\n%{http_code}", f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, input=bytes(size), capture_output=True)
    said, status = done.stdout.decode().rsplit("\n", 1)
    told(f"a body of {size // 10**6} MB", path, int(status), said)


def asked(fault: str, port: int, path: str, headers: dict[str, str]) -> None:
    """Ask a server, and print its answer as a row."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, said = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, said = error.code, error.read().decode()
    except (urllib.error.URLError, ConnectionError) as error:
        status, said = 0, str(error)
    told(fault, path, status, said.strip()[:160])


def registry(market: Market) -> None:
    """A registry that is damaged, or gone."""
    file = RUNS / "registry.db"
    whole = file.read_bytes()
    with after("registry"):
        file.write_bytes(b"garbage!" * 16 + whole[128:])
        row("the registry is damaged", "signal")
        row("the same", "retrain")
        row("the same", "schedule", *RUN_HERE)
        row("the cure that it names", "models", "rebuild")
        file.unlink()
        row("the registry is gone", "signal")
        row("the same", "retrain")
        row("the cure that it names", "models", "rebuild")


def artifact(market: Market) -> None:
    """A champion whose weights were changed."""
    with after("artifact"):
        turn_a_bit()
        row("one bit of every model's weights is another", "signal")
        row("the same", "status")
        turn_a_bit()


def turn_a_bit() -> None:
    """Turn the last bit of all weights; a second time turns it back."""
    for path in RUNS.rglob("*.safetensors"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


def server(market: Market) -> None:
    """A PostgreSQL server that goes in the middle of a retraining, and comes back."""
    place = (f"run.database={ADDRESS}", "run.dir=served")
    with postgres.serving() as database:
        os.environ[ADDRESS] = database.address()
        market(450)
        row("registry and jobs on a server", "retrain", *place)
        market(GROWN)
        command = [sys.executable, "-m", "tradewinds", "retrain", *place, *WORDS]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
            assert running.stdout is not None
            for line in running.stdout:
                if "50%" in line or "forecaster" in line:
                    break
            database.stop()
            said = [line for line in running.stdout.read().splitlines() if line.strip()]
        told("it stops during a retraining", f"retrain run.database={ADDRESS}", running.returncode, said[-1])
        row("it is away", "signal", *place)
        row("the same", "status", *place)
        row("the same", "schedule", *place, *RUN_HERE)
        database.start()
        row("it is back", "signal", *place)
        row("the same", "retrain", *place)
        row("the same", "schedule", *place, *RUN_HERE)


def two_releases(market: Market, older: str) -> None:
    """Another release of the product on the same folder of runs."""
    row("the other release", "models", "list", path=older)
    row("the same", "signal", path=older)
    market(GROWN + 10)
    row("the same", "retrain", path=older)
    row("this release, after it", "models", "list")
    row("the same", "signal")
    market(GROWN + 20)
    row("the same", "retrain")
    row("the other release, after this one", "signal", path=older)


if __name__ == "__main__":
    main()
