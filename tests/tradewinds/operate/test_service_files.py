"""The texts by which a machine keeps a command running: whatever was typed reaches it as it was typed."""

import getpass
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.operate.service_files import crontab_line, rotation, systemd_unit

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


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not here")
def test_logrotate_keeps_a_log_short_that_is_written_to_all_the_while(tmp_path):
    log, rules = tmp_path / 'my "log".log', tmp_path / "rules"
    rules.write_text(rotation(log=str(log), owner=getpass.getuser()), encoding="utf-8")
    rules.chmod(0o600)
    with log.open("ab", buffering=0) as writer:
        for number in range(9):
            writer.write(b"x" * (11 * 2**20) + b"%d\n" % number)
            command = ["logrotate", "--state", str(tmp_path / "state"), str(rules)]
            verdict = subprocess.run(command, capture_output=True, text=True, check=False)
            assert verdict.returncode == 0, verdict.stderr
        writer.write(b"what came last\n")
    assert log.read_bytes() == b"what came last\n"
    assert len(list(tmp_path.glob("my*.log*"))) == 6


def test_what_a_machine_is_told_is_all_that_was_typed(tradewinds, tmp_path, monkeypatch):
    folder = tmp_path / "my own" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nrun: {database: OPS_DATABASE}\n", encoding="utf-8")
    words = ("schedule", "--config-dir", "my own", "experiment=mine", "seed=3")
    unit = tradewinds(*words, "schedule.print=systemd").out
    assert '-m tradewinds schedule --config-dir "my own" experiment=mine seed=3\n' in unit
    assert "# holds OPS_DATABASE\n" in unit
    assert (
        " schedule --config-dir 'my own' experiment=mine seed=3 >> " in tradewinds(*words, "schedule.print=crontab").out
    )
    assert f'\n"{tmp_path}/runs/schedule.log" {{\n' in tradewinds(*words, "schedule.print=logrotate").out
