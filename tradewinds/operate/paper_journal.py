"""The journal of a paper account: one file to which whole lines are added, and in which none is ever changed.

The first line says what the account is of; each other is a step, decided once, or what was seen to differ later from
what steps had read. A line that a killed process has left half counts for nothing, and is cut off before the next.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tradewinds.core.errors import GateError
from tradewinds.core.files import append_line, flush

FOLDER, FILE = "paper", "journal.jsonl"  # beside the runs of a name, and in it
SCHEMA = 1


class Journal:
    """A paper account as it is written down.

    Args:
        path: the file; it need not be there yet.

    Raises:
        GateError: a line of it is none of ours.

    Attributes:
        opened: what the account is of; None before its first step.
        steps: in their order, each of a bar or a day.
        revisions: what was seen to differ later.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        whole, end, half = content.rpartition(b"\n")
        self._length, self._half = len(whole) + len(end), bool(half)
        self.opened: Mapping[str, Any] | None = None
        self.steps: list[Mapping[str, Any]] = []
        self.revisions: list[Mapping[str, Any]] = []
        for number, line in enumerate(whole.split(b"\n") if end else [], start=1):
            self._take(_read(path, number, line))

    def open(self, account: Mapping[str, Any]) -> None:
        """Write down what the account is of."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write({"opened": {"schema": SCHEMA, **account}})

    def add(self, step: Mapping[str, Any]) -> None:
        """Write down a step; it is on the disk when this returns."""
        self._write({"step": step})

    def revise(self, revisions: Sequence[Mapping[str, Any]], seen_at: str) -> None:
        """Write down what differs from what steps had read."""
        self._write({"revisions": list(revisions), "seen_at": seen_at})

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._half:
            os.truncate(self.path, self._length)
            self._half = False
        text = json.dumps(line, allow_nan=False)
        append_line(self.path, text)
        flush(self.path)
        self._length += len(text.encode("utf-8")) + 1
        self._take(line)

    def _take(self, line: Mapping[str, Any]) -> None:
        if "opened" in line:
            self.opened = line["opened"]
        elif "step" in line:
            self.steps.append(line["step"])
        else:
            self.revisions += [{**one, "seen_at": line["seen_at"]} for one in line["revisions"]]


def _read(path: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        read = json.loads(line)
        (kind,) = set(read) - {"seen_at"}
        if kind not in ("opened", "step", "revisions") or (kind == "opened") != (number == 1):
            raise ValueError(f"it is of the kind '{kind}'")
        if kind == "opened" and read["opened"]["schema"] != SCHEMA:
            raise ValueError(f"its schema is {read['opened']['schema']}, and this release writes {SCHEMA}")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GateError(
            f"{path}, line {number}, was not written by a paper account ({error}); bring the file back from a backup, "
            "or move it away and begin anew"
        ) from None
    return dict(read)
