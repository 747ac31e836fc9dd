"""Which cases are told apart, and how they are parted. Light: imports no NumPy."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from tradewinds.core.laws import require

Name = Annotated[str, Field(min_length=1, description="the name of a column")]
File = Annotated[str, Field(min_length=1, description="the name of a file or folder")]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ClassificationConfig:
    """Series of unequal length, texts or recordings, each of one class (docs/classification.md).

    Attributes:
        kind: `classification`.
        path: the cases: a .ts file of the archives; a CSV, TSV or Parquet table with a row a step and the name of its
            case, or a row a text; or a folder of WAV files, a folder a class.
        test_path: cases to be judged by; null judges a part of `path`.
        new_path: cases without a class, which `predict` tells.
        case: column of the name of a case.
        label: column of its class.
        text: column of its text; a table that has none holds series, whose channels are all other columns.
        order: column that puts the steps of a case in order; null for that of the file.
        group: column of what a case belongs to, such as a person or a place; null: each on its own.
        time: column of when a case was seen, with its zone; null where that is not told.
        split: how `path` is parted where there is no `test_path`: `stratified`, the same share of every class;
            `grouped`, whole groups; `time`, the latest are judged.
        test_share: share of `path` that is judged, above 0 and below 1.
        folds: parts of `path` judged in turn, at least 2, each by a classifier that learned from the others; the
            one that is kept learned from all. null judges one part.
        vocabulary: words of texts that are learned, at most.
        longest: words of a text that are read, at least 1; of a longer one the first.
        embedding: units of a word's vector, at least 1.
        lexicon: scores of words, read beside their vectors: `vader` (extra `classify`), or a CSV of word,score; null
            reads none.
        noise: deviation of normal noise that is added to the scaled numbers of series while a network learns, at
            least 0.
        pooling: whether a sequence is read from both ends, and the softmax reads mean and greatest of all states
            instead of the last one; for `lstm`, `gru` and `rnn`.
    """

    kind: Literal["classification"] = "classification"
    path: File | None
    test_path: File | None = None
    new_path: File | None = None
    case: Name = "case"
    label: Name = "label"
    text: Name = "text"
    order: Name | None = None
    group: Name | None = None
    time: Name | None = None
    split: Literal["stratified", "grouped", "time"] = "stratified"
    test_share: Annotated[float, Field(gt=0, lt=1, description="a fraction")] = 0.3
    folds: Annotated[int, Field(ge=2, le=100, description="folds")] | None = None
    vocabulary: Annotated[int, Field(ge=1, description="words")] = 20_000
    longest: Annotated[int, Field(ge=1, le=10_000, description="words")] = 256
    embedding: Annotated[int, Field(ge=1, le=4096, description="units")] = 64
    lexicon: File | None = None
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False, description="deviations of a channel")] = 0.0
    pooling: bool = False

    def __post_init__(self) -> None:
        named = [name for name in (self.case, self.label, self.text, self.order, self.group, self.time) if name]
        require(
            (
                len(set(named)) == len(named),
                f"case, label, text, order, group and time must be columns of their own, were {named}",
            ),
            (
                self.test_path is None or self.folds is None,
                "folds must be null where env.test_path says what is judged; leave one out",
            ),
            (
                self.split != "time" or self.folds is None,
                "folds must be null where env.split=time: the latest cases are judged once",
            ),
        )
