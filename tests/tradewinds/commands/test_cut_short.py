"""Commands that are cut short, by Ctrl-C or by a full disk, at any moment: what is left is whole, or nothing is."""

import errno
import json
import os
import re
import resource
import signal
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

import tradewinds.walk_forward.joined as walk
from forecaster.training.checkpoint import FILE, read_state
from tradewinds.core.console import Console
from tradewinds.core.disk import full_disk
from tradewinds.pipeline.artifact import MANIFEST, read
from tradewinds.walk_forward.folds import compute
from trading_agent.common.checkpoint import FILE as CHECKPOINT
from trading_agent.common.checkpoint import read_checkpoint

from championship import WORDS
from story import write_bars

SMALL = (*WORDS, "trainer.epochs=1", "agent.steps=800", "agent.learning_starts=200", "agent.validate_every=400")
TABLE = ("benchmark.path=power.csv", "benchmark.horizons=[6]", "benchmark.seeds=1", "benchmark.steps=2")
TABLE += ("benchmark.batch_size=16", "benchmark.precision=float32", "benchmark.context_length=24")
TABLE += ("benchmark.segment_length=6", "benchmark.hidden_size=4", "benchmark.processes=1")
LEAKS = ("leakcheck.cuts=10", "leakcheck.epochs=1", "leakcheck.agent_steps=200", "leakcheck.placebos=0")
FOLDS = ("walk_forward.folds=2", "walk_forward.seeds=1")
COMMANDS = {
    "run": SMALL,
    "train-forecaster": SMALL,
    "train-agent": SMALL,
    "encode": SMALL,
    "backtest": SMALL,
    "retrain": SMALL,
    "leakcheck": (*SMALL, *LEAKS),
    "walk-forward": (*SMALL, *FOLDS),
    "benchmark-forecaster": TABLE,
}
BEFORE = {"train-agent": ("train-forecaster",), "encode": ("train-forecaster",)}
BEFORE["backtest"] = ("train-forecaster", "train-agent")
MOMENTS = {  # of some forty in a run: in the forecaster's training, at its files, in the agent's, at reports and logs
    "run": (1, 4, 9, 14, 22, 35),
    "train-forecaster": (2, 5),
    "train-agent": (5, 10),
    "encode": (3,),
    "backtest": (6,),
    "retrain": (11, 42),
    "leakcheck": (30,),
    "walk-forward": (10,),
    "benchmark-forecaster": (3,),
}
ROOM = {"run": (0, 1_000, 30_000, 100_000), "retrain": (8_000, 200_000), "train-agent": (8_000,)}  # bytes of a file


