"""Words and numbers as they stand in people's files."""

import re
from collections.abc import Sequence
from typing import Any

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "."}
WORDS_OF_HYDRA = {"true", "false", "null", "nan", "inf", "on", "off", "yes", "no"}
ABSENT = MISSING | {
    "--",
    "#n/a",
    "n/e",
    "n.a.",
    "n/d",
    "nd",
    ":",
    "(null)",
    "<na>",
    "nat",
}  # what says that a value is missing


def number(text: str) -> float:
    """Return the number a text is, or NaN."""
    return float(text) if NUMBER.fullmatch(text.strip()) else float("nan")


def shown(text: str) -> str:
    """Return a text from a file as it can stand in a message: quoted, on one line, and not too long."""
    flat = " ".join(text.split())
    return f"'{flat[:57]}...'" if len(flat) > 60 else f"'{flat}'"


def typed(key: str, value: str) -> str:
    """Return an option as it is to be typed in a shell, quoted where that is needed."""
    plain = value.lower() not in WORDS_OF_HYDRA and value == value.strip()
    if plain and re.fullmatch(r"\[[\w,-]+\]|[\w./:%+-]+", value):
        return f"{key}={value}"
    return f"{key}='{value}'" if plain and re.fullmatch(r"[\w./:%+ -]+", value) else f"'{key}=\"{value}\"'"


def listed(words: Sequence[str], most: int) -> str:
    """Return the first words, and how many more there are."""
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def counted(number: int, noun: str) -> str:
    """Return how many of something there are: `1 split`, `2 splits`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def file_name(text: str) -> str:
    """Return a text as the name of a file or folder: letters, digits, - and _, at most 64 of them."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text)[:64]


def moment(stamp: Any) -> str:
    """Return a time as a person writes it: the date alone where it is midnight."""
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M}"
