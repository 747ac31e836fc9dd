"""Who does tasks is chosen in one place, and who is not there is refused in one line before any work."""

import socket
from pathlib import Path

import pytest

from tradewinds import __version__
from tradewinds.__main__ import main
from tradewinds.core import executor as executors
from tradewinds.core.errors import RequestError
from tradewinds.core.executor import LocalExecutor
from tradewinds.core.ray_executor import Place

import labour


def test_tasks_are_taken_as_they_are_needed_and_not_all_at_once():
    drawn = []
    tasks = (drawn.append(number) or number for number in range(50))
    with LocalExecutor().results_of(labour.add, tasks, workers=2, shared=(1,)) as results:
        assert len(drawn) == 4
        assert next(results) >= 1
        assert len(drawn) <= 6
        assert len(list(results)) == 49


def test_a_value_that_was_put_is_the_value():
    assert LocalExecutor().put({"a": 1})() == {"a": 1}


def test_without_ray_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    assert main(["walk-forward", "executor=ray"]) == 2
    message = "tradewinds: executor=ray needs Ray; type pip install 'tradewinds[scale]', or take executor=local\n"
    assert capsys.readouterr().err == message


def test_a_cluster_that_does_not_answer_is_refused_at_once(capsys):
    pytest.importorskip("ray", reason="needs the extra `scale`")
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["walk-forward", "executor=ray", f"executor.address={address}"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"tradewinds: executor.address: nobody answers at {address} (")
    assert said.endswith("); give host:port of the head of a cluster, as ray start --head printed it\n")
    assert said.count("\n") == 1


def test_a_machine_that_does_not_see_the_folder_or_has_another_version_does_no_task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mark = tmp_path / "mark"
    with pytest.raises(RequestError, match=r"does not see .*; run\.dir, and files that are read, must lie on a folder"):
        Place(tmp_path, mark, __version__).enter()
    mark.touch()
    with pytest.raises(RequestError, match=rf"has tradewinds {__version__}, and this machine 9\.9; install the same"):
        Place(tmp_path, mark, "9.9").enter()
    (tmp_path / "typed").mkdir()
    Place(tmp_path / "typed", mark, __version__).enter()
    assert Path.cwd() == tmp_path / "typed"
