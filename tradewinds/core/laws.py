"""Laws that settings share, and words that every refusal is made of: the nearest word that would have been right."""

import difflib
from collections.abc import Iterable


def nearest(word: str, allowed: Iterable[str], prefix: str = "") -> str:
    """Return `"; did you mean 'x'?"` for the allowed word closest to `word`, or an empty string."""
    matches = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"; did you mean '{prefix}{matches[0]}'?" if matches else ""


def is_text(word: str) -> bool:
    """Whether files and their names can hold `word`: Python keeps bytes that are no UTF-8 as lone surrogates."""
    try:
        return b"\0" not in word.encode()
    except UnicodeEncodeError:
        return False


def distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return words of which none stands twice, for an `AfterValidator`.

    Raises:
        ValueError: one does.
    """
    if len(set(words)) < len(words):
        raise ValueError("must be a list that names each once")
    return words


def require(*laws: tuple[bool, str]) -> None:
    """Raise one ValueError that names every law across fields which does not hold, for a `__post_init__`."""
    faults = [message for holds, message in laws if not holds]
    if faults:
        raise ValueError("; ".join(faults))
