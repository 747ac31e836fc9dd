"""A number a text by a list of words and their scores: fixed beforehand, so that nothing can leak through it."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

from forecaster.classification.inputs import words_of
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.text import number, shown


def scorer(lexicon: str) -> Callable[[str], float]:
    """Return what scores a text.

    By a file it is the mean score of its words that stand there, 0 of none; by `vader` the compound of Hutto and
    Gilbert (2014), which knows negation and emphasis, in [-1, 1].

    Raises:
        RequestError: the file is none, or VADER is not installed.
    """
    if lexicon == "vader":
        return _vader()
    scores = read_lexicon(Path(lexicon))

    def score(text: str) -> float:
        known = [scores[word] for word in words_of(text) if word in scores]
        return math.fsum(known) / len(known) if known else 0.0

    return score


def read_lexicon(path: Path) -> dict[str, float]:
    """Read a CSV of word,score; a first line that holds no number is a header.

    Raises:
        RequestError: there is no such file, a line has no word and number, or a word stands twice.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"text.lexicon must be vader, or a file of word,score; '{path}' cannot be read: {error}"
        ) from None
    scores: dict[str, float] = {}
    for row, line in enumerate(lines, start=1):
        score = number(line[1]) if len(line) == 2 else math.nan
        if row == 1 and len(line) == 2 and math.isnan(score):
            continue
        word = line[0].strip().lower()
        if math.isnan(score) or len(words_of(word)) != 1 or word in scores:
            raise RequestError(
                f"{path.name}, row {row}: a line must be a word that stands once, a comma and its score, was "
                f"{shown(','.join(line))}"
            )
        scores[word] = score
    if not scores:
        raise RequestError(f"{path.name} holds no words; write word,score, a line each")
    return scores


def _vader() -> Callable[[str], float]:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        raise RequestError(
            "text.lexicon=vader needs vaderSentiment; type pip install 'tradewinds[classify]', or name a file of "
            "word,score"
        ) from None
    analyzer = SentimentIntensityAnalyzer()
    return lambda text: float(analyzer.polarity_scores(text)["compound"])
