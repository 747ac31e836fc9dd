"""The .ts files of the time series classification archives: a case a line, channels parted by colons, its class last.

Format: Middlehurst et al. (2024), aeon: a Python toolkit for learning from time series, JMLR 25, and its documentation.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecaster.classification.cases import Cases, named
from tradewinds.core.errors import RequestError
from tradewinds.data.cases.limits import LARGEST, LAW
from tradewinds.data.readers.text import counted, shown

MISSING = "?"
SHAPES = ("univariate", "dimensions", "dimension", "equallength", "serieslength")  # words of a header, in small letters
Values = NDArray[np.float64]  # (L, F) of a case


def read_ts(path: Path, text: str, *, new: bool = False) -> Cases:
    """Read a .ts file.

    Args:
        path: its name, for sentences.
        text: its content.
        new: the class of its cases is asked, so that what it says of them is left unread.

    Raises:
        RequestError: a line cannot be read, with its number.
    """
    header, lines = _parts(path, text)
    if _word(header, "timestamps") == "true":
        raise RequestError(
            f"{path} writes a time beside every number (@timestamps true), which is not read; leave them out"
        )
    labelled, declared = _word(header, "classlabel") != "false", header.get("classlabel", "").split()[1:]
    if _word(header, "targetlabel") == "true":
        raise RequestError(f"{path} holds numbers to be forecast (@targetLabel true), no classes")
    values, labels = [], []
    for number, line in lines:
        *channels, last = line.split(":")
        if not labelled:
            channels.append(last)
        elif not channels or (last.strip() in ("", MISSING) and not new):
            raise RequestError(
                f"{path}, line {number}: a case must end with ':' and its class, has none; of cases without classes "
                "write @classLabel false"
            )
        elif declared and not new and last.strip() not in declared:
            raise RequestError(
                f"{path}, line {number}: a class must be among those that @classLabel declares "
                f"({named(declared, 12)}), was '{last.strip()}'; correct it, or declare it"
            )
        values.append(_channels(path, number, channels))
        _refuse_other(path, number, values, header)
        labels.append(last.strip())
    width = values[0].shape[1] if values else 0
    names = tuple(f"{path.stem}:{number}" for number in range(1, len(values) + 1))
    return Cases(
        names,
        tuple(values),
        tuple(labels) if labelled and not new else None,
        tuple(f"channel_{number}" for number in range(1, width + 1)),
    )


def _refuse_other(path: Path, number: int, values: list[Values], header: dict[str, str]) -> None:
    """Hold the last case, of line `number`, to the shape that a header declares, and equal lengths to the first."""
    (length, width), said = values[-1].shape, {word: _word(header, word) for word in SHAPES}
    equal = said["equallength"] == "true"
    laws = {
        "@univariate true": (width, "channel", "1" if said["univariate"] == "true" else ""),
        "@dimensions": (width, "channel", said["dimensions"] or said["dimension"]),
        "@seriesLength": (length, "step", said["serieslength"] if said["equallength"] != "false" else ""),
        "@equalLength true": (length, "step", str(len(values[0])) if equal else ""),
    }
    for words, (there, noun, declared) in laws.items():
        if declared.isdecimal() and there != int(declared):
            told = f"{words} declares" if words != "@equalLength true" else f"{words} and the first case declare"
            raise RequestError(
                f"{path}, line {number}: a case must have the {counted(int(declared), noun)} that {told}, has {there}; "
                "correct the case, or the header"
            )


def _parts(path: Path, text: str) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Return what follows each word of the header, in small letters, and the lines of the data with their numbers."""
    header: dict[str, str] = {}
    lines = list(enumerate(text.splitlines(), start=1))
    for place, (_, line) in enumerate(lines):
        if line.strip().lower() == "@data":
            data = [(number, line.strip()) for number, line in lines[place + 1 :]]
            return header, [(number, line) for number, line in data if line and not line.startswith(("#", "%"))]
        if line.strip().startswith("@"):
            word, *rest = line.strip()[1:].split(maxsplit=1)
            header[word.lower()] = rest[0] if rest else ""
    raise RequestError(f"{path} must be a .ts file with a line @data before its cases, has none")


def _word(header: dict[str, str], word: str) -> str:
    """Return the first thing that a header says of a word, in small letters; empty for nothing."""
    return header.get(word, "").lower().partition(" ")[0].partition("\t")[0]


def _channels(path: Path, number: int, channels: list[str]) -> Values:
    """Return (L, F) numbers of a line."""
    columns = [[_number(path, number, cell.strip()) for cell in channel.split(",")] for channel in channels]
    if len({len(column) for column in columns}) != 1:
        told = ", ".join(str(len(column)) for column in columns)
        raise RequestError(
            f"{path}, line {number}: the channels of a case must be equally long, were of {told} numbers"
        )
    values = np.array(columns).T
    if (large := np.abs(values) > LARGEST).any():
        raise RequestError(f"{path}, line {number}: {values[large][0]:g} {LAW}")
    return values


def _number(path: Path, line: int, cell: str) -> float:
    try:
        return np.nan if cell in (MISSING, "NaN") else float(cell)
    except ValueError:
        raise RequestError(
            f"{path}, line {line}: {shown(cell)} is no number; a case is numbers parted by commas, ':' and its class, "
            f"and {MISSING} a number that is missing"
        ) from None
