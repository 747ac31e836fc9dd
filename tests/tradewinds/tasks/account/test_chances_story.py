"""An agent that sees the chances of classes of returns, through the command line."""

import json

import numpy as np
import pytest

from story import FAST_CSV, CommandLine, write_bars

WORDS = ("series=csv", "series.path=bars.csv", "model.head=bins", "model.bins=4", *FAST_CSV)


@pytest.fixture
def typed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bars(tmp_path / "bars.csv", 400)
    return CommandLine(capsys)


def test_an_agent_sees_the_chances_and_the_page_scores_them(typed, tmp_path):
    answer = typed("run", *WORDS, "rollout.observe=[chances]")
    assert answer.status == 0, answer.err
    (path,) = tmp_path.glob("runs/*/2*/report.json")
    document = json.loads(path.read_text())
    assert document["honesty"]["leakcheck"] == "clean"
    classes = document["honesty"]["classes_of_next_bar"]
    assert np.array(classes["confusion"]).shape == (4, 4)
    assert len(classes["edges"]) == 3
    assert classes["gain"] == pytest.approx(classes["climatology"]["log_loss"] - classes["network"]["log_loss"])
    assert "classes of the next bar's change, 4: log loss" in answer.out
    page = (path.parent / "report.html").read_text()
    assert 'id="return-confusion"' in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rollout.observe=[chances]",), "rollout.observe may hold chances with model.head=bins only"),
        (("env=battery", "agent=planner", "rollout.observe=[chances,forecast]", "model.horizon=25"), "a storage unit"),
    ],
)  # fmt: skip
def test_chances_that_nobody_tells_are_refused(words, message, typed):
    answer = typed("run", "series=csv", "series.path=bars.csv", *words)
    assert answer.status == 2
    assert message in answer.err
