"""What a search is worth, whether it survives, and what it finds where nothing is: python benchmarks/search.py [WORDS].

kills             40 trials of a small request, killed with -9 ten times at random moments (three minutes)
postgres          two workers on PostgreSQL, one of them killed; needs Debian's postgresql and root (one minute)
noise seeds=20 trials=200
                  martingales, a seed each: whether the verdict is that there is nothing (an hour)
gain experiment=houston trials=40
                  the best against the request's own settings, on validation rows and then, once, on test rows
history trials=40
                  ten trials that begin with what did well on other series, beside forty from nothing; of fifteen series
                  each is left out in turn, with its kin (half an hour)
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SMALL = (
    "model.hidden_size=4", "model.context_length=8", "trainer.epochs=2", "agent.steps=1500", "agent.validate_every=500",
    "agent.learning_starts=300", "backtest.random_draws=9", "features.selection=false",
)  # fmt: skip
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def started(folder: Path, *words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tradewinds", "search", *words]
    return subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT,
        start_new_session=True,
    )  # fmt: skip


def found(folder: Path) -> dict:
    (path,) = folder.glob("runs/*/search/*/search.json")
    return json.loads(path.read_text(encoding="utf-8"))


def kills(trials: int = 40, times: int = 10) -> None:
    rng, seconds = random.Random(0), 0.0
    words = ("series=ar1", "series.bars=900", *SMALL, f"search.trials={trials}", "search.space.model.hidden_size=null",
             "search.space.trainer.learning_rate=null", "search.space.agent.learning_rate=null")  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for _ in range(times):
            search = started(folder, *words)
            time.sleep(rng.uniform(6.0, 14.0))
            if search.poll() is None:
                os.killpg(search.pid, signal.SIGKILL)
            search.communicate()
        begun = time.monotonic()
        last = started(folder, *words)
        said = last.communicate()[0]
        seconds = time.monotonic() - begun
        document = found(folder)
    tried = [tuple(value for key, value in trial.items() if "." in key) for trial in document["trials"]]
    print(f"killed {times} times; then exit {last.returncode} after {seconds:.0f} s: {len(tried)} of {trials} trials,")
    print(f"{len(tried) - len(set(tried))} doubled. {said.splitlines()[-2]}")


def noise(seeds: int = 20, trials: int = 200) -> None:
    silent = 0
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as temporary:
            words = ("series=martingale", "series.bars=700", f"series.seed={seed}", *SMALL, f"search.trials={trials}")
            search = started(Path(temporary), *words)
            said = search.communicate()[0]
            if search.returncode:
                print(said)
                return
            verdict = found(Path(temporary))["search"]["verdict"]
        silent += verdict.startswith("There is nothing")
        print(f"seed {seed}: {verdict}", flush=True)
    print(f"nothing was found in {silent} of {seeds} seeds of noise, {trials} trials each")


def gain(experiment: str = "houston", trials: int = 40) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder, begun = Path(temporary), time.monotonic()
        asked = () if experiment == "sp500" else (f"experiment={experiment}",)
        search = started(folder, *asked, f"search.trials={trials}")
        print(search.communicate()[0])
        minutes = (time.monotonic() - begun) / 60.0
        document = found(folder)["search"]
        print(f"{experiment}: {document['tried']} trials in {minutes:.1f} min; {document['verdict']}")
        if document["run_best"] is None:  # its own settings are the best
            return
        for name, line in (
            ("own settings", " ".join(asked)),
            ("best", document["run_best"].removeprefix("tradewinds run")),
        ):
            command = f"{sys.executable} -m tradewinds run {line} run.dir={name.replace(' ', '_')} --json"
            answer = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, env=ENVIRONMENT)
            told = json.loads(answer.stdout.splitlines()[-1])
            print(f"  {name}, on test rows: {told['backtest']['strategies']['agent']['metrics']}")


SERIES = {  # by kin and name, the words that ask for it: what is shipped, and worlds of several kinds
    "stocks_sp500": "series=sp500",
    "stocks_nasdaq": "series=nasdaq",
    "wti": "series=wti",
    "gas": "series=henry_hub",
    "chicago": "series=chicago_temperature series.target=difference",
    "plant": "series=plant_temperature series.target=difference",
    "power_houston": "series=houston series.target=difference",
    "power_west": "series=houston series.instruments=[LZ_WEST] series.target=difference",
    "ar1_long": "series=ar1 series.bars=2000",
    "ar1_short": "series=ar1 series.bars=900 series.seed=1",
    "ou": "series=ou series.bars=2000",
    "seasonal": "series=seasonal series.bars=2000",
    "regime": "series=regime series.bars=2000",
    "square": "series=square_wave series.bars=2000",
    "martingale": "series=martingale series.bars=2000",
}
BRIEF = (
    "search.goals=[error]", "agent=direct", "agent.steps=100", "features.selection=false", "trainer.epochs=6",
    "trainer.windows_per_epoch=2500", "search.space={model.hidden_size:null,model.dropout:null,"
    "model.context_length:{low:4,high:96,log:true},trainer.learning_rate:null,trainer.weight_decay:null}",
)  # fmt: skip


def history(trials: int = 40, warm: int = 10) -> None:
    """Search each series from nothing, and with the trials of all that are not its kin at hand."""
    heads = ("5", "10", "20", "40", "1 h", "5 h", "10 h")
    print(f"{'error, %':<14}{''.join(f'{head:>7}' for head in heads)} needs")
    reached: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, words in SERIES.items():
            tried(folder / name, *words.split(), f"search.trials={trials}")
        for name, words in SERIES.items():
            place = folder / f"without_{name}"
            for other in SERIES:
                if other.split("_")[0] != name.split("_")[0]:
                    shutil.copytree(folder / other / "runs", place / "runs" / other)
                    for study in (place / "runs" / other).glob("*/search"):
                        shutil.move(study, place / "runs" / other / "search")
            asked = (*words.split(), f"search.trials={warm}", "search.warm_start=from_history", "run.name=warm")
            tried(place, *asked)
            own, cold = best_so_far(folder / name, "*")
            reached[name] = (cold, best_so_far(place, "warm")[1])
            told_one(name, own, *reached[name])
    needed = np.array([needed_for(cold, begun) for cold, begun in reached.values()])
    print(f"trials from nothing that come to what {warm} from history have: {np.median(needed):.0f} in the median, "
          f"more than {trials} on {np.sum(needed > trials)} of {len(needed)} series")  # fmt: skip
    ahead = np.array([begun[-1] <= cold[-1] for cold, begun in reached.values()])
    draws = np.random.default_rng(0).choice(ahead, (10_000, len(ahead))).mean(axis=1)
    low, high = np.quantile(draws, (0.025, 0.975))
    print(f"{warm} from history are as good as {trials} from nothing on {ahead.sum()} of {len(ahead)} series "
          f"({100 * ahead.mean():.0f} %, 95 % between {100 * low:.0f} and {100 * high:.0f})")  # fmt: skip


def tried(folder: Path, *words: str) -> None:
    """Search, or end with what it said."""
    folder.mkdir(exist_ok=True, parents=True)
    search = started(folder, *BRIEF, *words)
    said = search.communicate()[0]
    if search.returncode:
        raise SystemExit(said)


def best_so_far(folder: Path, name: str) -> tuple[float, np.ndarray]:
    """Return the error of a search's own settings, and (N,) the least error after each trial."""
    (path,) = folder.glob(f"runs/{name}/search/*/search.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    errors = [np.inf if trial["note"] else trial["error"] for trial in document["trials"]]
    return document["search"]["default"]["error"], np.minimum.accumulate(errors)


def needed_for(cold: np.ndarray, begun: np.ndarray) -> int:
    """Return how many trials from nothing come to what those from history have; one more than there are where none."""
    there = np.flatnonzero(cold <= begun[-1])
    return int(there[0]) + 1 if len(there) else len(cold) + 1


def told_one(name: str, own: float, cold: np.ndarray, begun: np.ndarray) -> None:
    """Print a series: errors in hundredths of what the request's own settings have."""
    parts = [f"{100 * cold[min(count, len(cold)) - 1] / own:7.2f}" for count in (5, 10, 20, 40)]
    parts += [f"{100 * begun[min(count, len(begun)) - 1] / own:7.2f}" for count in (1, 5, 10)]
    print(f"{name:<14}{''.join(parts)}{needed_for(cold, begun):>5}", flush=True)


def postgres() -> None:
    """Two workers on a server that is started here, one of them killed: whether all trials are there, each once."""
    binaries = next(Path("/usr/lib/postgresql").glob("*/bin"))
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    as_postgres = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")

    def run(*words: str) -> None:
        subprocess.run([*as_postgres, *words], check=True, stdout=subprocess.DEVNULL, cwd="/")

    control = (str(binaries / "pg_ctl"), "-D", str(folder / "db"))
    run(str(binaries / "initdb"), "-D", str(folder / "db"), "-A", "trust", "--no-sync")
    run(*control, "-w", "-o", f'-k {folder} -h ""', "-l", str(folder / "log"), "start")
    try:
        words = ("series=ar1", "series.bars=900", *SMALL, "search.trials=20", "search.space.model.hidden_size=null",
                 "search.space.trainer.learning_rate=null",
                 f"search.storage='postgresql+psycopg://postgres@/postgres?host={folder}'")  # fmt: skip
        (folder / "work").mkdir()
        workers = [started(folder / "work", *words) for _ in range(2)]
        time.sleep(20.0)
        os.killpg(workers[0].pid, signal.SIGKILL)
        said = workers[1].communicate()[0]
        workers[0].communicate()
        document = found(folder / "work")
        tried = [tuple(value for key, value in trial.items() if "." in key) for trial in document["trials"]]
        print(f"PostgreSQL, one of two commands killed: exit {workers[1].returncode}, {len(tried)} of 20 trials,")
        print(f"{len(tried) - len(set(tried))} doubled. {said.splitlines()[-2]}")
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    part, *settings = sys.argv[1:] or ["kills"]
    given = {key: int(value) if value.isdigit() else value for key, value in (word.split("=") for word in settings)}
    {"kills": kills, "noise": noise, "gain": gain, "postgres": postgres, "history": history}[part](**given)
