"""A number a text by a list of words and their scores: fixed beforehand, so that nothing can leak through it."""

import math
from collections.abc import Callable

from forecaster.classification.inputs import words_of
from tradewinds.core.errors import RequestError
from tradewinds.data.readers.lexicons import VADER, read_lexicon

KEY = "text.lexicon"


def scorer(lexicon: str) -> Callable[[str], float | None]:
    """Return what scores a text; None of one of which it knows no word.

    By a file it is the mean score of its words that stand there; by `vader` the compound of Hutto and
    Gilbert (2014), which knows negation and emphasis, in [-1, 1].

    Raises:
        RequestError: the file is none, or VADER is not installed.
    """
    if lexicon == VADER:
        return _vader()
    scores = read_lexicon(lexicon, KEY)

    def score(text: str) -> float | None:
        known = [scores[word] for word in words_of(text) if word in scores]
        return math.fsum(known) / len(known) if known else None

    return score


def _vader() -> Callable[[str], float | None]:
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
    except ImportError:
        raise RequestError(
            "text.lexicon=vader needs vaderSentiment; type pip install 'tradewinds[classify]', or name a file of "
            "word,score"
        ) from None
    analyzer = SentimentIntensityAnalyzer()

    def score(text: str) -> float | None:
        scores = analyzer.polarity_scores(text)
        return float(scores["compound"]) if any(scores[part] for part in ("compound", "pos", "neg")) else None

    return score
