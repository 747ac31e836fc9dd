"""How a machine is told to keep a command running, and its log short: texts for systemd, cron and logrotate."""

import re
import shlex
from collections.abc import Sequence

UNIT = """\
# {place}
[Unit]
Description=Tradewinds: {stage} in {folder}
Wants=network-online.target
After=network-online.target

[Service]
WorkingDirectory={directory}
ExecStart={command}
Restart=on-failure
RestartSec=60
# a retraining that is cut off is finished after the next start
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec=60
{secrets}
[Install]
WantedBy=default.target
"""
PLACE = (
    "~/.config/systemd/user/tradewinds.service; then: systemctl --user enable --now tradewinds; loginctl enable-linger"
)
ROTATION = """\
# {place}
{log} {{
    su {owner} {owner}
    size 10M
    rotate 5
    copytruncate
    compress
    missingok
    notifempty
}}
"""
ROTATED = "/etc/logrotate.d/tradewinds"
PLAIN = re.compile(r"[\w@%+=:,./-]+")


def systemd_unit(stage: str, words: Sequence[str], *, python: str, folder: str, secrets: Sequence[str]) -> str:
    """Return a unit of a user that runs a stage until it is stopped, and again where it failed.

    Args:
        stage: the command, such as `schedule`.
        words: its options, as they are typed.
        python: the interpreter.
        folder: where it is typed.
        secrets: environment variables that it reads, which are to stand in a file of their own.
    """
    command = " ".join(_quoted(word) for word in (python, "-m", "tradewinds", stage, *words))
    names = ", ".join(secrets)
    file = f"# holds {names}\nEnvironmentFile=%h/.config/tradewinds.env\n" if secrets else ""
    return UNIT.format(
        place=PLACE,
        stage=stage,
        folder=folder.replace("%", "%%"),
        directory=folder.replace("\\", "\\\\").replace("%", "%%"),
        command=command,
        secrets=file,
    )


def crontab_line(stage: str, words: Sequence[str], *, python: str, folder: str, log: str) -> str:
    """Return a line of a crontab that begins a stage with the machine; it waits for what is due by itself."""
    command = shlex.join((python, "-m", "tradewinds", stage, *words))
    line = f"cd {shlex.quote(folder)} && exec {command} >> {shlex.quote(log)} 2>&1"
    return "@reboot " + line.replace("%", r"\%")  # a bare % ends a command there


def rotation(*, log: str, owner: str) -> str:
    """Return what keeps the log of a crontab's command at six files of ten megabytes; it is written to all the while.

    Args:
        log: its whole path.
        owner: user, and group, whose file it is.
    """
    quoted = '"' + log.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ROTATION.format(place=ROTATED, log=quoted, owner=owner)


def _quoted(word: str) -> str:
    """Return a word as systemd reads it: nothing in it is expanded."""
    escaped = word.replace("%", "%%").replace("$", "$$")
    if PLAIN.fullmatch(word):
        return escaped
    return '"' + escaped.replace("\\", "\\\\").replace('"', r"\"") + '"'
