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
from tradewinds.data.notes import Note
from tradewinds.data.providers.lexicon import scorer
from tradewinds.data.providers.moments import is_moment, moments_of, tell_dates, told_apart, until
from tradewinds.data.readers.containers import bytes_of, unzipped
from tradewinds.data.readers.dialect import WORDS
from tradewinds.data.readers.encoding import text_of
from tradewinds.data.readers.origin import Origin
from tradewinds.data.readers.rows import csv_table, parquet_table, separator_of
from tradewinds.data.readers.text import counted, listed
from tradewinds.data.rules import DataConfig
from tradewinds.data.senses_config import FileText, NoText

Array = NDArray[np.float64]
KINDS: Mapping[str, Literal["words", "tokens"]] = {"svd": "words", "lstm": "tokens"}  # what reads a text, by encoder
ENDINGS = {"parquet": (".parquet", ".pq"), "csv": (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")}
PUBLISHED = ("published", "published_at", "published at", "available_at", "known_at")  # names of the column of when


@dataclass(frozen=True, eq=False)
class Texts:
    """N texts in order of their times.

    Attributes:
        cells: the texts.
        times: when each is of, UTC.
        published: when each was.
        rows: the line of the file each stands on.
        known_by: what says when each was published.
        whose: (N,) the symbol that each is of, empty for none; None where all are of the one that was chosen, or the
            file names none.
        notes: what a person should know, one sentence each.
    """

    cells: tuple[str, ...]
    times: pd.DatetimeIndex
    published: pd.DatetimeIndex
    rows: NDArray[np.int64]
    known_by: str
    whose: NDArray[np.str_] | None = None
    notes: tuple[str, ...] = ()


def no_text(config: NoText, rules: DataConfig) -> None:
    """Return no columns."""


def load_texts(config: FileText, rules: DataConfig) -> LoadedColumns:
    """Read texts and turn each into a row of numbers.

    Raises:
        RequestError: a file, a column, a text or a time that cannot be read with certainty.
    """
    path = Path(config.path)
    texts = read_texts(path, config)
    values, pool, notes = ROWS[config.encoder](texts.cells, config)
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
        notes=(*texts.notes, *notes),
        pool=pool,
        whose=texts.whose,
        known_by=texts.known_by,
        sense=sense,
    )


def read_texts(path: Path, config: FileText) -> Texts:
    """Read the texts of a file up to `last`, of all symbols or of one, in order of their times.

    Raises:
        RequestError: as in `load_texts`.
    """
    table, separator = _table(path, config)
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
    own = _own(path, table, config)
    table, rows = table[own], table.index.to_numpy(dtype=np.int64)[own]
    where = [f"{path.name}, row {row}" for row in rows]
    cells = [str(cell) for cell in table[config.text_column]]
    for number, cell in enumerate(cells):
        if not cell.strip():
            raise RequestError(f"{where[number]}: the text is empty; remove the row, or write the text")
    clock = config.time_column if available is None else available

    def moments(name: str, *, ends: bool) -> pd.DatetimeIndex:
        places = [f"{one}, column {name}" for one in where]
        return moments_of(list(map(str, table[name])), places, zone=config.time_zone, group="text", ends=ends)

    times = moments(config.time_column, ends=False)
    lag = pd.Timedelta(hours=config.lag_hours or 0.0)
    published = moments(clock, ends=True) + lag
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
    notes = [] if separator == "comma" else [f"{path.name}: {separator} between cells"]
    notes += tell_dates([str(table[clock].iloc[row]) for row in order], f"{clock} of {path.name}")
    notes += _later(path, table.iloc[order], published[order], config)
    notes += _twice(path, [(int(times.asi8[row]), cells[row]) for row in order])
    known_by = f"by column {clock}" if available is not None else f"{config.lag_hours:g} h after column {clock}"
    whose = None
    if config.symbol is None and config.symbol_column in table:
        whose = np.array([str(symbol).strip() for symbol in table[config.symbol_column]])[order]
    return Texts(tuple(cells[row] for row in order), apart, known, rows[order], known_by, whose, tuple(notes))


def _own(path: Path, table: pd.DataFrame, config: FileText) -> NDArray[np.bool_]:
    """Return (N,) which rows are of `symbol`; all where none is named."""
    if config.symbol is None:
        return np.ones(len(table), dtype=bool)
    own = (table[config.symbol_column] == config.symbol).to_numpy()
    if not own.any():
        symbols = sorted(set(table[config.symbol_column]))
        raise RequestError(
            f"{path.name} has no text of text.symbol={config.symbol}, has those of {listed(symbols, 8)}"
            f"{nearest(config.symbol, symbols)}"
        )
    return np.asarray(own)


def _later(path: Path, table: pd.DataFrame, known: pd.DatetimeIndex, config: FileText) -> list[str]:
    """Return a doubt of each column that would have been taken for when texts were published, and lies later.

    Args:
        path: its name.
        table: (N,) texts.
        known: (N,) by the column that was chosen; where none was, nothing is passed over.
        config: of the texts.
    """
    notes: list[str] = []
    for name in _published(table) if config.available_column is not None else ():
        cells = [str(cell) for cell in table[name]]
        rows = [row for row, cell in enumerate(cells) if is_moment(cell, config.time_zone)]
        told = [cells[row] for row in rows]
        moments = moments_of(told, [path.name] * len(rows), zone=config.time_zone, group="text", ends=True)
        later = int((moments > known[rows]).sum())
        if name != config.available_column and later:
            text = (
                f"{path.name}: {name} lies later than {config.available_column} in {later} of "
                f"{counted(len(table), 'row')}, and texts count as known by {config.available_column}; if they were "
                f"published by {name}, results look ahead: give text.available_column={name}"
            )
            notes.append(Note(text, "doubt"))
    return notes


def _published(table: pd.DataFrame) -> list[str]:
    """Return the columns that by their names say when texts were published."""
    return [str(name) for name in table.columns if str(name).strip().lower() in PUBLISHED]


def _twice(path: Path, written: Sequence[tuple[int, str]]) -> list[str]:
    """Return a note of how many texts are of the same moment and words as one before."""
    same = len(written) - len(set(written))
    if not same:
        return []
    repeat = "repeats the moment and the words of another, and counts"
    if same > 1:
        repeat = "repeat the moment and the words of others, and count"
    return [f"{path.name}: {counted(same, 'text')} {repeat} again; remove what was written twice"]


def _scores(cells: Sequence[str], config: FileText) -> tuple[Array, str, tuple[str, ...]]:
    """Return (N, 1) the score of each text by the lexicon, 0 where it knows no word of it, and of how many it does.

    Raises:
        RequestError: it knows no word of any.
    """
    score = scorer(config.lexicon)
    scores = [score(cell) for cell in cells]
    known = len(scores) - scores.count(None)
    if not known:
        raise RequestError(
            f"text.lexicon={config.lexicon} knows no word of any text of {Path(config.path).name}; "
            "bring a lexicon of their language, or choose text.encoder=svd"
        )
    note = f"text.lexicon={config.lexicon} knows words of {known} of {counted(len(cells), 'text')}; the others score 0"
    return np.array([[one or 0.0] for one in scores]), "mean", (note,)


def _counts(cells: Sequence[str], config: FileText) -> tuple[Array, str, tuple[str, ...]]:
    """Return (N, V): which share of a text's words is hashed to each number."""
    counts = np.zeros((len(cells), config.words))
    for row, cell in enumerate(cells):
        words = words_of(cell)
        for word in words:
            counts[row, hashed(word, config.words)] += 1.0 / len(words)
    return counts, "mean", ()


def _tokens(cells: Sequence[str], config: FileText) -> tuple[Array, str, tuple[str, ...]]:
    """Return (N, W): the numbers of a text's last words in their order, from 1 on, and 0 behind them."""
    tokens = np.zeros((len(cells), config.longest))
    for row, cell in enumerate(cells):
        numbers = [1 + hashed(word, config.words) for word in words_of(cell)][-config.longest :]
        tokens[row, : len(numbers)] = numbers
    return tokens, "join", ()


# By encoder, the rows that it is handed, how those of one bar become one, and what a person should know of them.
ROWS: Mapping[str, Callable[[Sequence[str], FileText], tuple[Array, str, tuple[str, ...]]]] = {
    "lexicon": _scores,
    "svd": _counts,
    "lstm": _tokens,
}


def hashed(word: str, size: int) -> int:
    """Return the number of a word, in [0, V): the same on every machine, whatever else was read."""
    return zlib.crc32(word.encode()) % size


def _table(path: Path, config: FileText) -> tuple[pd.DataFrame, str]:
    """Return the cells of a file as they are written, by their rows, and the word for what stands between them."""
    if not path.is_file():
        raise RequestError(f"text.path must name a file, '{path}' is none; it is looked for from {Path.cwd()}")
    other = next((kind for kind, endings in ENDINGS.items() if path.name.lower().endswith(endings)), config.kind)
    if other != config.kind:
        raise RequestError(
            f"text={config.kind} reads no file that is called {path.name}; write text={other} text.path={config.path}"
        )
    if config.kind == "parquet":
        table = parquet_table(path)
        table = table.reset_index([name for name in table.index.names if name is not None]).apply(_written)
        return table.set_axis(range(1, len(table) + 1)), "comma"
    text, _ = text_of(path.name, unzipped(path, bytes_of(path)))
    sign = separator_of(text, {config.time_column, config.text_column})
    table = csv_table(path.name, text, sign, dtype=str, keep_default_na=False)
    return table, next(word for word, one in WORDS.items() if one == sign)


def _written(column: pd.Series) -> pd.Series:
    """Return a column of a Parquet table as a CSV holds it: days without a zone, all of them whole, name no hour."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "M":
        moments = column.dropna()
        if (moments == moments.dt.normalize()).all():
            days: pd.Series = column.dt.strftime("%Y-%m-%d").fillna("")
            return days
    return column.map(lambda cell: "" if cell is None or cell is pd.NaT or cell != cell else str(cell))


def _available_column(path: Path, table: pd.DataFrame, config: FileText) -> str | None:
    """Return the column that says when texts were published; None where `lag_hours` does."""
    if config.available_column is not None:
        return config.available_column
    found = _published(table)
    if config.lag_hours is not None and found:
        raise RequestError(
            f"{path.name} says itself when its texts were published, in column {listed(found, 8)}, and "
            f"text.lag_hours={config.lag_hours:g} would not read it; leave text.lag_hours out, or name the column with "
            "text.available_column=..."
        )
    if len(found) > 1:
        raise RequestError(
            f"{path.name} has several columns that may say when its texts were published, {listed(found, 8)}; name "
            "one of them with text.available_column=..."
        )
    if not found and config.lag_hours is None:
        raise RequestError(
            f"{path.name} does not say when its texts were published: it has no column {', '.join(PUBLISHED[:-1])} or "
            f"{PUBLISHED[-1]}; name it with text.available_column=..., or give text.lag_hours=... from a text's time"
        )
    return found[0] if found else None
