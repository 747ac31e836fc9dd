"""What a network reads of a case: scaled numbers, or the numbers of its words. Fitted on the cases learned from alone.

Knows no network and no training.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Array, Cases, named

PADDING, UNKNOWN = 0, 1  # numbers of no word, and of a word that was not learned
LEAST_DEVIATION = 1e-9  # of a channel that varies, in units of its largest number
LIMIT = 10.0  # deviations beyond which a number counts no further
UNPARTED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Thai to Han
LETTER = rf"(?:(?![{UNPARTED}])[^\W_])"  # of scripts that part words by spaces
MARKS = r"[!-/:-@\[-^`{-~]{2,}"  # of ASCII in a row, such as :) and ...
WORD = re.compile(rf"{LETTER}+(?:['’]{LETTER}+)*|[^\W_]|{MARKS}|[^\w\s]")  # noqa: RUF001 - a typographic apostrophe, too
Inputs: TypeAlias = tuple[NDArray[np.float32], ...] | tuple[NDArray[np.int64], ...]


class Reader(Protocol):
    """Turns cases into what a network reads; plain values make it anew."""

    def read(self, cases: Cases) -> Inputs:
        """Return of each case (L, F) numbers, or (L,) numbers of words."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return the plain values that `reader_from` needs."""
        ...


