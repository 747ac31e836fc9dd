"""Texts of the user's beside a series: each known when it was published, and made numbers of on its own.

What a text becomes hangs on its words alone: a score, counts of hashed words, or hashed words in their order. Nothing
is learned here; an encoder that learns does so in the forecaster, on its own rows.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecaster.classification.inputs import words_of
from forecaster.data.senses import Sense
from tradewinds.core.errors import RequestError
from tradewinds.core.files import sha256_of
from tradewinds.core.laws import nearest
from tradewinds.data.assemble.loaded import LoadedColumns
from tradewinds.data.providers.lexicon import scorer
from tradewinds.data.providers.moments import moments_of, told_apart, until
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.text import listed
from tradewinds.data.rules import DataConfig
from tradewinds.data.senses_config import FileText, NoText

Array = NDArray[np.float64]
KINDS: Mapping[str, Literal["words", "tokens"]] = {"svd": "words", "lstm": "tokens"}  # what reads a text, by encoder
PUBLISHED = ("published", "published_at", "published at", "available_at", "known_at")  # names of the column of when


@dataclass(frozen=True, eq=False)
class Texts:
    """N texts in order of their times.

    Attributes:
        cells: the texts.
        times: when each is of, UTC.
        published: when each was.
        rows: the line of the file each stands on.
    """

    cells: tuple[str, ...]
    times: pd.DatetimeIndex
    published: pd.DatetimeIndex
    rows: NDArray[np.int64]


def no_text(config: NoText, rules: DataConfig) -> None:
    """Return no columns."""


def load_texts(config: FileText, rules: DataConfig) -> LoadedColumns:
    """Read texts and turn each into a row of numbers.

    Raises:
        RequestError: a file, a column, a text or a time that cannot be read with certainty.
    """
    path = Path(config.path)
    texts = read_texts(path, config)
    values, pool = ROWS[config.encoder](texts.cells, config)
    names: tuple[str, ...] = ("text_score",)
    sense = None
    if config.encoder in KINDS:
        width = values.shape[1]
        names = tuple(f"text_{number:04d}" for number in range(width))
        vocabulary = config.words + 1 if config.encoder == "lstm" else 0
        sense = Sense("text", KINDS[config.encoder], (width,), config.units, config.bars, names, vocabulary)
    table = pd.DataFrame(values, index=texts.times, columns=list(names)).assign(text_count=1.0)
    return LoadedColumns(
        table,
        dict.fromkeys(map(str, table.columns), texts.published),
        Origin((path.name,), np.zeros(len(texts.cells), dtype=np.int64), texts.rows),
        sources=({"file": path.name, "sha256": sha256_of(path), "rows": len(texts.cells)},),
        pool=pool,
        sense=sense,
    )


def read_texts(path: Path, config: FileText) -> Texts:
    """Read the texts of a file up to `last`, of all or of one symbol, in order of their times.

    Raises:
        RequestError: as in `load_texts`.
    """
    table = _table(path, config.kind)
    if table.empty:
        raise RequestError(f"{path.name} holds no texts; bring a row a text")
    available = _available_column(path, table, config)
    needed = [config.time_column, config.text_column, *([] if available is None else [available])]
    for name in needed + ([config.symbol_column] if config.symbol is not None else []):
        if name not in table:
            raise RequestError(
                f"{path.name} must have a column '{name}', has {listed(list(map(str, table.columns)), 12)}"
                f"{nearest(name, list(map(str, table.columns)))}; see text.time_column, text.text_column and "
                "text.available_column"
            )
    rows = np.arange(2, len(table) + 2)  # below a header
    if config.symbol is not None:
        own = (table[config.symbol_column] == config.symbol).to_numpy()
        if not own.any():
            symbols = sorted(set(table[config.symbol_column]))
            raise RequestError(
                f"{path.name} has no text of text.symbol={config.symbol}, has those of {listed(symbols, 8)}"
                f"{nearest(config.symbol, symbols)}"
            )
        table, rows = table[own], rows[own]
    where = [f"{path.name}, row {row}" for row in rows]
    cells = [str(cell) for cell in table[config.text_column]]
    for number, cell in enumerate(cells):
        if not cell.strip():
            raise RequestError(f"{where[number]}: the text is empty; remove the row, or write the text")
    moments = {
        name: moments_of(
            [str(cell) for cell in table[name]],
            [f"{one}, column {name}" for one in where],
            zone=config.time_zone,
            group="text",
        )
        for name in needed
        if name != config.text_column
    }
    times = moments[config.time_column]
    published = times + pd.Timedelta(hours=config.lag_hours or 0.0) if available is None else moments[available]
    early = np.flatnonzero(published < times)
    if len(early):
        row = int(early[0])
        raise RequestError(
            f"{where[row]}: the text of {times[row]} was published at {published[row]}, before its own time; correct "
            "one of them"
        )
    order = np.argsort(times.asi8, kind="stable")
    order = order[until(times[order], config.last)]
    if len(order) == 0:
        raise RequestError(f"{path.name} begins on {times.min():%Y-%m-%d}, after text.last={config.last}")
    apart = told_apart(times[order])
    known = pd.DatetimeIndex(np.maximum(published[order].as_unit("ns").asi8, apart.asi8), tz="UTC")
    return Texts(tuple(cells[row] for row in order), apart, known, rows[order])


def _scores(cells: Sequence[str], config: FileText) -> tuple[Array, str]:
    """Return (N, 1) the score of each text by the lexicon."""
    score = scorer(config.lexicon)
    return np.array([[score(cell)] for cell in cells]), "mean"


def _counts(cells: Sequence[str], config: FileText) -> tuple[Array, str]:
    """Return (N, V): which share of a text's words is hashed to each number."""
    counts = np.zeros((len(cells), config.words))
    for row, cell in enumerate(cells):
        words = words_of(cell)
        for word in words:
            counts[row, hashed(word, config.words)] += 1.0 / len(words)
    return counts, "mean"


