"""Words and numbers as they stand in people's files."""

import re
from typing import Any

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "."}


def number(text: str) -> float:
    """Return the number a text is, or NaN."""
    return float(text) if NUMBER.fullmatch(text.strip()) else float("nan")


def shown(text: str) -> str:
    """Return a text from a file as it can stand in a message: quoted, on one line, and not too long."""
    flat = " ".join(text.split())
    return f"'{flat[:57]}...'" if len(flat) > 60 else f"'{flat}'"


def moment(stamp: Any) -> str:
    """Return a time as a person writes it: the date alone where it is midnight."""
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M}"
