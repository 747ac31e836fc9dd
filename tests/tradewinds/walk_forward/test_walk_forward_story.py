"""Walk-forward through the command line: folds are fitted once, whatever is killed, and joined into one account."""

import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import time

import numpy as np
import pandas as pd
import pytest

import tradewinds.walk_forward.joined as stage
from tradewinds.__main__ import main
from tradewinds.core.resources import resource_dir
from tradewinds.leakcheck.stretch import aligned
from tradewinds.leakcheck.worlds import another_world
from tradewinds.report.render import shown
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from
from tradewinds.tasks import job_of
from tradewinds.walk_forward.folds import compute, decisions_of, finished, plan

from story import CommandLine, in_this_process, write_bars

WORDS = (
    "walk-forward",
    "series=csv",
    "series.path=mine.csv",
    "model.context_length=5",
    "model.horizon=2",
    "model.hidden_size=3",
    "trainer.epochs=1",
    "features.volatility_bars=[3]",
    "agent.steps=200",
    "agent.learning_starts=80",
    "agent.validate_every=100",
    "rollout.standard_errors=0.0",
    "backtest.random_draws=3",
    "backtest.bootstrap_draws=100",
    "walk_forward.folds=2",
    "walk_forward.seeds=2",
    "walk_forward.workers=2",
)
FOLDS = "runs/mine/walk_forward"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("walk")
    write_bars(where / "mine.csv", 300)
    return where


