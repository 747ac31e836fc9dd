"""What every test shares: one thread, waits that do not spin, and Hypothesis examples that are always the same."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import pytest
import torch
from hypothesis import settings

import tradewinds.report.render as render

from story import CommandLine

torch.set_num_threads(1)
settings.register_profile("tradewinds", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("tradewinds")


@pytest.fixture
def tradewinds(capsys, tmp_path, monkeypatch):
    """Type commands into an empty folder."""
    monkeypatch.chdir(tmp_path)
    return CommandLine(capsys)


@pytest.fixture(autouse=True, scope="module")
def pages_without_scripts(request):
    """Leave out of pages what a browser alone reads, a fifth of a run's time, where no test opens or looks at one."""
    with pytest.MonkeyPatch.context() as patch:
        source = Path(request.path).read_text(encoding="utf-8")
        if "report" not in Path(request.path).parts and ".html" not in source and "opened" not in source:
            patch.setattr(render, "components", lambda figures: ("", dict.fromkeys(figures, "")))
        yield
