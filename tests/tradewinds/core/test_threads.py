"""Threads: as many as the request says, whatever the machine, the environment or the caller had before."""

import os
import subprocess
import sys

import torch

from tradewinds.core.threads import BLAS, pinned

SCRIPT = """
import os, sys
import tradewinds.commands.data
from tradewinds.__main__ import main
def told(config, console, action):
    import torch
    print("threads", torch.get_num_threads(), *(os.environ[name] for name in sys.argv[1].split()))
    return {}
assert "numpy" not in sys.modules and "torch" not in sys.modules
tradewinds.commands.data.main = told
sys.exit(main(["data", "list", *sys.argv[2:]]))
"""


def threads_told(*words):
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    command = [sys.executable, "-c", SCRIPT, " ".join(BLAS), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


def test_neither_the_environment_nor_the_cores_decide_how_many_threads_there_are():
    assert threads_told() == ["threads", "1", "1", "1"]


def test_a_request_may_take_more_for_torch():
    assert threads_told("run.threads=2") == ["threads", "2", "1", "1"]


def test_who_pins_threads_gives_back_what_was_there(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    before = torch.get_num_threads()
    with pinned(before + 1):
        assert torch.get_num_threads() == before + 1
        assert os.environ["OMP_NUM_THREADS"] == str(before + 1)
    assert torch.get_num_threads() == before
    assert os.environ["OMP_NUM_THREADS"] == "5"