@pytest.fixture
def typed(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    return CommandLine(capsys)


def results(folder):
    """Per walk, oldest first: what was found, without when and how much of it was there; and the curves."""
    found = []
    for path in sorted(folder.glob("runs/mine/2*/walk_forward")):
        document = json.loads((path / "walk_forward.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
        found.append((document.pop("run"), document, pd.read_parquet(path / "equity.parquet")))
    return found


def one_after_another(prepared, tasks, progress):
    """Compute every fold in this process: what processes side by side must equal."""
    for task in tasks:
        compute(prepared.config, prepared.parts, task)
    return len(tasks)


@pytest.fixture
def walked(typed, folder, monkeypatch):
    """One walk that nobody disturbed, in one process."""
    if not (folder / "runs").exists():
        with monkeypatch.context() as patch:
            patch.setattr(stage, "run_all", one_after_another)
            answer = typed(*WORDS)
        assert answer.status == 0, answer.err
        assert "4 of 4 folds were computed" in answer.out
    return results(folder)[0]


def test_the_joint_account_is_what_its_folds_earned(walked):
    _, document, equity = walked
    assert len(equity) == 151  # half of 300 bars, and the one on whose close the first decision is taken
    for seed in ("7", "8"):
        whole = np.prod([1.0 + fold["agent"][seed]["total_return"] for fold in document["folds"]])
        assert equity[f"agent_seed_{seed}"].iloc[-1] == pytest.approx(whole, rel=1e-9)
        assert document["strategies"]["agent"][seed]["total_return"] == pytest.approx(whole - 1.0, rel=1e-9, abs=1e-12)
    tests = [fold["rows"]["test"]["rows"] for fold in document["folds"]]
    assert tests == [[150, 225], [225, 300]]
    assert document["agent_sharpe_by_seed"]["seeds"] == [7, 8]
    assert document["honesty"]["trials"] == 2


def test_a_finished_fold_is_never_computed_again(typed, walked, folder):
    before = {path: path.stat().st_mtime_ns for path in folder.glob(f"{FOLDS}/*/*")}
    answer = typed(*WORDS)
    assert "0 of 4 folds were computed, the others were there" in answer.out
    assert {path: path.stat().st_mtime_ns for path in folder.glob(f"{FOLDS}/*/*")} == before
    assert results(folder)[-1][1] == walked[1]


def test_killed_in_the_middle_and_damaged_it_goes_on_where_it_was_and_ends_the_same(
    walked, folder, tmp_path, monkeypatch, capsys
):
    shutil.copy(folder / "mine.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    command = multiprocessing.get_context("fork").Process(target=main, args=(WORDS,))
    command.start()
    deadline = time.monotonic() + 120.0
    while not list(tmp_path.glob(f"{FOLDS}/*/manifest.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(command.pid, signal.SIGKILL)
    command.join()
    time.sleep(1.5)  # its workers notice that it is gone, and end
    whole = sorted(tmp_path.glob(f"{FOLDS}/[0-9a-f]*/decisions.parquet"))
    count = len(whole)
    assert 1 <= count < 4
    kept = whole[0].read_bytes()
    whole[0].write_bytes(kept[:-1])
    monkeypatch.setattr("tradewinds.core.executor.results_of", in_this_process)
    answer = CommandLine(capsys)(*WORDS)
    assert answer.status == 0, answer.err
    assert f"{5 - count} of 4 folds were computed" in answer.out
    ((_, document, equity),) = results(tmp_path)
    assert document == walked[1]
    pd.testing.assert_frame_equal(equity, walked[2])
    assert whole[0].read_bytes() == kept
    assert not list(tmp_path.glob(f"{FOLDS}/.partial-*"))


def test_what_comes_later_reaches_no_earlier_fold(walked, folder, tmp_path):
    (plain,) = compose_requests(WORDS[1:], [resource_dir("conf")], multirun=False)
    prepared = aligned(job_of(request_from(plain), whole=True))
    task = plan(prepared)[0]
    assert finished(task)
    world = another_world(prepared.parts, task.fold.rows.stop - 1)
    elsewhere = dataclasses.replace(task, folder=tmp_path / "fold")
    compute(prepared.config, world, elsewhere)
    pd.testing.assert_frame_equal(decisions_of(task), decisions_of(elsewhere), check_exact=True)


def test_too_many_folds_are_a_wrong_request(typed):
    answer = typed(*WORDS, "walk_forward.folds=100")
    assert answer.status == 2
    assert "mine: 300 rows are too few for 100 folds: the test part of fold 1" in answer.err
    answer = typed(*WORDS, "walk_forward.mode=sideways")
    assert answer.status == 2
    assert "walk_forward.mode must be one of anchored, rolling, was 'sideways'" in answer.err


def test_a_walk_has_a_report_that_says_what_its_folds_said(walked, folder):
    _, document, _ = walked
    run = next(folder.glob("runs/mine/2*/report.json")).parent
    report = json.loads((run / "report.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    walk = report["walk_forward"]
    assert [fold["rows"] for fold in walk["folds"]] == [fold["rows"] for fold in document["folds"]]
    assert walk["agent_by_seed"] == document["strategies"]["agent"]
    median = str(document["median_seed"])
    assert report["backtest"]["strategies"]["agent"]["metrics"] == document["strategies"]["agent"][median]
    assert report["honesty"]["leakcheck"] == "clean"
    assert report["data"]["splits"]["test"]["rows"] == [150, 300]
    for fold in walk["folds"]:
        better = sum(
            one["total_return"] > fold["buy_and_hold"]["total_return"] + 0.001 for one in fold["agent"].values()
        )
        assert fold["verdict"].startswith(f"{better} of 2 seeds earned more than buy and hold")
    page = (run / "report.html").read_text(encoding="utf-8")
    for text in ("walked forward", "leak check: clean", "Fold by fold", walk["folds"][1]["verdict"]):
        assert text in page
    assert shown(report["backtest"]["strategies"]["agent"]["metrics"]["total_return"], "percent") in page
    index = (folder / "runs/index.html").read_text(encoding="utf-8")
    assert f'href="mine/{run.name}/report.html"' in index
    assert ">7..8<" in index


def test_a_walk_s_report_is_drawn_again_and_refused_when_it_was_changed(walked, typed, folder):
    run = next(folder.glob("runs/mine/2*/report.json")).parent
    before = (run / "report.html").read_bytes()
    answer = typed("report", f"inputs.run={run}")
    assert answer.status == 0, answer.err
    assert "report.png" not in answer.out
    assert len((run / "report.html").read_bytes()) == pytest.approx(len(before), rel=0.01)
    text = (run / "report.json").read_text(encoding="utf-8")
    (run / "report.json").write_text(text.replace('"schema": 1', '"schema":  1'), encoding="utf-8")
    refused = typed("report", f"inputs.run={run}")
    (run / "report.json").write_text(text, encoding="utf-8")
    assert refused.status == 3
    assert "it was changed: walk-forward again" in refused.err


def test_a_leak_in_one_fold_is_the_walk_s_first_warning(typed, folder, monkeypatch):
    original = stage.facts_of

    def facts(task):
        leak = {"leakcheck": "leak at features, bar 2020-05-05"} if task.number == 1 and task.seed == 8 else {}
        return original(task) | leak

    monkeypatch.setattr(stage, "facts_of", facts)
    answer = typed(*WORDS, "--json")
    assert answer.status == 3, answer.err
    newest = max(folder.glob("runs/mine/2*/report.json"), key=lambda path: path.parent.name)
    report = json.loads(newest.read_text(encoding="utf-8"))
    assert report["honesty"]["leakcheck"] == "fold 2, seed 8: leak at features, bar 2020-05-05"
    assert report["warnings"][0].endswith("none of these numbers can be believed")
