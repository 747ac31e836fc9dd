"""Sequences told apart: three sets of the archives that aeon bundles, and four of texts that people rated.

`python benchmarks/classification.py` prints, for JapaneseVowels, BasicMotions and ItalyPowerDemand, the accuracy on the
test cases of the textbook's LSTM (128 units, ten epochs), of pooled LSTMs with settings that folds of the training
cases chose, the same for all sets, of MiniROCKET with ridge, of the nearest neighbour by time warping, and of logistic
regression on moments: the mean of five seeds, the least, and the seconds of the processor a fit. `texts=FOLDER` adds
the tweets, film, product and editorial snippets of Hutto and Gilbert (2014), in vaderSentiment 2.5's source
distribution: positive or negative in five folds, by GRUs that read VADER's scores of words beside what they learn,
beside VADER and TF-IDF; and the correlation with the ratings. aeon wants a pandas below 3.1:
`pip install --no-deps aeon deprecated wrapt numba llvmlite`. `tones` alone prints the same table of made-up
recordings, which librosa reads.
"""

import dataclasses
import sys
import time
import wave
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from forecaster.classification.cases import Cases, classes_of, numbers_of
from forecaster.classification.fitted import ClassifierConfig, fit_classifier
from forecaster.classification.scores import exact_mcnemar
from forecaster.classification.splits import dealt
from forecaster.config import ModelConfig, TrainerConfig
from tradewinds.data.cases.recordings import read_recordings
from tradewinds.data.cases.ts_files import read_ts
from tradewinds.data.readers.lexicons import read_lexicon
from tradewinds.tasks.classification.rivals import judged_by, rivals_of, vader_scores

SEEDS = 5
TEXTBOOK = ClassifierConfig(
    model=ModelConfig(kind="lstm", hidden_size=128),
    trainer=TrainerConfig(epochs=10, batch_size=32, weight_decay=0.0, lightning={"gradient_clip_val": None}),
)
POOLED = ClassifierConfig(  # kind, pooling, epochs and step by five folds of the training cases alone, one for all sets
    model=ModelConfig(kind="lstm", hidden_size=64),
    trainer=TrainerConfig(epochs=100, learning_rate=3e-3, batch_size=32, weight_decay=0.0, members=3),
    pooling=True,
    noise=0.3,
)
SETS = ("JapaneseVowels", "BasicMotions", "ItalyPowerDemand")
HEAD = f"{'set':<18}{'model':<28}{'accuracy, mean':>15}{'least':>8}{'seconds':>9}"
SNIPPETS = {
    "tweets": "tweets",
    "films": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
}
OF_TEXTS = ClassifierConfig(  # chosen on a fifth of four fifths of the tweets and of the product snippets
    model=ModelConfig(kind="gru", hidden_size=32, dropout=0.5),
    trainer=TrainerConfig(epochs=6, learning_rate=3e-3, batch_size=64, weight_decay=0.0),
    embedding=32,
    pooling=True,
)


def main(words: list[str]) -> None:
    """Print the tables."""
    if words != ["tones"]:
        series()
    for word in words:
        if word.startswith("texts="):
            texts(Path(word.removeprefix("texts=")))
        elif word == "tones":
            tones()


def series() -> None:
    """Print the table of the archives' sets."""
    spec = find_spec("aeon")
    if spec is None or spec.origin is None:
        print("aeon is not installed")
        return
    folder = Path(spec.origin).parent / "datasets" / "data"
    print(HEAD)
    for name in SETS:
        _beside(name, *(_read(folder / name / f"{name}_{part}.ts") for part in ("TRAIN", "TEST")))


def tones() -> None:
    """Print the table of tones that rise, fall or stay, in noise: WAV files of 8 kHz, 105 learned and 45 judged."""
    print(HEAD)
    rng, rate, steps = np.random.default_rng(0), 8_000, np.arange(4_000)
    with TemporaryDirectory() as place:
        for number, label in enumerate(50 * ("rising", "falling", "level")):
            folder = Path(place) / ("learned" if number < 105 else "judged") / label
            folder.mkdir(parents=True, exist_ok=True)
            begin = rng.uniform(300.0, 1_200.0)
            end = begin * {"rising": 1.0 + rng.uniform(0.1, 0.4), "falling": 1.0 - rng.uniform(0.1, 0.3)}.get(
                label, 1.0
            )
            phase = 2.0 * np.pi * np.cumsum(np.linspace(begin, end, len(steps))) / rate
            sound = np.sin(phase + rng.uniform(0.0, 6.0)) + rng.normal(0.0, 0.5, len(steps))
            with wave.open(str(folder / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, rate, len(steps), "NONE", ""))
                file.writeframes((sound * 8_000).astype("<i2").tobytes())
        _beside("tones", *(read_recordings(Path(place) / part) for part in ("learned", "judged")))