class Moments:
    """Moments of a command: news of its trainings, and files about to be complete; at one of them Ctrl-C is pressed."""

    def __init__(self, monkeypatch):
        self.count, self.pressed_at = 0, None
        lines, fsync = Console._lines, os.fsync

        def with_news(console, title):
            report = lines(console, title)

            def told(*news):
                self.pass_by()
                report(*news)

            return told

        def with_flush(descriptor):
            fsync(descriptor)
            self.pass_by()

        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born without it
        monkeypatch.setattr(Console, "_lines", with_news)
        monkeypatch.setattr(os, "fsync", with_flush)

    def pass_by(self):
        if self.count == self.pressed_at:
            signal.raise_signal(signal.SIGINT)
        self.count += 1


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a market and a table, and no process but this one."""
    write_bars(tmp_path / "bars.csv", 300)
    rng = np.random.default_rng(2)
    hours = pd.date_range("2021-04-05", periods=800, freq="h", tz="UTC", name="time")
    pd.DataFrame({"close": 40.0 + rng.normal(0.0, 2.0, 800)}, index=hours).to_csv(tmp_path / "power.csv")

    def in_this_process(prepared, folds, progress):
        for fold in folds:
            compute(prepared.config, prepared.parts, fold)
        return len(folds)

    monkeypatch.setattr(walk, "run_all", in_this_process)
    return tmp_path


def require_whole(folder):
    """Fail where something half-written lies."""
    assert not [path for path in folder.rglob("*") if "partial" in path.name]
    for manifest in folder.rglob(MANIFEST):
        read(manifest.parent, json.loads(manifest.read_bytes())["kind"])
    for checkpoint in folder.rglob(CHECKPOINT):
        read_checkpoint(checkpoint.parent)
    for state in folder.rglob(FILE):
        read_state(state)
    for file in folder.rglob("*.json"):
        json.loads(file.read_bytes())
    for log in folder.rglob("*.jsonl"):
        assert [json.loads(line) for line in log.read_text().splitlines()]
    assert not [run for run in folder.glob("runs/*/2*T*") if not any(run.iterdir())]
    for page in folder.rglob("report.html"):
        assert (page.parent / "report.json").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_at_any_moment_leaves_nothing_half_written(command, place, tradewinds, monkeypatch):
    for earlier in BEFORE.get(command, ()):
        assert tradewinds(earlier, *SMALL).status == 0
    moments = Moments(monkeypatch)
    for moments.pressed_at in MOMENTS[command]:
        moments.count = 0
        answer = tradewinds(command, *COMMANDS[command])
        assert answer.status == 1, (moments.pressed_at, answer.out)
        assert answer.err.endswith("tradewinds: interrupted; nothing half-written was left\n")
        require_whole(place)


@contextmanager
def files_of_at_most(size):
    """Let no file grow beyond so many bytes, as a full disk and `ulimit -f` do."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("command", ROOM)
def test_a_full_disk_is_said_in_a_sentence_and_leaves_no_run_without_its_report(command, place, tradewinds):
    for earlier in BEFORE.get(command, ()):
        assert tradewinds(earlier, *SMALL).status == 0
    for size in ROOM[command]:
        with files_of_at_most(size):
            answer = tradewinds(command, *COMMANDS[command])
        assert answer.status == 1, (size, answer.out)
        (line,) = [line for line in answer.err.splitlines() if line.startswith("tradewinds: ")]
        assert "there is no room " in line
        assert "Traceback" not in answer.err
        require_whole(place)
        if command in ("run", "retrain"):
            assert not [run for run in place.glob("runs/*/2*T*") if not (run / "report.json").is_file()]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "no"), "No space left on device"),
        (OSError(errno.EDQUOT, "no"), "Disk quota exceeded"),
        (RuntimeError("I/O error: File too large (os error 27)"), "File too large"),
        (OSError(errno.EACCES, "no"), ""),
        (ValueError("a disk"), ""),
    ],
)
def test_a_full_disk_is_known_whoever_reports_it(error, words):
    assert full_disk(error) == words
    wrapped = RuntimeError("while writing")
    wrapped.__cause__ = error
    assert full_disk(wrapped) == words


def test_a_run_is_refused_where_the_disk_has_no_room_left(place, tradewinds, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3 * 2**20})())
    answer = tradewinds("run", *SMALL)
    assert answer.status == 2
    assert "run.dir must lie on a disk with 8 MB to spare, and that of" in answer.err


def test_a_champion_answers_where_no_byte_can_be_written(place, tradewinds, monkeypatch):
    assert tradewinds("retrain", *SMALL).status == 0
    asked = ("signal", "predict")
    before = [tradewinds(command, *WORDS).out for command in asked]
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 0})())
    with files_of_at_most(0):
        answers = [tradewinds(command, *WORDS) for command in (*asked, "status")]
    assert [answer.status for answer in answers] == [0, 0, 0], [answer.err for answer in answers]
    assert [without_ages(answer.out) for answer in answers[:2]] == [without_ages(out) for out in before]
    assert tradewinds("paper", *SMALL).status == 2


def without_ages(text):
    """What a command said, but for what passes."""
    return re.sub(r'"\w+_age_days": [^,}]+', "", text)