@dataclass(frozen=True)
class ChannelScaler:
    """Every channel in units of its deviation from its mean over all steps of the cases learned from.

    A number that is missing is the mean; a channel that did not vary is only centred.

    Attributes:
        channels: F names.
        mean: F means.
        deviation: F deviations.
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fitted(cls, cases: Cases) -> "ChannelScaler":
        """Return the scaler of the cases learned from.

        Sums are taken in units of a power of two about the largest number, which rounds nothing, and lets no square be
        too large or too small.
        """
        steps = np.concatenate([value for value in cases.values if not isinstance(value, str)])
        present = np.isfinite(steps)
        power = np.frexp(np.abs(np.where(present, steps, 0.0)).max(axis=0))[1]
        steps = np.ldexp(steps, -power)
        count = np.maximum(present.sum(axis=0), 1)
        mean = np.where(present, steps, 0.0).sum(axis=0) / count
        square = np.where(present, steps - mean, 0.0) ** 2
        deviation = np.sqrt(square.sum(axis=0) / count)
        largest = np.abs(np.where(present, steps, 0.0)).max(axis=0)
        varies = deviation > LEAST_DEVIATION * largest
        told = np.ldexp(mean, power), np.where(varies, np.ldexp(deviation, power), 1.0)
        return cls(cases.channels, *(tuple(numbers.tolist()) for numbers in told))

    def read(self, cases: Cases) -> Inputs:
        """Return of each case (L, F) scaled numbers; in whichever order its channels come, by their names.

        Raises:
            ValueError: the channels are others.
        """
        cases = cases.in_order(self.channels)
        if cases.are_texts or cases.channels != self.channels:
            had = "texts" if cases.are_texts else f"the channels {named(cases.channels, 12)}"
            raise ValueError(f"cases must have the channels {named(self.channels, 12)} that were learned, had {had}")
        mean, deviation = np.array(self.mean), np.array(self.deviation)
        with np.errstate(over="ignore"):  # what is as far away counts as LIMIT
            return tuple(
                np.nan_to_num((np.asarray(value) - mean) / deviation, nan=0.0).clip(-LIMIT, LIMIT).astype(np.float32)
                for value in cases.values
            )

    def facts(self) -> dict[str, Any]:
        """Return channels and scales."""
        return {"channels": list(self.channels), "mean": list(self.mean), "deviation": list(self.deviation)}


@dataclass(frozen=True)
class Vocabulary:
    """The words of the cases learned from, the commonest first; every other word is one and the same, unknown.

    Attributes:
        words: in the order of their numbers, the first is 2: 0 is no word, 1 an unknown one.
        longest: words of a text that are read; of a longer one the first.
        rated: further words, numbered after those: they have scores alone, and are unknown beside.
        scores: of words and of `rated` that a lexicon knows, in units of its largest; empty without a lexicon.
    """

    words: tuple[str, ...]
    longest: int
    rated: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fitted(
        cls, cases: Cases, *, size: int, longest: int, lexicon: Mapping[str, float] | None = None
    ) -> "Vocabulary":
        """Return the words that at least two of the cases learned from hold, at most `size` of them.

        Args:
            cases: texts.
            size: words.
            longest: words of a text.
            lexicon: scores of words in small letters, of which those of one word count; None without.

        Raises:
            ValueError: the scores of the lexicon are all 0, or it has none of one word.
        """
        counts = Counter(word for text in cases.values for word in set(words_of(str(text))))
        common = sorted((word for word, count in counts.items() if count > 1), key=lambda word: (-counts[word], word))
        words = tuple(common[:size])
        if lexicon is None:
            return cls(words, longest)
        single = {word: score for word, score in lexicon.items() if words_of(word) == [word]}
        largest = max(map(abs, single.values()), default=0.0)
        if largest == 0.0:
            raise ValueError("a lexicon must give a word a score other than 0, gives none")
        scores = {word: score / largest for word, score in sorted(single.items())}
        return cls(words, longest, tuple(word for word in scores if word not in set(words)), scores)

    def read(self, cases: Cases) -> Inputs:
        """Return of each case the (L,) numbers of its words, in order; of one without any, that of an unknown word.

        Raises:
            ValueError: the cases are no texts.
        """
        if not cases.are_texts:
            raise ValueError(
                f"cases must be texts, as those learned from, had the channels {', '.join(cases.channels)}"
            )
        numbers = {word: number for number, word in enumerate((*self.words, *self.rated), start=UNKNOWN + 1)}
        return tuple(
            np.array(
                [numbers.get(word, UNKNOWN) for word in words_of(str(text))][: self.longest] or [UNKNOWN], np.int64
            )
            for text in cases.values
        )

    def table(self) -> NDArray[np.float32] | None:
        """Return by number (V, 2) the score of a word, and whether it has one; None without a lexicon."""
        if not self.scores:
            return None
        known = [(self.scores.get(word, 0.0), float(word in self.scores)) for word in (*self.words, *self.rated)]
        return np.array([(0.0, 0.0)] * (UNKNOWN + 1) + known, dtype=np.float32)

    def facts(self) -> dict[str, Any]:
        """Return words and scores."""
        facts = {"words": list(self.words), "longest": self.longest}
        return {**facts, "rated": list(self.rated), "scores": dict(self.scores)} if self.scores else facts


def words_of(text: str) -> list[str]:
    """Return words and marks of a text in order, in small letters; of scripts that part no words, the characters."""
    return WORD.findall(unicodedata.normalize("NFC", text).lower())


def fitted_reader(
    cases: Cases, *, vocabulary: int, longest: int, lexicon: Mapping[str, float] | None = None
) -> ChannelScaler | Vocabulary:
    """Return how a network reads such cases, fitted on those it learns from.

    Raises:
        ValueError: there is a lexicon, and the cases are no texts.
    """
    if cases.are_texts:
        return Vocabulary.fitted(cases, size=vocabulary, longest=longest, lexicon=lexicon)
    if lexicon is not None:
        raise ValueError("a lexicon scores the words of texts, and the cases are series; leave it out")
    return ChannelScaler.fitted(cases)


def reader_from(facts: dict[str, Any]) -> ChannelScaler | Vocabulary:
    """Build a reader from what its `facts` returned."""
    if "words" in facts:
        further = (tuple(facts["rated"]), facts["scores"]) if "scores" in facts else ()
        return Vocabulary(tuple(facts["words"]), facts["longest"], *further)
    return ChannelScaler(tuple(facts["channels"]), tuple(facts["mean"]), tuple(facts["deviation"]))


def padded(inputs: Sequence[Array | NDArray[np.float32] | NDArray[np.int64]]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return B inputs side by side, (B, L, F) or (B, L), zeros after the end of each, and their (B,) lengths."""
    lengths = np.array([len(one) for one in inputs], dtype=np.int64)
    table = np.zeros((len(inputs), int(lengths.max()), *inputs[0].shape[1:]), dtype=inputs[0].dtype)
    for row, one in enumerate(inputs):
        table[row, : len(one)] = one
    return table, lengths
