"""A paper account: every bar once, to the last bit what a backtest comes to, and what was decided stays."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

import tradewinds.commands.paper as command
import tradewinds.pipeline.steps as steps_of_the_path
from tradewinds.__main__ import main
from tradewinds.operate.registry import Registry, Version
from tradewinds.report.tables import read_table
from trading_env import CostConfig, Market, RewardConfig, TradingConfig, run_ledger

from championship import WORDS

JOURNAL = Path("runs/bars/paper/journal.jsonl")
KILLS = 10


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
    """Let all champions trade; a second one always does something else."""
    monkeypatch.setattr(steps_of_the_path, "load_policy", lambda folder, plans: Lively("second" in str(folder)))


def followed(tradewinds, *words):
    """Type `paper` and return the journal's steps."""
    answer = tradewinds("paper", *WORDS, *words)
    assert answer.status == 0, answer.err
    return lines_of("step")


def lines_of(kind):
    lines = [json.loads(line) for line in JOURNAL.read_text(encoding="utf-8").splitlines()]
    return [line[kind] for line in lines if kind in line]


def worths_of(steps):
    return [step["worth"] for step in steps]


def targets_of(steps):
    return [step["decision"]["target_exposure"]["bars"] for step in steps]


def replayed(steps):
    """Return the worth of what was decided on the bars that were read, by one run of the ledger."""
    (opened,) = lines_of("opened")
    rules = {name: value for name, value in opened["env"].items() if name != "kind"}
    rules |= {"costs": CostConfig(**rules["costs"]), "reward": RewardConfig(**rules["reward"])}
    bars = [step["bars"][-1] for step in steps]
    open_, close = (np.array([bar[name] for bar in bars]) for name in ("open", "close"))
    market = Market(open_, close, np.zeros((len(bars), 1)), opened["bars_per_year"])
    targets = np.array(targets_of(steps))[:, None]
    return run_ledger(market, targets, TradingConfig(**rules)).equity[:, 0].tolist()


def test_its_path_is_that_of_a_backtest_over_the_same_bars_to_the_last_bit(grown, tradewinds, lively):
    for count in (600, 601, 601, 610, 640):
        grown(count)
        took = followed(tradewinds)
    assert [step["at"][:10] for step in took] == [line.split(",")[0] for line in grown.lines[600:641]]
    (opened,) = lines_of("opened")  # a year of the file has had another count of bars then
    words = ("model=champion", "run.name=bars", f"backtest.since={took[0]['at'][:10]}")
    answer = tradewinds("backtest", *words, f"series.bars_per_year={opened['bars_per_year']}", *WORDS)
    assert answer.status == 0, answer.err
    newest = max(Path("runs/bars").glob("2*/backtest"), key=lambda path: path.stat().st_mtime_ns)
    equity, positions = read_table(newest, "equity")["agent"], read_table(newest, "positions")
    assert worths_of(took) == equity.to_list()
    assert targets_of(took) == positions["target"].to_list()
    assert len(set(equity)) > 20  # it trades
    assert [step["late"] is not None for step in took] == [*[False] * 2, *[True] * 8, False, *[True] * 29, False]
    page = JOURNAL.with_name("index.html").read_text(encoding="utf-8")
    assert "41 decisions since, the last at 2022-06-14T00:00 by version 1" in page
    assert "37 of 41 decisions came too late to have been traded on" in page


def test_a_new_champion_decides_from_the_next_bar_on_and_takes_over_what_is_held(
    grown, tradewinds, lively, monkeypatch
):
    for count in (600, 601):
        grown(count)
        followed(tradewinds)
    registry = Registry(Path("runs"))
    first = registry.champion("bars")
    second = Path(first.run).with_name("second")
    shutil.copytree(Path("runs") / first.run, Path("runs") / second)
    facts = {name: getattr(first, name) for name in ("name", "agent_sha256", "config_hash", "data_sha256", "data_last")}
    version = Version(**facts, run=str(second), created_at=first.created_at)
    registry.register(version, promote=True, expected=1, reason="another")
    for count in (604, 606):  # bars 602 and 603 closed before it was promoted, as all these did
        grown(count)
        took = followed(tradewinds)
    assert [step["version"] for step in took] == [1, 1, 1, 1, 2, 2, 2]
    assert worths_of(took) == replayed(took)
    monkeypatch.setattr(steps_of_the_path, "load_policy", lambda folder, plans: Lively())
    shutil.move(JOURNAL, "changed.jsonl")
    for count in (600, 606):
        grown(count)
        alone = followed(tradewinds)
    assert targets_of(alone)[:4] == targets_of(took)[:4]
    assert worths_of(alone)[:5] == worths_of(took)[:5]  # the first fill of the second is that of its next bar
    assert targets_of(alone)[4] != targets_of(took)[4]