def _tokens(cells: Sequence[str], config: FileText) -> tuple[Array, str]:
    """Return (N, W): the numbers of a text's last words in their order, from 1 on, and 0 behind them."""
    tokens = np.zeros((len(cells), config.longest))
    for row, cell in enumerate(cells):
        numbers = [1 + hashed(word, config.words) for word in words_of(cell)][-config.longest :]
        tokens[row, : len(numbers)] = numbers
    return tokens, "join"


# By encoder, the rows that it is handed, and how those of one bar become one.
ROWS: Mapping[str, Callable[[Sequence[str], FileText], tuple[Array, str]]] = {
    "lexicon": _scores,
    "svd": _counts,
    "lstm": _tokens,
}


def hashed(word: str, size: int) -> int:
    """Return the number of a word, in [0, V): the same on every machine, whatever else was read."""
    return zlib.crc32(word.encode()) % size


def _table(path: Path, kind: str) -> pd.DataFrame:
    if not path.is_file():
        raise RequestError(f"text.path must name a file, '{path}' is none; it is looked for from {Path.cwd()}")
    try:
        if kind == "parquet":
            table = pd.read_parquet(path)
            return table.map(lambda cell: "" if cell is None or cell is pd.NaT or cell != cell else str(cell))
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except (OSError, ValueError, ImportError, EOFError) as error:
        raise RequestError(
            f"{path.name} cannot be read as {kind}: {' '.join(str(error).split())[:120]}; see text.path"
        ) from None


def _available_column(path: Path, table: pd.DataFrame, config: FileText) -> str | None:
    """Return the column that says when texts were published; None where `lag_hours` does."""
    if config.lag_hours is not None or config.available_column is not None:
        return config.available_column
    names: Mapping[str, str] = {str(name).strip().lower(): str(name) for name in table.columns}
    found = next((names[name] for name in PUBLISHED if name in names), None)
    if found is None:
        raise RequestError(
            f"{path.name} does not say when its texts were published: it has no column {' or '.join(PUBLISHED[:2])}; "
            "name it with text.available_column=..., or give text.lag_hours=... from a text's time"
        )
    return found
