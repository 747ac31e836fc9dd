"""Every task through every command: it works, or is refused by one sentence before any data are read.

The table this prints is the one in docs/tasks.md; REWRITE=1 writes it there.
"""

import asyncio
import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

import tradewinds.commands.fetch
import tradewinds.operate.schedule as schedule
import tradewinds.pipeline.prepare
import tradewinds.serving.server as server
import tradewinds.walk_forward.joined as walk
from tradewinds.__main__ import STAGES, TASKLESS, main
from tradewinds.core.resources import resource_dir
from tradewinds.data.store.update import FetchResult
from tradewinds.leakcheck.own_check import BLIND
from tradewinds.pipeline.task import Game, OwnJob, OwnModel, Prepared
from tradewinds.report.document import UNREPEATED
from tradewinds.report.tables import read_table
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import MEANINGLESS, job_of
from tradewinds.walk_forward.folds import compute

from browsing import CHROMIUM, LOOK, opened
from cases import moods
from planting import fft_filter
from story import Answer, write_bars

PAGE = Path(__file__).parents[3] / "docs" / "tasks.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
TASKS = ("account", "storage", "forecast_only", "gymnasium", "classification")
SERIES = TASKS[:3]
REGISTERED = ("account", "storage", "gymnasium", "classification")  # by retrain
SMALL = (
    "model.context_length=5",
    "model.hidden_size=3",
    "trainer.epochs=2",
    "features.volatility_bars=[3]",
    "backtest.bootstrap_draws=100",
    "leakcheck.cuts=10",
    "leakcheck.epochs=1",
    "leakcheck.agent_steps=200",
    "leakcheck.placebos=3",
    "walk_forward.folds=2",
    "walk_forward.seeds=1",
    "schedule.once=true",
    "schedule.attempts=1",
    "signal.max_age=null",
    "search.trials=1",
    "search.space.model.hidden_size=[2,3]",
)
HOURLY = ("series=csv", "series.path=power.csv", "split.embargo_bars=24", *SMALL)
WORDS = {
    "account": (
        "env=trading",
        "series=csv",
        "series.path=bars.csv",
        "agent.steps=300",
        "agent.learning_starts=80",
        "agent.validate_every=150",
        "agent.num_envs=8",
        "backtest.random_draws=3",
        "model.horizon=2",
        "rollout.standard_errors=0.0",
        *SMALL,
    ),
    "storage": (
        "env=battery",
        "agent=planner",
        "env.actions=power",
        "agent.steps=200",
        "agent.validate_every=100",
        "agent.num_envs=4",
        "rollout.observe=[hidden_state,forecasts]",
        "rollout.standard_errors=0.0",
        "model.horizon=25",
        *HOURLY,
    ),
    "forecast_only": ("env=trading", "series.target=difference", "model.horizon=2", *HOURLY),
    "gymnasium": (
        "env=gymnasium",
        "agent=ppo",
        "agent.steps=1200",
        "agent.num_envs=4",
        "agent.rollout_steps=16",
        "agent.batch_size=64",
        "agent.validate_every=600",
        "env.validation_episodes=4",
        "env.episodes=20",
        "backtest.bootstrap_draws=100",
        "search.trials=1",
    ),
    "classification": (
        "env=classification",
        "env.path=moods.csv",
        "model.hidden_size=3",
        "trainer.epochs=2",
        "leakcheck.epochs=1",
        "leakcheck.placebos=3",
        "backtest.bootstrap_draws=100",
        "search.trials=1",
        "run.name=moods",
        "schedule.once=true",
        "schedule.attempts=1",
    ),
}
BENCHMARK = (
    "benchmark.path=power.csv",
    "benchmark.horizons=[6]",
    "benchmark.seeds=1",
    "benchmark.steps=2",
    "benchmark.batch_size=16",
    "benchmark.precision=float32",
    "benchmark.context_length=24",
    "benchmark.segment_length=6",
    "benchmark.hidden_size=4",
    "benchmark.processes=1",
)
DAY_AHEAD = (
    "day_ahead.path=power.csv",
    "day_ahead.test_days=10",
    "model=day_lstm",
    "trainer.members=2",
    "recalibration.steps=1",
    "recalibration.windows_days=[28]",
    "recalibration.scales_days=[28]",
    "recalibration.perceptrons=0",
)
GATED = "retrain another"  # a challenger of another seed, which a duel may reject
TWICE = "retrain again"
COMMANDS = [name for name in STAGES if name not in ("models", "runs", "benchmark-forecaster", "benchmark-day-ahead")]


