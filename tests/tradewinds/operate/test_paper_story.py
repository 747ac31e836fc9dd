"""A paper account: every bar once, to the last bit what a backtest comes to, and what was decided stays."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

import tradewinds.pipeline.steps as steps
from tradewinds.core.files import append_line
from tradewinds.operate.registry import Registry
from tradewinds.report.tables import read_table

from championship import WORDS

JOURNAL = Path("runs/bars/paper/journal.jsonl")


class Lively:
    """A policy that turns around at every digit of what it sees, of the market and of its account."""

    kind = "lively"

    def __init__(self, shift=0):
        self.shift = shift

    def act(self, observations):
        digits = np.floor(np.abs(1e4 * (observations[:, 0] + observations[:, -3] + observations[:, -1])))
        return (digits.astype(np.int64) + self.shift) % 3


@pytest.fixture
def lively(monkeypatch):
    """Let all champions trade."""
    monkeypatch.setattr(steps, "load_policy", lambda folder, plans: Lively())


def followed(tradewinds, *words):
    """Type `paper` and return the journal's steps."""
    answer = tradewinds("paper", *WORDS, *words)
    assert answer.status == 0, answer.err
    return steps_of()


def lines_of(kind):
    lines = [json.loads(line) for line in JOURNAL.read_text(encoding="utf-8").splitlines()]
    return [line[kind] for line in lines if kind in line]


def steps_of():
    return lines_of("step")


def backtest_from(tradewinds, first, *words):
    """Return the curve of a backtest of the champion from a day on."""
    answer = tradewinds("backtest", "model=champion", "run.name=bars", f"backtest.since={first}", *WORDS, *words)
    assert answer.status == 0, answer.err
    newest = max(Path("runs/bars").glob("2*/backtest"), key=lambda path: path.stat().st_mtime_ns)
    return read_table(newest, "equity")["agent"], read_table(newest, "positions")


def test_its_path_is_that_of_a_backtest_over_the_same_bars_to_the_last_bit(grown, tradewinds, lively):
    for count in (600, 601, 602, 602, 610, 640):
        grown(count)
        took = followed(tradewinds)
    assert [step["at"][:10] for step in took] == [line.split(",")[0] for line in grown.lines[600:641]]
    (opened,) = lines_of("opened")  # a year of the file has had another count of bars then
    equity, positions = backtest_from(tradewinds, took[0]["at"][:10], f"series.bars_per_year={opened['bars_per_year']}")
    assert [step["worth"] for step in took] == equity.to_list()
    assert [step["decision"]["target_exposure"]["bars"] for step in took] == positions["target"].to_list()
    assert len(set(equity)) > 20
    assert [step["late"] is not None for step in took] == [False] * 3 + [True] * 7 + [False] + [True] * 29 + [False]
