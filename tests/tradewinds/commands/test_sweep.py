"""Sweeps: runs side by side on all cores, told and counted as if one had followed the other."""

import time
from multiprocessing import active_children

import pytest

import tradewinds.commands.sweep as sweep
import tradewinds.data.shared as shared
from tradewinds.__main__ import STAGES
from tradewinds.commands.sweep import SHARING, SweptRun, answer_all, side_by_side
from tradewinds.core import executor, machine
from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.executor import LocalExecutor
from tradewinds.core.resources import resource_dir
from tradewinds.core.turns import alone, in_turn, moment
from tradewinds.request.compose import compose_requests
from tradewinds.request.schema import request_from

import labour


def runs_of(folder, count):
    """Runs of the seeds from 0 on."""
    words = [f"seed={','.join(map(str, range(count)))}", f"run.dir={folder}"]
    plains = compose_requests(words, [resource_dir("conf")], multirun=True)
    return [SweptRun(number, plain, f"seed={number}", dict, 1) for number, plain in enumerate(plains)]


def swept(work, folder, count, *, as_json=False, progress=lambda *_: None):
    return side_by_side(work, runs_of(folder, count), Console(as_json=as_json), LocalExecutor(), 2, progress)


def test_runs_are_told_in_their_order_each_with_its_own_exit_status(tmp_path, capsys):
    done = []
    assert swept(labour.speak, tmp_path, 3, progress=lambda *words: done.append(words[:2])) == [0, 1, 2]
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"result of {seed}, typed seed={seed}" for seed in range(3)]
    assert said.err.splitlines() == [f"note of {seed}" for seed in range(3)]
    assert done == [(1, 3), (2, 3), (3, 3)]
    swept(labour.speak, tmp_path, 2, as_json=True)
    assert capsys.readouterr().out.splitlines() == ['{"seed": 0}', '{"seed": 1}']


def test_a_killed_run_takes_no_other_down(tmp_path, capsys):
    assert swept(labour.perish, tmp_path, 4) == [0, 1, 0, 0]
    said = capsys.readouterr()
    assert said.out.splitlines() == ["result of 0", "result of 2", "result of 3"]
    reason = "a run's process was killed, as a machine without memory does"
    assert said.err.splitlines() == [
        f"note: {reason}; what is left of the sweep is computed one by one",
        f"tradewinds: failed: {reason}",
    ]


def test_ctrl_c_ends_all_runs_and_leaves_nothing_half_written(tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(labour.write_for_long, tmp_path, 4, progress=interrupt)
    assert active_children() == []
    assert list(tmp_path.iterdir()) == []


def test_turns_come_in_the_order_of_the_runs_and_a_failed_one_holds_nobody_up(tmp_path):
    assert swept(labour.take_turn, tmp_path, 4) == [0, 1, 0, 0]
    lines = [line.split() for line in (tmp_path / "turns").read_text().splitlines()]
    assert [seed for seed, _ in lines] == ["0", "2", "3"]
    first = int(lines[0][1])
    assert [(int(stamp) - first) % 1_000_000 for _, stamp in lines] == [0, 2, 3]


def test_outside_of_a_sweep_it_is_always_one_s_turn():
    with in_turn(), alone():
        assert abs(moment().timestamp() - time.time()) < 60.0


def test_data_that_runs_share_are_read_once_and_those_of_a_single_one_are_not_kept(monkeypatch):
    reads = []

    def load(series, weather, rules, senses):
        reads.append(series)
        if series == "bad":
            raise RequestError("there is no file bad")
        return object()

    monkeypatch.setattr(shared, "load_parts", load)
    keys = [shared.key_of(name, "none", "plain") for name in ("good", "bad")]
    with shared.sharing(keys):
        assert shared.read_parts("good", "none", "plain") is shared.read_parts("good", "none", "plain")
        for _ in range(2):
            with pytest.raises(RequestError, match="there is no file bad"):
                shared.read_parts("bad", "none", "plain")
        shared.read_parts("other", "none", "plain")
        shared.read_parts("other", "none", "plain")
    shared.read_parts("good", "none", "plain")
    assert reads == ["good", "bad", "other", "other", "good"]


def test_the_parent_reads_what_several_runs_share_and_its_workers_read_nothing_of_it(monkeypatch):
    reads, handed = [], []
    words = ["seed=1,2", "series=nasdaq,sp500", "series.first=null,2010-01-01"]
    plains = compose_requests(words, [resource_dir("conf")], multirun=True)[:-1]
    monkeypatch.setattr(shared, "load_parts", lambda series, *_: reads.append((series.name, series.first)) or "parts")
    monkeypatch.setattr(sweep, "side_by_side", lambda work, runs, *_: handed.extend(run.data() for run in runs) or [])
    monkeypatch.setattr(executor, "cores", lambda: 2)
    requests = [request_from(plain) for plain in plains]
    answer_all("run", "", requests, ["" for _ in requests], Console())
    assert reads == [("nasdaq", None), ("nasdaq", "2010-01-01"), ("sp500", None)]
    assert [list(data.values()) for data in handed] == [["parts"]] * 3 + [[]] + [["parts"]] * 3


@pytest.mark.parametrize(
    ("words", "cores", "memory", "workers"),
    [
        ((), 4, None, 3),
        ((), 2, None, 2),
        ((), 1, None, 1),
        (("run.threads=2",), 4, None, 2),
        (("trainer.members=4", "trainer.processes=null"), 4, None, 1),
        ((), 4, 2 * 2**30, 2),
        ((), 4, 0, 1),
        (("series=csv", "series.path=large.csv"), 4, 6 * 2**30, 2),
    ],
)
def test_a_sweep_takes_a_core_a_thread_and_no_more_memory_than_there_is(
    words, cores, memory, workers, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(30 * 2**20)
    for module in (sweep, executor):
        monkeypatch.setattr(module, "cores", lambda: cores)
    monkeypatch.setattr(executor, "free_memory", lambda: memory)
    plains = compose_requests(["seed=1,2,3", *words], [resource_dir("conf")], multirun=True)
    assert sweep._workers([request_from(plain) for plain in plains], LocalExecutor()) == workers


def test_what_this_machine_has_is_known_and_what_a_container_may_take_counts(monkeypatch, tmp_path):
    assert machine.cores() >= 1
    monkeypatch.setattr(machine, "MEMINFO", tmp_path / "meminfo")
    assert machine.free_memory() is None
    (tmp_path / "meminfo").write_text("MemTotal:  9000 kB\nMemAvailable:    4000 kB\n")
    for name, text in (("LIMIT", "3000000\n"), ("USED", "1000000\n")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(machine, name, tmp_path / name)
    assert machine.free_memory() == 2_000_000
    (tmp_path / "LIMIT").write_text("max\n")
    assert machine.free_memory() == 4_096_000


def test_commands_that_keep_books_are_swept_one_after_another():
    assert set(STAGES) - set(SHARING) == {
        *(
            "fetch",
            "report",
            "retrain",
            "predict",
            "signal",
            "paper",
            "serve",
            "schedule",
            "status",
            "models",
            "runs",
            "benchmark-forecaster",
            "benchmark-day-ahead",
            "data",
            "init",
            "enjoy",
            "search",
        )
    }