def typed(*words):
    """Type a command into this very process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(words)
    return Answer(status, out.getvalue(), err.getvalue())


def write_power(path, days=64):
    """Write hourly prices that are low at night and wander from day to day."""
    rng = np.random.default_rng(2)
    hours = pd.date_range("2021-04-05T05:00", periods=24 * days, freq="h", tz="UTC", name="time")
    level = 40.0 + np.repeat(rng.normal(0.0, 4.0, days), 24)
    price = level + 15.0 * np.sin(np.arange(24 * days) * np.pi / 12.0) + rng.normal(0.0, 2.0, 24 * days)
    pd.DataFrame({"close": np.maximum(price, 1.0)}, index=hours).to_csv(path)


def write_moods(path):
    """Write texts of two moods."""
    cases = moods(24)
    pd.DataFrame({"text": cases.values, "label": cases.labels}).to_csv(path, index=False)


def in_this_process(prepared, folds, progress):
    """Compute every fold here: a process of its own takes seconds to begin."""
    for fold in folds:
        compute(prepared.config, prepared.parts, fold)
    return len(folds)


def brought(found, config, console):
    """Answer `fetch` as if a host had."""
    return [FetchResult("yahoo/1d", "AAPL", "ok", rows=3, added=1, first="2024-01-02", last="2024-01-04")]


def asked_once(app, listener, config):
    """Ask the service for a signal, instead of waiting for somebody who does."""

    async def asking():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/signal")

    answer = asyncio.run(asking())
    assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module", autouse=True)
def short_ways():
    """Let nothing but this process work, and no host be asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tradewinds.commands.fetch, "fetch_all", brought)
        patch.setattr(server, "serve", asked_once)
        patch.setattr(walk, "run_all", in_this_process)
        patch.setattr(schedule, "_attempt", lambda plain, folder: schedule.retrain_once(plain, folder))
        patch.setattr(schedule.signal, "signal", lambda number, handler: None)  # a step is no main thread
        yield


class House:
    """One task in a folder of its own, its commands played in order, each once."""

    def __init__(self, task, folder):
        self.task, self.folder, self.answers = task, folder, {}
        write_bars(folder / "bars.csv", 300)
        write_power(folder / "power.csv")
        write_moods(folder / "moods.csv")
        order = sorted(COMMANDS, key=lambda name: name == "walk-forward")  # last, so that `report` draws a run again
        self.script = {name: (name,) for name in order if name not in self.refused}
        if "fetch" in self.script:
            self.script["fetch"] = ("fetch", "data.symbols=[AAPL]")
        if "schedule" in self.script:
            self.script["schedule"] = ("schedule", "schedule.exchange=null", "schedule.cron='0 22 * * *'")
        if "serve" in self.script:
            self.script["serve"] = ("serve", "serve.port=0")
        if self.task == "classification":
            self.script["predict"] = ("predict", "env.new_path=moods.csv")
        if self.task == "storage":
            self.script["leakcheck"] = ("leakcheck", "series.target=difference")  # a unit acts on these as well
        self.script |= {"data": ("data", "list"), "init": ("init", "mine")}
        if "retrain" in self.script:
            self.script |= {TWICE: ("retrain",), GATED: ("retrain", "seed=8")}
        self.script["models"] = ("models", "list")
        self.script["runs"] = ("runs", "prune", "prune.days=1")
        if "retrain" in self.script:
            self.script |= {"models promote": ("models", "promote", "2"), "models rollback": ("models", "rollback")}
        self.script["benchmark-forecaster"] = ("benchmark-forecaster", *BENCHMARK)
        self.script["benchmark-day-ahead"] = ("benchmark-day-ahead", *DAY_AHEAD)

    @property
    def refused(self):
        """Commands without meaning for the task."""
        return MEANINGLESS[self.task]

    def answer(self, step):
        """Return what a step answered, after all steps before it."""
        assert step in self.script, f"{step} is no step of {self.task}"
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, words in self.script.items():
                if name not in self.answers:
                    self.answers[name] = typed(*words, *WORDS[self.task])
                if name == step:
                    return self.answers[name]
        raise KeyError(step)

    def reports(self, command):
        """Return the folders of finished runs that a command left, oldest first."""
        self.answer(command)
        paths = sorted(self.folder.glob("runs/*/2*/report.json"), key=lambda path: path.parent.name)
        return [path.parent for path in paths if report_of(path.parent)["run"]["command"] == command]


