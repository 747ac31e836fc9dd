"""Files written whole or not at all, JSON as we write it, and checksums. Knows files; not what is in them."""

import errno
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

PARTIAL = ".partial-"


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_text(value: Any) -> str:
    """Return `value` as the JSON text we write; NaN and inf are refused."""
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, whole or not at all; NaN and inf are refused."""
    write_text(path, json_text(value))


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    partial = path.parent / f"{PARTIAL}{path.name}-{os.getpid()}-{secrets.token_hex(2)}"
    try:
        partial.write_bytes(content)
        flush(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Add a line to a log, whole or not at all."""
    with path.open("ab", buffering=0) as log:
        before = log.tell()
        try:
            if log.write(content := line.encode("utf-8") + b"\n") < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            os.truncate(path, before)
            raise


def flush(path: Path) -> None:
    """Force a file, or the entries of a folder, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
