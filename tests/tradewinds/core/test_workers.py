"""Workers: told what they share once, one thread each, and never there when their parent is not."""

import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from tradewinds.core.workers import end_workers, results_of

import labour

TESTS = Path(labour.__file__).parent
SCRIPT = """
import signal
import sys
import labour
from tradewinds.core.workers import results_of
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born without it
    with results_of(labour.{work}, [1, 2], workers={workers}, shared=(sys.argv[1],)) as results:
        list(results)
"""


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def waiting(condition, seconds=30.0):
    """Wait until something is so, and say whether it is."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def at_work(folder, count=2):
    """Wait for some that linger, and return their numbers."""
    assert waiting(lambda: len(list(folder.glob("*.pid"))) == count)
    return [int(file.read_text()) for file in folder.glob("*.pid")]


def test_every_task_has_its_result_and_what_is_shared():
    with results_of(labour.add, [1, 2, 3, 4, 5], workers=2, shared=(10,)) as results:
        assert sorted(results) == [11, 12, 13, 14, 15]
    assert active_children() == []


def test_a_worker_has_the_threads_it_was_promised_and_the_parent_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with results_of(labour.threads, range(4), workers=2, threads=1) as results:
        assert os.environ["OMP_NUM_THREADS"] == "7"
        assert "OPENBLAS_NUM_THREADS" not in os.environ
        outcomes = list(results)
    assert {outcome[:2] for outcome in outcomes} == {("1", "1")}
    assert 1 <= len({process for *_, process in outcomes} - {os.getpid()}) <= 2
    with results_of(labour.threads, [0], workers=1) as results:
        assert next(results)[:2] == ("7", None)


@pytest.mark.parametrize(
    ("task", "kind", "words"),
    [("plain", ValueError, "^a plain sentence$"), ("unsendable", RuntimeError, "^Unsendable: this and that$")],
)
def test_an_error_comes_back_as_it_was_or_at_least_in_its_words(task, kind, words):
    with pytest.raises(kind, match=words), results_of(labour.fail, [task], workers=1) as results:
        list(results)


def test_a_killed_worker_is_told_in_a_sentence():
    with pytest.raises(RuntimeError, match=r"^the training process was killed$"):
        with results_of(labour.die, [1], workers=1, killed="the training process was killed") as results:
            list(results)
    assert active_children() == []


def test_where_one_fails_the_others_are_ended(tmp_path):
    began = time.monotonic()
    with pytest.raises(ValueError, match="the first one failed"):
        with results_of(labour.linger_beyond_the_first, [0, 1, 2, 3], workers=2, shared=(tmp_path,)) as results:
            list(results)
    assert time.monotonic() - began < 30.0
    assert active_children() == []
    assert not [file for file in tmp_path.glob("*.pid") if alive(int(file.read_text()))]


def test_results_that_nobody_waits_for_are_given_up(tmp_path):
    with results_of(labour.linger, [1, 2], workers=2, shared=(tmp_path,)):
        processes = at_work(tmp_path)
    assert not [process for process in processes if alive(process)]


def test_workers_can_be_ended_while_another_thread_waits_for_them(tmp_path):
    reasons = []

    def wait():
        try:
            with results_of(labour.linger, [1], workers=1, shared=(tmp_path,), killed="it was ended") as results:
                list(results)
        except RuntimeError as error:
            reasons.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    at_work(tmp_path, 1)
    end_workers()
    thread.join(30.0)
    assert reasons == ["it was ended"]


def start(folder, work="linger", workers=2):
    """Start a command whose workers linger, in a session of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    script = folder / "script.py"
    script.write_text(SCRIPT.format(work=work, workers=workers), encoding="utf-8")
    command = [sys.executable, str(script), str(folder)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_ctrl_c_ends_all_without_a_word_of_theirs_and_a_killed_parent_leaves_nobody_at_work(number, tmp_path):
    command = start(tmp_path)
    processes = at_work(tmp_path)
    if number == signal.SIGINT:
        os.killpg(command.pid, number)  # as a terminal does: to all of them
    else:
        os.kill(command.pid, number)
    command.wait(30.0)
    assert waiting(lambda: not [process for process in processes if alive(process)], 1.0)
    assert command.stderr.read().count("Traceback") == (1 if number == signal.SIGINT else 0)


def of_session(number):
    """Return the processes of a session that live, helpers of multiprocessing included."""
    processes = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [process for process in processes if alive(process) and session_of(process) == number]


def session_of(process):
    try:
        return os.getsid(process)
    except ProcessLookupError:
        return None


def test_a_killed_command_leaves_no_worker_of_its_workers_and_no_helper(tmp_path):
    command = start(tmp_path, "linger_in_a_nest", workers=1)
    at_work(tmp_path)
    assert len(of_session(command.pid)) >= 4
    os.kill(command.pid, signal.SIGKILL)
    command.wait(30.0)
    assert waiting(lambda: not of_session(command.pid), 5.0), of_session(command.pid)
