"""The texts by which a machine keeps a command running: whatever was typed reaches it as it was typed."""

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.operate.service_files import crontab_line, systemd_unit

WORDS = ("series=csv", "series.path=my bars.csv", "schedule.cron=0 22 * * 1-5", "run.name=100%", "a=$HOME")
PLACE = {"python": "/usr/bin/python3", "folder": "/tmp"}


def test_a_unit_holds_the_command_word_by_word_and_no_secret():
    unit = systemd_unit("schedule", WORDS, **PLACE, secrets=("OPS_URL",))
    (command,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    assert command == (
        'ExecStart=/usr/bin/python3 -m tradewinds schedule series=csv "series.path=my bars.csv" '
        '"schedule.cron=0 22 * * 1-5" run.name=100%% "a=$$HOME"'
    )
    assert "# holds OPS_URL\nEnvironmentFile=%h/.config/tradewinds.env" in unit
    assert "EnvironmentFile" not in systemd_unit("schedule", WORDS, **PLACE, secrets=())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_finds_no_fault_with_a_unit(tmp_path):
    file = tmp_path / "tradewinds.service"
    file.write_text(systemd_unit("schedule", WORDS, **PLACE, secrets=("OPS_URL",)), encoding="utf-8")
    verdict = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stderr
    assert file.name not in verdict.stderr


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0\n\r"), min_size=1), max_size=4))
def test_a_line_of_a_crontab_says_the_words_to_a_shell(words):
    line = crontab_line("schedule", words, **PLACE, log="runs/bars.log")
    assert line.startswith("@reboot cd /tmp && exec ")
    said = line.replace(r"\%", "%").removeprefix("@reboot cd /tmp && exec ").removesuffix(" >> runs/bars.log 2>&1")
    assert shlex.split(said) == ["/usr/bin/python3", "-m", "tradewinds", "schedule", *words]