def _beside(name: str, learned: Cases, judged: Cases) -> None:
    """Print the rows of a set."""
    _print(name, "lstm, 10 epochs", *_networks(TEXTBOOK, learned, judged))
    _print(name, "pooled lstm, 3 networks", *_networks(POOLED, learned, judged))
    classes = classes_of(learned.known())
    truth = numbers_of(judged.known(), classes, judged.names)
    for rival in rivals_of(learned)[0]:
        started, right = time.process_time(), []
        for seed in range(SEEDS if rival.name == "minirocket" else 1):
            right.append(float((judged_by(rival, learned, judged, classes, seed).argmax(axis=1) == truth).mean()))
        _print(name, rival.name, right, (time.process_time() - started) / len(right))


def texts(folder: Path) -> None:
    """Print the table of rated texts: five folds, every text judged by who did not learn from it."""
    beside, config = ("tf_idf", "vader"), dataclasses.replace(OF_TEXTS, lexicon=read_lexicon("vader", "lexicon"))
    heads = (
        "cases",
        "positive",
        "network",
        *beside,
        *(f"p: {name}" for name in beside),
        "r network",
        "r vader",
        "seconds",
    )
    print(f"\n{'texts':<12}" + "".join(f"{head:>11}" for head in heads), flush=True)
    for name, stem in SNIPPETS.items():
        cases, ratings = _snippets(folder / f"{stem}_GroundTruth.txt")
        classes, started = ("negative", "positive"), time.process_time()
        truth = numbers_of(cases.known(), classes, cases.names)
        rivals = {rival.name: rival for rival in rivals_of(cases)[0]}
        chances = {model: np.zeros((len(cases), 2)) for model in ("network", *beside)}
        for fold in dealt(cases, "stratified", 5, 0):
            learned, judged = cases.of(np.setdiff1d(np.arange(len(cases)), fold)), cases.of(fold)
            chances["network"][fold] = fit_classifier(learned, config, seed=0).chances(judged)
            for model in beside:
                chances[model][fold] = judged_by(rivals[model], learned, judged, classes, 0)
        right = {model: told.argmax(axis=1) == truth for model, told in chances.items()}
        tests = [exact_mcnemar(right["network"], right[model])["p_value"] for model in beside]
        scored = (chances["network"][:, 1], vader_scores(cases)[:, 0])
        likeness = [np.corrcoef(scores, ratings)[0, 1] for scores in scored]
        shares = [f"{100 * share:.1f}%" for share in (truth.mean(), *(right[model].mean() for model in right))]
        cells = [str(len(cases)), *shares, *(f"{p:.2g}" for p in tests), *(f"{r:.3f}" for r in likeness)]
        cells.append(f"{time.process_time() - started:.0f}")
        print(f"{name:<12}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def _networks(config: ClassifierConfig, learned: Cases, judged: Cases) -> tuple[list[float], float]:
    """Return the accuracy of five seeds, and the seconds of a fit."""
    right, started = [], time.process_time()
    for seed in range(SEEDS):
        fitted = fit_classifier(learned, config, seed=seed)
        called = np.array(fitted.classes)[fitted.chances(judged).argmax(axis=1)]
        right.append(float((called == np.array(judged.known())).mean()))
    return right, (time.process_time() - started) / SEEDS


def _print(name: str, model: str, right: list[float], seconds: float) -> None:
    print(f"{name:<18}{model:<28}{100 * np.mean(right):>14.1f}%{100 * min(right):>7.1f}%{seconds:>9.1f}", flush=True)


def _read(path: Path) -> Cases:
    return read_ts(path, path.read_text(encoding="utf-8"))


def _snippets(path: Path) -> tuple[Cases, np.ndarray]:
    """Return texts, positive or negative by the sign of their mean rating, and those ratings; none that is rated 0."""
    rows = [line.split("\t", 2) for line in path.read_text(encoding="latin-1").splitlines() if line.count("\t") >= 2]
    rows = [row for row in rows if float(row[1]) != 0.0 and row[2].strip()]
    labels = tuple("positive" if float(row[1]) > 0.0 else "negative" for row in rows)
    cases = Cases(tuple(row[0] for row in rows), tuple(row[2] for row in rows), labels)
    return cases, np.array([float(row[1]) for row in rows])


if __name__ == "__main__":
    main(sys.argv[1:])