def report_of(run):
    return json.loads((run / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """One house a task, built when it is first entered."""
    built = {}

    def enter(task):
        if task not in built:
            built[task] = House(task, tmp_path_factory.mktemp(task))
        return built[task]

    return enter


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Forbid data to be read, and return the empty folder one works in."""

    def fail(*arguments, **options):
        raise AssertionError("data were read")

    for name in ("read_parts", "join_parts"):
        monkeypatch.setattr(tradewinds.pipeline.prepare, name, fail)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal_of(task, command):
    """Return the sentence that refuses a command, without its cure."""
    answer = typed(command, *WORDS[task])
    assert answer.status == 2, answer.err
    assert answer.out == ""
    (line,) = answer.err.splitlines()
    return line.removeprefix("tradewinds: ").split(";")[0]


REFUSED = [(task, command) for task, commands in MEANINGLESS.items() for command in STAGES if command in commands]
WORKS = [(task, command) for task in TASKS for command in STAGES if (task, command) not in REFUSED]


@pytest.mark.parametrize(("task", "command"), WORKS, ids=lambda word: word)
def test_a_command_that_has_meaning_for_a_task_works(task, command, houses):
    answer = houses(task).answer(command)
    assert answer.status == 0, answer.err


@pytest.mark.parametrize(("task", "command"), REFUSED, ids=lambda word: word)
def test_a_command_without_meaning_is_refused_before_any_data_by_the_key_that_decides(task, command, empty):
    keys = {"gymnasium": "env=gymnasium", "classification": "env=classification"}
    key = {"classify": "classify tells", "enjoy": "env="}.get(command) or keys.get(task, "series.target=difference")
    assert refusal_of(task, command).startswith(key)
    assert list(empty.iterdir()) == []


def test_every_command_has_a_place_in_the_table():
    assert set(TASKLESS) < set(STAGES)
    assert {command for _, command in REFUSED} | {command for _, command in WORKS} == set(STAGES)
    assert set(MEANINGLESS) == set(TASKS)


def test_the_table_of_tasks_by_commands_is_the_one_in_the_docs(houses, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["| command | " + " | ".join(TASKS) + " |", "|---" * (len(TASKS) + 1) + "|"]
    for command in STAGES:
        cells = []
        for task in TASKS:
            if (task, command) in REFUSED:
                cells.append(refusal_of(task, command))
            else:
                answer = houses(task).answer(command)
                cells.append("works" if answer.status in (0, 3) else answer.err.strip())
        rows.append(f"| `{command}` | " + " | ".join(cells) + " |")
    table = "\n".join(rows) + "\n"
    print(f"\n{table}")
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    written, after = rest.split(END)
    if os.environ.get("REWRITE"):
        PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")
        return
    assert written == table, "docs/tasks.md differs; REWRITE=1 writes it anew"


# --- the port


@pytest.mark.parametrize("task", TASKS)
def test_a_task_without_a_series_makes_a_job_of_its_own_and_tells_what_it_is_of(task, houses, monkeypatch):
    monkeypatch.chdir(houses(task).folder)
    (plain,) = compose_requests(WORDS[task], [resource_dir("conf")], multirun=False)
    job = job_of(request_from(plain))
    own = isinstance(job.task, OwnJob)
    assert own == (task not in SERIES) == (not isinstance(job, Prepared))
    assert isinstance(job.task, OwnModel) == (task == "classification")
    assert isinstance(job.task, Game) == ("enjoy" not in MEANINGLESS[task])
    if own:
        assert "\n" not in job.task.told(job)


# --- forecasts to take home


@pytest.mark.parametrize("task", SERIES)
def test_predict_tells_what_comes_after_the_last_bar_as_the_run_told_it(task, houses):
    house = houses(task)
    table = pd.read_csv(io.StringIO(house.answer("predict").out), parse_dates=["issued", "target"])
    bands = [f"interval.{level:g}" for level in (0.05, 0.25, 0.5, 0.75, 0.95)]
    assert list(table) == ["instrument", "issued", "target", "ahead", "value", *bands]
    assert (np.diff(table[bands], axis=1) > 0.0).all()
    assert list(table["ahead"]) == list(range(1, len(table) + 1))
    if task == "storage":
        assert len(table) == 24
        assert set(table["target"].dt.tz_convert("America/Chicago").dt.date.astype(str)) == {"2021-06-08"}
        assert (table["issued"] == pd.Timestamp("2021-06-07T15:00", tz="UTC")).all()  # ten o'clock there
        return
    closed = {"account": "2021-02-24T00:00", "forecast_only": "2021-06-08T05:00"}[task]
    assert (table["issued"] == pd.Timestamp(closed, tz="UTC")).all()
    run = house.reports("retrain" if task == "account" else "run")[0]  # the champion's, the newest forecaster's
    told = read_table(run / ("backtest" if task == "account" else "forecast"), "values_ahead").iloc[-len(table) :]
    pd.testing.assert_frame_equal(told.reset_index(drop=True)[list(table)], table, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("task", SERIES)
def test_a_run_ends_with_what_comes_next(task, houses):
    last = houses(task).answer("run").out.splitlines()[-1]
    assert re.match(r"what comes next, \d+ bars from 202\d-", last), last


# --- retraining


@pytest.mark.parametrize("task", REGISTERED)
def test_a_second_retraining_has_nothing_new_and_another_request_duels(task, houses):
    house = houses(task)
    assert "is the champion: the first model" in house.answer("retrain").out
    assert "no new data since" in house.answer(TWICE).out
    duel = house.answer(GATED)
    assert duel.status in (0, 3), duel.err
    assert re.search("champion 1", duel.out + duel.err)
    assert ("version 2 of" in duel.out) == (duel.status == 0)
    decisions = [json.loads(path.read_text()) for path in sorted(house.folder.glob("runs/*/2*/decision.json"))]
    assert [decision["promote"] for decision in decisions] == [True, duel.status == 0]


@pytest.mark.parametrize("task", REGISTERED)
def test_models_are_listed_promoted_and_rolled_back(task, houses):
    house = houses(task)
    listed = house.answer("models").out.splitlines()
    assert len(listed) == 2
    assert sum("champion  data" in line for line in listed) == 1
    assert house.answer("models promote").status == 0, house.answers["models promote"].err
    assert house.answer("models rollback").status == 0, house.answers["models rollback"].err
    assert "version 1 of" in house.answers["models rollback"].out


# --- leaks


@pytest.mark.parametrize("task", SERIES)
def test_a_leak_in_a_feature_is_the_first_warning_and_leakcheck_says_no(task, houses, tmp_path, monkeypatch):
    house = House(task, tmp_path)
    few = f"no leak where it was probed; not probed: worlds in which nothing can be known: {BLIND}"
    before = report_of(houses(task).reports("run")[0])["honesty"]["leakcheck"]
    assert before == (few if task == "storage" else "clean")  # a dozen days
    fft_filter(monkeypatch)
    (run,) = house.reports("run")
    warning = report_of(run)["warnings"][0]
    assert warning.startswith("leak at ")
    assert warning.endswith("none of these numbers can be believed")
    assert f"warning: {warning}" in house.answers["run"].out
    monkeypatch.chdir(tmp_path)
    answer = typed("leakcheck", *WORDS[task])
    assert answer.status == 3, answer.out
    assert "leak at " in answer.err


# --- the same bytes


@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_in_another_folder_gives_the_same_bytes(task, houses, tmp_path):
    texts = []
    for house in (houses(task), House(task, tmp_path)):
        text = (house.reports("run")[0] / "report.json").read_text(encoding="utf-8")
        for key in (name.removeprefix("run.") for name in UNREPEATED):
            text, count = re.subn(rf'("{key}": )(".*"|[^,\n]*)', r"\1null", text, count=1)
            assert count == 1
        texts.append(text)
    assert texts[0] == texts[1]


# --- pages


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt-get install chromium")
@pytest.mark.parametrize(
    ("task", "command"),
    [*((task, "run") for task in TASKS), ("account", "walk-forward"), ("storage", "walk-forward")],
    ids=lambda word: word,
)
def test_a_page_opens_without_a_fault_and_asks_no_host(task, command, houses, tmp_path):
    run = houses(task).reports(command)[0]
    seen = opened(run / "report.html", tmp_path, LOOK)
    assert (seen["faults"], seen["asked"]) == ([], [])
    assert seen["canvases"] > 0
    assert seen["beyond"] <= 0
    if command == "run":
        index = opened(run.parents[1] / "index.html", tmp_path / "index", LOOK)
        assert (index["faults"], index["asked"]) == ([], [])
        assert index["rows"] > 0


# --- five faults that were


FAULTS = {
    "experiment=houston agent=direct": "agent.kind=direct needs an environment whose law has a derivative",
    "agent=direct env.lot=1": "agent.kind=direct has no gradient through env.lot",
    "agent=direct agent.window_bars=100000": "agent.window_bars must be less than the 1000 bars of the market",
}


def test_what_an_agent_cannot_learn_is_refused_without_torch(tmp_path):
    """A process of its own says so, and has not loaded what takes seconds."""
    heavy = ("torch", "pytorch_lightning", "scipy", "bokeh", "statsmodels", "arch")
    script = (
        "import sys; from tradewinds.__main__ import main; "
        "statuses = {main(['run', *words.split()]) for words in sys.argv[1:]}; "
        f"print(*sorted(set({heavy}) & set(sys.modules))); sys.exit(max(statuses) if len(statuses) == 1 else 1)"
    )
    environment = {**os.environ, "PYTHONPATH": str(PAGE.parents[1])}
    command = [sys.executable, "-c", script, *FAULTS]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    for line, fault in zip(done.stderr.splitlines(), FAULTS.values(), strict=True):
        assert fault in line
    assert done.stdout.strip() == ""
    assert list(tmp_path.iterdir()) == []


def test_a_unit_that_stores_differences_acts_and_its_leak_check_says_so(houses):
    answer = houses("storage").answer("leakcheck")
    assert answer.status == 0, answer.err
    assert "nobody acts" not in answer.out + answer.err
    assert not re.search(r"account +not asked", answer.out)
