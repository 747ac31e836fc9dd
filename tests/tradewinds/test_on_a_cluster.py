"""A cluster of two nodes does what processes of this machine do; a node that is killed costs its own tasks alone."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tradewinds.__main__ import main
from tradewinds.commands.sweep import SweptRun, side_by_side
from tradewinds.core import ray_executor
from tradewinds.core.console import Console
from tradewinds.core.executor import LocalExecutor, executor_of
from tradewinds.core.executor_config import ExecutorConfig
from tradewinds.core.resources import resource_dir
from tradewinds.core.workers import KilledError
from tradewinds.request.compose import compose_requests

import labour
from clusters import two_nodes
from story import write_bars

pytest.importorskip("ray", reason="needs the extra `scale`")


@pytest.fixture(scope="module")
def nodes():
    with two_nodes() as nodes:
        yield nodes


@pytest.fixture
def executor(nodes, tmp_path):
    nodes.complete()
    return executor_of(ExecutorConfig(kind="ray", address=nodes.address), str(tmp_path / "runs"))


def test_it_is_two_nodes_on_one_machine(executor):
    executor.require()
    assert (executor.width(), executor.width(2), executor.machines()) == (2, 1, 1)


def test_every_task_has_its_result_and_no_more_are_taken_than_there_is_room_for(executor, tmp_path):
    drawn = []
    tasks = (drawn.append(number) or number for number in range(30))
    with executor.results_of(labour.add, tasks, workers=2, shared=(10,)) as results:
        assert len(drawn) == 2
        assert len(list((tmp_path / "runs").iterdir())) == 1  # the mark
        assert sorted(results) == list(range(10, 40))
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_is_shared_is_unpacked_once_a_process_and_not_once_a_task(executor, tmp_path):
    with executor.results_of(labour.hold, range(12), workers=2, shared=(labour.Unpacked(tmp_path),)) as results:
        processes = set(results)
    assert len(list(tmp_path.glob("unpacked-*"))) == len(processes) <= 4


def test_a_process_computes_with_the_threads_it_was_promised(executor):
    with executor.results_of(labour.threads, range(4), workers=2, threads=1) as results:
        assert {outcome[:2] for outcome in results} == {("1", "1")}


def test_an_error_comes_back_as_it_was_or_at_least_in_its_words(executor):
    with pytest.raises(ValueError, match=r"^a plain sentence$"):
        with executor.results_of(labour.fail, ["plain"], workers=2) as results:
            list(results)
    with pytest.raises(RuntimeError, match=r"^Unsendable: this and that$"):
        with executor.results_of(labour.fail, ["unsendable"], workers=2) as results:
            list(results)


def test_a_task_that_kills_its_process_each_time_is_named(executor, monkeypatch):
    monkeypatch.setattr(ray_executor, "RETRIES", 1)
    with pytest.raises(KilledError, match=r"^it was killed$") as caught:
        with executor.results_of(labour.die, [7], workers=1, killed="it was killed") as results:
            list(results)
    assert caught.value.task == 7


def test_a_killed_node_costs_what_it_was_at_and_nothing_else(executor, nodes, tmp_path):
    lost = nodes.second.node_id
    done = []
    with executor.results_of(labour.square, range(24), workers=2, shared=(tmp_path,)) as results:
        for result in results:
            done.append(result)
            if nodes.second and list(tmp_path.glob(f"*-{lost}-*")):
                nodes.kill()
    assert nodes.second is None
    assert sorted(done) == [number**2 for number in range(24)]
    places = [path.name.split("-")[:2] for path in tmp_path.iterdir() if path.is_file()]
    twice = {number for number, count in Counter(number for number, _ in places).items() if count > 1}
    assert len(twice) <= 2  # what it was at, and what it had been handed
    assert twice <= {number for number, node in places if node == lost}


def swept(executor, work, folder, count):
    folder.mkdir()
    words = [f"seed={','.join(map(str, range(count)))}", f"run.dir={folder}"]
    plains = compose_requests(words, [resource_dir("conf")], multirun=True)
    runs = [SweptRun(number, plain, f"seed={number}", dict, 1) for number, plain in enumerate(plains)]
    return side_by_side(work, runs, Console(), executor, 2, lambda *_: None)


def test_runs_have_their_turns_there_as_here(executor, tmp_path):
    statuses, turns = [], []
    for place, who in (("there", executor), ("here", LocalExecutor())):
        statuses.append(swept(who, labour.take_turn, tmp_path / place, 4))
        turns.append([line.split()[0] for line in (tmp_path / place / "turns").read_text().splitlines()])
    assert statuses == [[0, 1, 0, 0]] * 2
    assert turns == [["0", "2", "3"]] * 2


def test_a_run_that_is_killed_each_time_has_failed_and_takes_no_other_down(executor, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ray_executor, "RETRIES", 0)
    assert swept(executor, labour.perish, tmp_path / "there", 4) == [0, 1, 0, 0]
    assert capsys.readouterr().out.splitlines() == ["result of 0", "result of 2", "result of 3"]


SMALL = (
    "series=csv",
    "series.path=mine.csv",
    "model.context_length=5",
    "model.hidden_size=3",
    "trainer.epochs=1",
    "features.volatility_bars=[3]",
    "agent.steps=200",
    "agent.learning_starts=80",
    "agent.validate_every=100",
    "backtest.random_draws=3",
    "backtest.bootstrap_draws=100",
)


def both(nodes, tmp_path, monkeypatch, *words):
    """Type a command here and on the cluster, and return the folders of both."""
    for place, how in (("here", ()), ("there", ("executor=ray", f"executor.address={nodes.address}"))):
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / place)
        write_bars(Path("mine.csv"), 300)
        assert main([*words, *how]) == 0
    return tmp_path / "here", tmp_path / "there"


@pytest.mark.slow
def test_folds_are_the_same_byte_for_byte(executor, nodes, tmp_path, monkeypatch):
    words = ("walk-forward", *SMALL, "walk_forward.folds=2", "walk_forward.seeds=1")
    here, there = both(nodes, tmp_path, monkeypatch, *words)
    folds = sorted(path.relative_to(here) for path in here.glob("runs/mine/walk_forward/*/decisions.parquet"))
    assert len(folds) == 2
    assert [(here / fold).read_bytes() for fold in folds] == [(there / fold).read_bytes() for fold in folds]


@pytest.mark.slow
def test_runs_of_a_sweep_are_the_same(executor, nodes, tmp_path, monkeypatch):
    words = ("run", "-m", *SMALL, "seed=1,2")
    reports = []
    for place in both(nodes, tmp_path, monkeypatch, *words):
        paths = sorted(place.glob("runs/mine/*/report.json"))
        documents = [json.loads(path.read_text()) | {"run": None} for path in paths]
        tables = [path.read_bytes() for path in sorted(place.glob("runs/mine/*/backtest/*.parquet"))]
        reports.append((documents, tables))
    assert len(reports[0][0]) == 2
    assert reports[0] == reports[1]


@pytest.mark.slow
def test_trials_come_to_the_same(executor, nodes, tmp_path, monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra `search`")
    words = ("search", *SMALL, "search.space={model.hidden_size: [2, 3, 4, 5]}", "search.workers=2")
    outcomes = []
    for place in both(nodes, tmp_path, monkeypatch, *words):
        (path,) = place.glob("runs/mine/search/*/search.json")
        trials = json.loads(path.read_text())["trials"]
        outcomes.append({trial["model.hidden_size"]: trial["score"] for trial in trials})
    assert sorted(outcomes[0]) == [2, 4, 5]  # 3 is the request's own
    assert outcomes[0] == outcomes[1]
