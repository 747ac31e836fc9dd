"""Who tells cases apart without a network: the commonest class always, and what kept libraries offer for the form.

Each learns from the same cases. One whose library is missing is named, and left out.
"""

import importlib
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases, classes_of, numbers_of
from forecaster.classification.inputs import ChannelScaler, padded

Array = NDArray[np.float64]
Numbers = NDArray[np.int64]
INSTALL = "pip install 'tradewinds[classify]'"


class Rival(NamedTuple):
    """A way of telling cases apart.

    Attributes:
        name: in tables.
        module: that it imports; empty for none.
        chances: of (cases learned from, their classes, cases judged, K, seed) the (J, K) chances.
        says_chances: whether they are chances, and not just a class.
    """

    name: str
    module: str
    chances: Callable[[Cases, Numbers, Cases, int, int], Array]
    says_chances: bool = True


def rivals_of(cases: Cases) -> tuple[list[Rival], list[str]]:
    """Return the rivals for cases of this form, and a remark on those whose package is missing, or lacks another."""
    there, remarks = [], []
    for rival in TEXTS if cases.are_texts else SERIES:
        if reason := _missing(rival.module):
            remarks.append(f"not beside it: {rival.name.replace('_', ' ')}, since {reason} ({INSTALL})")
        else:
            there.append(rival)
    return there, remarks


def _missing(module: str) -> str:
    """Return why a module cannot be imported; empty where it can."""
    if not module:
        return ""
    package = module.partition(".")[0]
    if find_spec(package) is None:
        return f"{package} is not installed"
    try:
        importlib.import_module(module)
    except ImportError as error:  # of a package that was installed without what it needs
        return f"{package} cannot be loaded: {error}"
    return ""


def judged_by(rival: Rival, learned: Cases, judged: Cases, classes: tuple[str, ...], seed: int) -> Array:
    """Return (J, K) chances that a rival gives to the classes, some of which the cases learned from may lack."""
    own = classes_of(learned.known())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="unsafe cast")  # numba, of the counters in aeon's warping
        chances = rival.chances(learned, numbers_of(learned.known(), own, learned.names), judged, len(own), seed)
    told = np.zeros((len(judged), len(classes)))
    told[:, [classes.index(name) for name in own]] = chances
    return told


def _majority(learned: Cases, numbers: Numbers, judged: Cases, classes: int, seed: int) -> Array:
    """How often each class occurred."""
    return np.tile(np.bincount(numbers, minlength=classes) / len(numbers), (len(judged), 1))


def _moments(learned: Cases, numbers: Numbers, judged: Cases, classes: int, seed: int) -> Array:
    """Logistic regression on mean, deviation, first, last, least and greatest of each channel, and length."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = ChannelScaler.fitted(learned)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(_moments_of(scaler, learned), numbers)
    return np.asarray(model.predict_proba(_moments_of(scaler, judged)))


def _moments_of(scaler: ChannelScaler, cases: Cases) -> Array:
    return np.stack(
        [
            np.concatenate([one.mean(0), one.std(0), one[0], one[-1], one.min(0), one.max(0), [len(one)]])
            for one in map(np.asarray, scaler.read(cases))
        ]
    )


def _minirocket(learned: Cases, numbers: Numbers, judged: Cases, classes: int, seed: int) -> Array:
    """MiniROCKET and ridge (Dempster, Schmidt and Webb 2021); shorter cases are filled up with the mean."""
    from aeon.classification.convolution_based import MiniRocketClassifier

    scaler = ChannelScaler.fitted(learned)
    table, _ = padded(scaler.read(learned))
    longest = max(table.shape[1], 9)  # its kernels are nine steps long
    model = MiniRocketClassifier(random_state=seed)
    model.fit(_filled(table, longest), numbers)
    return np.asarray(np.eye(classes)[model.predict(_filled(padded(scaler.read(judged))[0], longest))])


def _filled(table: NDArray[Any], length: int) -> NDArray[Any]:
    """Return (B, L, F) as (B, F, length), cut or filled with zeros at the end."""
    filled = np.zeros((len(table), table.shape[2], length), dtype=np.float64)
    filled[:, :, : table.shape[1]] = table[:, :length].transpose(0, 2, 1)
    return filled


def _nearest(learned: Cases, numbers: Numbers, judged: Cases, classes: int, seed: int) -> Array:
    """The class of the nearest case by dynamic time warping, a tenth of the length at most (Sakoe and Chiba 1978)."""
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    scaler = ChannelScaler.fitted(learned)
    model = KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw", distance_params={"window": 0.1})
    model.fit(_channels_first(scaler, learned), numbers)
    return np.asarray(np.eye(classes)[model.predict(_channels_first(scaler, judged))])


def _channels_first(scaler: ChannelScaler, cases: Cases) -> Any:
    values = [np.asarray(one, dtype=np.float64).T for one in scaler.read(cases)]
    return np.stack(values) if len({one.shape[1] for one in values}) == 1 else values


def _tf_idf(learned: Cases, numbers: Numbers, judged: Cases, classes: int, seed: int) -> Array:
    """Logistic regression on the TF-IDF of words and pairs of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=2000, C=10.0)
    )
    model.fit(list(learned.values), numbers)
    return np.asarray(model.predict_proba(list(judged.values)))


def _vader(learned: Cases, numbers: Numbers, judged: Cases, classes: int, seed: int) -> Array:
    """Logistic regression on the one number of VADER's lexicon and rules (Hutto and Gilbert 2014)."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(vader_scores(learned), numbers)
    return np.asarray(model.predict_proba(vader_scores(judged)))


def vader_scores(cases: Cases) -> Array:
    """Return (C, 1) how positive VADER calls each text, in [-1, 1]."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return np.array([[analyser.polarity_scores(str(text))["compound"]] for text in cases.values])


MAJORITY = Rival("majority", "", _majority)
SERIES = (
    MAJORITY,
    Rival("moments", "sklearn.linear_model", _moments),
    Rival("minirocket", "aeon.classification.convolution_based", _minirocket, says_chances=False),
    Rival("dtw_nearest", "aeon.classification.distance_based", _nearest, says_chances=False),
)
TEXTS = (
    MAJORITY,
    Rival("tf_idf", "sklearn.linear_model", _tf_idf),
    Rival("vader", "vaderSentiment.vaderSentiment", _vader),
)
