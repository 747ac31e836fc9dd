"""What the README promises: its code runs, its commands exist, its links lead somewhere."""

import re
import shlex
from pathlib import Path

from tradewinds.__main__ import STAGES, main, read_words

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_examples_run_as_they_are_printed():
    names = {}
    for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(code, names)
    assert len(names["told"]) == 5
    assert names["agent"].trained.history
    assert names["observation"].shape == (8 + 3,)


def commands():
    """Every `tradewinds ...` in the table, as words."""
    return [shlex.split(text)[1:] for text in re.findall(r"^\| `(tradewinds [^`]+)`", README, re.MULTILINE)]


def test_every_command_is_understood(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(commands()) > 10
    for words in commands():
        read_words(words)
        if words[0] not in ("data", "models"):
            assert main([*words, "--cfg", "job"]) == 0, words
    assert list(tmp_path.iterdir()) == []


def test_every_stage_is_shown():
    for stage in STAGES:
        assert f"`{stage}" in README or f"tradewinds {stage}" in README


def test_every_link_and_picture_is_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"(?<!\w)\[[^\]]*\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_every_file_a_page_names_is_there():
    rooms = "forecaster|trading_env|trading_agent|tradewinds|tests|conf|data"
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(rf"`((?:{rooms})/[\w/.]+)`", text):
            assert (ROOT / name).exists(), (page.name, name)