def test_what_is_revised_or_comes_late_changes_no_decision_and_is_told_once(grown, tradewinds, lively):
    late = grown.lines.pop(604)
    for count in (600, 606):
        grown(count)
        took = followed(tradewinds)
    grown.lines.insert(604, late)
    day = grown.change(602, 1.01)
    gone = grown.lines.pop(602)
    grown(606)
    answer = tradewinds("paper", *WORDS)
    assert answer.status == 0, answer.err
    said = " ".join(answer.err.split())
    assert f"the bar of {gone[:10]}T00:00 is gone, and 5 more; what was decided stays" in said
    assert "nothing new" in answer.out
    kept = lines_of("step")
    assert kept == took
    revised = [one for line in lines_of("revisions") for one in line]
    assert {(one["at"][:10], one["column"]) for one in revised} == {
        (gone[:10], "is gone"),
        (late[:10], "came late"),
        *((day, name) for name in ("open", "high", "low", "close")),
    }
    (close,) = [one for one in revised if one["column"] == "close"]
    assert close["now"] == pytest.approx(1.01 * close["was"])
    grown(608)
    again = tradewinds("paper", *WORDS)
    assert "revised" not in again.err
    assert len(lines_of("revisions")) == 1
    assert worths_of(lines_of("step")) == replayed(lines_of("step"))
    page = JOURNAL.with_name("index.html").read_text(encoding="utf-8")
    assert "Revised since it was decided on" in page
    assert "6 values of bars it had read were others later" in page


@pytest.mark.slow
def test_a_split_earns_and_costs_nothing(market, tradewinds, lively):
    header, *rows = market.lines
    table = [[row.split(",")[0], *map(float, row.split(",")[1:])] for row in rows]
    worths = []
    for ratio in (1.0, 2.0):
        events = np.ones(len(table))
        events[[200, 452]] = 3.0, ratio  # one before that the champion learned from, too
        units = np.cumprod(events)
        split = [
            [day, *(price / unit for price in prices), event]
            for (day, *prices), unit, event in zip(table, units, events, strict=True)
        ]
        market.lines = [f"{header.strip()},splits\n", *(",".join(map(str, row)) + "\n" for row in split)]
        market(450)
        if not worths:
            assert tradewinds("retrain", *WORDS).status == 0
        for count in (450, 456):
            market(count)
            took = followed(tradewinds)
        worths.append(worths_of(took))
        shutil.rmtree(JOURNAL.parent)
    np.testing.assert_allclose(*worths, rtol=1e-9)


def test_killed_at_any_moment_it_neither_repeats_nor_misses_a_bar(grown, tradewinds, lively):
    rng = np.random.default_rng(4)
    grown(600)
    followed(tradewinds)
    shutil.copytree(JOURNAL.parent, "opened")
    grown(603)
    length = lived(None)
    for kill in range(KILLS):
        grown(606 + 3 * kill)
        lived(float(rng.uniform(0.3, 1.0)) * length)
    grown(606 + 3 * KILLS)
    took = followed(tradewinds)
    assert [step["at"][:10] for step in took] == [line.split(",")[0] for line in grown.lines[600 : 607 + 3 * KILLS]]
    assert worths_of(took) == replayed(took)
    shutil.rmtree(JOURNAL.parent)
    shutil.copytree("opened", JOURNAL.parent)
    at_once = followed(tradewinds)
    assert worths_of(at_once) == worths_of(took)
    assert targets_of(at_once) == targets_of(took)


def lived(seconds):
    """Let a child of this process follow, kill it with -9 after some seconds, and return how long it lived."""
    began, child = time.perf_counter(), os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os._exit(main(["paper", *WORDS]))
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL)
    return time.perf_counter() - began


def test_half_a_line_counts_for_nothing_and_a_damaged_one_is_refused(grown, tradewinds, lively):
    followed(tradewinds)
    with JOURNAL.open("ab") as journal:
        journal.write(b'{"step": {"at": "2021-09-2')
    grown(451)
    took = followed(tradewinds)
    assert [step["at"][:10] for step in took] == [line.split(",")[0] for line in grown.lines[450:452]]
    JOURNAL.write_text(JOURNAL.read_text(encoding="utf-8").replace('"step"', '"stop"', 1), encoding="utf-8")
    answer = tradewinds("paper", *WORDS)
    assert answer.status == 3
    assert "journal.jsonl, line 2, was not written by a paper account (it is of the kind 'stop'); bring" in answer.err


def test_what_cannot_be_followed_is_refused_in_a_sentence(grown, tradewinds):
    followed(tradewinds)
    before = JOURNAL.read_bytes()
    shutil.copy("bars.csv", "other.csv")
    refusals = {
        ("env.costs.fee_bps=9",): (2, "under other rules: env.costs.fee_bps=1.0, now 9.0; give the same, or move the"),
        ("series.path=other.csv", "run.name=bars"): (2, "is the paper account of another series: it was opened with"),
        ("run.name=oil",): (2, "'oil' has no champion under runs; type `tradewinds retrain` first"),
        ("signal.max_age=2",): (3, "bars of its calendar have closed since"),
    }
    for words, (status, message) in refusals.items():
        answer = tradewinds("paper", *WORDS, *words)
        assert (answer.status, message in " ".join(answer.err.split())) == (status, True), answer.err
    with FileLock(JOURNAL.with_name(".lock")):
        answer = tradewinds("paper", *WORDS)
    assert answer.status == 3
    assert "another `tradewinds paper` of 'bars' is at work; this one did nothing" in answer.err
    assert JOURNAL.read_bytes() == before


def test_it_looks_again_until_it_is_stopped(grown, tradewinds, monkeypatch):
    looks = iter((451, 440, 452))

    def sleep(seconds):
        assert seconds == 30.0
        try:
            grown(next(looks))
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(command.time, "sleep", sleep)
    answer = tradewinds("paper", "paper.minutes=0.5", *WORDS)
    assert answer.status == 0, answer.err
    assert "nothing was decided: bars: the series ends" in answer.err
    assert "every step that was taken is written down" in answer.err
    assert len(lines_of("step")) == 3
