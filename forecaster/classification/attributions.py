"""What a classifier's decisions rest on: how much of the chance of its class a case loses with a part of it.

A part of a series is a channel throughout, or a tenth of the steps: it is set to the mean. A part of a text is a word:
it is set to an unknown one. C cases, K classes.

Source:
    Zeiler and Fergus (2014), Visualizing and understanding convolutional networks, arXiv:1311.2901, section 4.2.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Array, Cases
from forecaster.classification.fitted import FittedClassifier
from forecaster.classification.inputs import UNKNOWN, Vocabulary
from forecaster.classification.scores import LEAST_CHANCE

PARTS = 10  # of a series, as many steps each as can be
Losses = Mapping[str, list[float]]  # by part, the loss of each case that has it, in nats


def losses_of_parts(fitted: FittedClassifier, cases: Cases) -> tuple[Losses, Losses]:
    """Return by part log p - log q of each case, in nats: p the chance of what it is called, q that without the part.

    Returns:
        Of series by channel, and by tenth from `1` to `10`; of texts by word, and nothing. A case with fewer steps than
        tenths lacks some.
    """
    inputs = fitted.reader.read(cases)
    if isinstance(fitted.reader, Vocabulary):
        return _by_word(fitted, fitted.reader, inputs), {}
    whole, called = _called(fitted, inputs)
    channels = {
        name: _lost(fitted, [_without(value, np.s_[:, number]) for value in inputs], called, whole)
        for number, name in enumerate(fitted.reader.channels)
    }
    tenths = {}
    for part in range(PARTS):
        spans = [slice(len(value) * part // PARTS, len(value) * (part + 1) // PARTS) for value in inputs]
        there = np.array([span.stop > span.start for span in spans])
        if there.any():
            told = [_without(inputs[case], spans[case]) for case in np.flatnonzero(there)]
            tenths[str(part + 1)] = _lost(fitted, told, called[there], whole[there])
    return channels, tenths


def _by_word(fitted: FittedClassifier, reader: Vocabulary, inputs: Sequence[NDArray[Any]]) -> Losses:
    whole, called = _called(fitted, inputs)
    names: tuple[str, ...] = (*reader.words, *reader.rated)
    lost: defaultdict[str, list[float]] = defaultdict(list)
    for value, chance, label in zip(inputs, whole, called, strict=True):
        words = [int(number) for number in np.unique(value) if number > UNKNOWN]
        if words:
            without = [np.where(value == word, UNKNOWN, value) for word in words]
            losses = _lost(fitted, without, np.full(len(words), label), np.full(len(words), chance))
            for word, loss in zip(words, losses, strict=True):
                lost[names[word - UNKNOWN - 1]].append(loss)
    return lost


def _called(fitted: FittedClassifier, inputs: Sequence[NDArray[Any]]) -> tuple[Array, NDArray[np.int64]]:
    """Return (C,) the largest chance of each case, and the class it is of."""
    chances = fitted.chances_of(inputs)
    return chances.max(axis=1), chances.argmax(axis=1)


def _without(value: NDArray[Any], part: Any) -> NDArray[Any]:
    other = value.copy()
    other[part] = 0.0  # the mean, in the units that are read
    return other


def _lost(
    fitted: FittedClassifier, inputs: Sequence[NDArray[Any]], called: NDArray[np.int64], whole: Array
) -> list[float]:
    chances = fitted.chances_of(inputs)[np.arange(len(called)), called]
    losses: list[float] = (np.log(whole) - np.log(np.maximum(chances, LEAST_CHANCE))).tolist()
    return losses
