"""What every test shares: one thread, waits that do not spin, and Hypothesis examples that are always the same."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings

from story import CommandLine

torch.set_num_threads(1)
settings.register_profile("tradewinds", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("tradewinds")


@pytest.fixture
def tradewinds(capsys, tmp_path, monkeypatch):
    """Type commands into an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)
