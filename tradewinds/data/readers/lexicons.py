"""Scores of words that somebody gave them beforehand: those of VADER, or a file's."""

import math
from pathlib import Path

from forecaster.classification.inputs import words_of
from tradewinds.core.csv_rows import csv_rows
from tradewinds.core.errors import RequestError

VADER = "vader"


def read_lexicon(named: str, key: str) -> dict[str, float]:
    """Return scores by word, in small letters.

    Args:
        named: `vader`, the 7,500 words that Hutto and Gilbert (2014) had rated, from its package; or a CSV of
            word,score, whose first line may be a header.
        key: which key of the request names it.

    Raises:
        RequestError: it is not there, or cannot be read with certainty.
    """
    if named == VADER:
        return _vader(key)
    try:
        lines = list(csv_rows(Path(named).read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        why = "is no file that can be read" if isinstance(error, OSError) else "is not written in UTF-8"
        raise RequestError(
            f"{key} must be {VADER}, or a file of word,score; '{named}' {why}, looked for from {Path.cwd()}"
        ) from None
    scores: dict[str, float] = {}
    for number, line in enumerate(lines, start=1):
        score = _score(line)
        if score is None and (not line or (number == 1 and len(line) == 2)):
            continue
        if score is None or line[0].strip().lower() in scores or len(words_of(line[0])) != 1:
            raise RequestError(
                f"{key}={named}, line {number}: a line must be a word that stands once, a comma and its score, was "
                f"'{','.join(line)}'"
            )
        scores[line[0].strip().lower()] = score
    if not any(scores.values()):
        raise RequestError(f"{key}={named} must give a word a score other than 0, gives none")
    return scores


def _score(line: list[str]) -> float | None:
    try:
        score = float(line[1]) if len(line) == 2 else math.nan
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def _vader(key: str) -> dict[str, float]:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        raise RequestError(f"{key}={VADER} needs the extra classify: pip install 'tradewinds[classify]'") from None
    return {word.lower(): float(score) for word, score in SentimentIntensityAnalyzer().lexicon.items()}
