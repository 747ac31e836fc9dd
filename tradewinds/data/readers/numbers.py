"""Texts into numbers: which mark is the decimal one is told by the whole column, or refused where it may be either."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tradewinds.data.readers.text import ABSENT

Array = NDArray[np.float64]
PLAIN = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
CURRENCY = r"[$€£¥₹₿]"
CODES = r"(USD|EUR|GBP|CHF|JPY|CAD|AUD|NZD|INR|CNY|HKD|SGD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|KRW|USDT|BTC|ETH)"
FACTORS = {"k": 1e3, "m": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12, "%": 0.01}
ANY_SUFFIX = r"(?i)\d\s*(k|m|b|bn|t|%)$"
SPACES = "\xa0\u202f\u2009 "
SIGNS = {"point": ".", "comma": ",", "apostrophe": "'", "space": " ", "none": ""}
NOTHING = r"[^\s\S]"
HEAD = 2_000  # cells that settle most columns
SURE = {  # shapes of which only one reading is a number
    ".": r"^(\d*\.(\d{0,2}|\d{4,})|\d{4,}\.\d{3}|0+\.\d{3}|\d{1,3}([,' ]\d{2,3})+\.\d*|\d{1,3}(,\d{3}){2,}"
    r"|\d{1,2}(,\d{2})+,\d{3})$",
    ",": r"^(\d*,(\d{0,2}|\d{4,})|\d{4,},\d{3}|0+,\d{3}|\d{1,3}([.' ]\d{3})+,\d*|\d{1,3}(\.\d{3}){2,})$",
}
EITHER = {".": r"^[1-9]\d{0,2}\.\d{3}$", ",": r"^[1-9]\d{0,2},\d{3}$"}


@dataclass(frozen=True)
class Style:
    """How a column writes its numbers.

    Attributes:
        decimal: `.` or `,`; empty where it may be either.
        thousands: signs that may stand between thousands.
        row: of a cell that may be read either way, or -1.
    """

    decimal: str
    thousands: str
    row: int = -1


@dataclass(frozen=True, eq=False)
class CellNumbers:
    """A column as numbers.

    Attributes:
        values: (N,), NaN where there is none.
        missing: (N,) whether a cell says that there is no value.
    """

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]


def styles_of(
    columns: Mapping[str, Any], *, separator: str, decimal: str | None, thousands: str | None
) -> dict[str, Style]:
    """Learn how each column of a file writes its numbers.

    Args:
        columns: (N,) cells each.
        separator: between cells; a comma leaves a decimal point to numbers that could be read either way.
        decimal: `point` or `comma`, or the sign itself; None learns it.
        thousands: `comma`, `point`, `apostrophe`, `space` or `none`, or the sign; None takes any but the decimal mark.
    """
    between = None if thousands is None else SIGNS.get(thousands, thousands)
    if decimal is not None:
        mark = SIGNS.get(decimal, decimal)
        return dict.fromkeys(columns, Style(mark, _between(mark, between)))
    marks = {name: _decimal(cells, between) for name, cells in columns.items()}
    sure = {mark for mark, _ in marks.values() if mark}
    shared = sure.pop() if len(sure) == 1 else ""
    styles = {}
    for name, (mark, row) in marks.items():
        mark = mark or shared
        if not mark and (row < 0 or (separator == "," and _has(columns[name], row, "."))):
            mark, row = ".", -1
        styles[name] = Style(mark, _between(mark, between), -1 if mark else row)
    return styles


def read_numbers(cells: Any, style: Style) -> CellNumbers:
    """Read a column of (N,) cells; a cell that is neither a number nor missing is NaN and not missing.

    Where most cells carry a K, M or B they are multiplied, where most carry a % they are fractions.
    """
    trimmed = pc.utf8_trim_whitespace(cells)
    plain = np.asarray(pc.match_substring_regex(trimmed, PLAIN))
    usual = plain if style.decimal == "." else np.zeros(len(plain), dtype=bool)
    values = np.full(len(plain), np.nan)
    values[usual] = _floats(trimmed.filter(pa.array(usual)) if not usual.all() else trimmed)
    missing = np.zeros(len(plain), dtype=bool)
    rest = np.flatnonzero(~usual)
    if len(rest) == 0:
        return CellNumbers(values, missing)
    odd = trimmed.take(pa.array(rest))
    missing[rest] = np.asarray(pc.is_in(pc.utf8_lower(odd), pa.array(sorted(ABSENT))))
    values[rest] = _odd(odd, style, len(plain) - int(missing.sum()))
    return CellNumbers(values, missing)


def currency_in(cells: Any) -> str:
    """Return the sign or the code of a currency that stands in the first cell of a column, or nothing."""
    match = re.search(rf"{CURRENCY}|{CODES}", str(cells[0].as_py())) if len(cells) else None
    return match[0] if match is not None else ""


def thousands_in(cells: Any, style: Style) -> str:
    """Return the sign that a column has between its thousands, or nothing."""
    signs = style.thousands if style.decimal else ""
    there = [sign for sign in signs if pc.any(pc.match_substring(cells, sign)).as_py()]
    return next((sign for sign in there if pc.any(pc.match_substring_regex(cells, rf"\d{sign}\d{{3}}")).as_py()), "")


def _odd(cells: Any, style: Style, filled: int) -> Array:
    """Read the cells that are more than digits and a point."""
    cells, factors = _unsuffixed(cells, filled)
    codes = pc.match_substring_regex(cells, rf"^{CODES}\s*[\d+-]|\d\s*{CODES}$")
    if int(pc.sum(codes).as_py() or 0) * 2 >= max(filled, 1):
        cells = pc.replace_substring_regex(cells, rf"^{CODES}\s*|\s*{CODES}$", "")
    cells = _bare(cells)
    group = f"[{style.thousands}]" if style.thousands else NOTHING
    mark = "," if style.decimal == "," else r"\."
    indian = r"|\d{1,2}(,\d{2})+,\d{3}" if "," in style.thousands else ""
    whole = rf"(\d{{1,3}}({group}\d{{3}})+{indian}|\d+)"
    number = rf"^[+-]?({whole}({mark}\d*)?|{mark}\d+)([eE][+-]?\d{{1,3}})?$"
    good = np.asarray(pc.match_substring_regex(cells, number))
    cells = pc.replace_substring_regex(cells, group, "") if style.thousands else cells
    cells = pc.replace_substring(cells, ",", ".") if style.decimal == "," else cells
    values = np.full(len(good), np.nan)
    values[good] = _floats(cells.filter(pa.array(good)))
    return values * factors


def _unsuffixed(cells: Any, filled: int) -> tuple[Any, Array]:
    """Return cells without K, M, B or %, and the factors these stand for; as they are where few have any."""
    factors = np.ones(len(cells))
    suffixed = np.asarray(pc.match_substring_regex(cells, ANY_SUFFIX))
    if suffixed.sum() * 2 < max(filled, 1):
        return cells, factors
    endings = pc.utf8_lower(pc.replace_substring_regex(cells, r"^.*?([A-Za-z]{1,2}|%)$", r"\1"))
    factors[suffixed] = [FACTORS.get(ending, np.nan) for ending in endings.filter(pa.array(suffixed)).to_pylist()]
    return pc.replace_substring_regex(cells, r"(?i)\s*(k|m|b|bn|t|%)$", ""), factors


def _bare(cells: Any) -> Any:
    """Return cells without signs of currency, and with a plain minus."""
    cells = pc.replace_substring(pc.replace_substring(cells, "\u2212", "-"), "\u2019", "'")
    cells = pc.replace_substring_regex(cells, rf"^([+-]?)\s*{CURRENCY}\s*([+-]?)", r"\1\2")
    return pc.replace_substring_regex(cells, rf"\s*{CURRENCY}$", "")


def _floats(cells: Any) -> NDArray[np.float64]:
    """Return (M,) plain numbers; what is too large for a float is infinite."""
    signed = bool(pc.any(pc.match_substring(cells, "+")).as_py())
    unsigned = pc.replace_substring_regex(cells, r"^\+", "") if signed else cells
    try:
        return np.asarray(pc.cast(unsigned, pa.float64()), dtype=np.float64)
    except pa.ArrowException:
        return np.array([float(text) for text in unsigned.to_pylist()])


def _decimal(cells: Any, between: str | None) -> tuple[str, int]:
    """Return the decimal mark that a column shows, or else a row that may be read either way, or -1."""
    has = {mark: bool(pc.any(pc.match_substring(cells, mark)).as_py()) for mark in ".,"}
    if between:
        has[between] = False
    if not has["."] and not has[","]:
        return "", -1
    row = -1
    for start, length in ((0, HEAD), (HEAD, len(cells))):
        core = _core(cells.slice(start, length))
        counts = {mark: int(pc.sum(pc.match_substring_regex(core, SURE[mark])).as_py() or 0) for mark in ".,"}
        if counts["."] != counts[","]:
            return max(counts, key=lambda mark: counts[mark]), -1
        for mark in ",.":
            either = (
                np.asarray(pc.match_substring_regex(core, EITHER[mark])) if has[mark] and row < 0 else np.zeros(0, bool)
            )
            if either.any():
                row = start + int(np.argmax(either))
    return "", row


def _core(cells: Any) -> Any:
    """Return cells without sign, currency and suffix."""
    core = pc.replace_substring_regex(pc.utf8_trim_whitespace(cells), rf"^{CODES}\s*|\s*{CODES}$", "")
    core = _bare(core)
    core = pc.replace_substring_regex(core, r"(?i)\s*(k|m|b|bn|t|%)$", "")
    return pc.replace_substring_regex(pc.replace_substring_regex(core, r"^[+-]", ""), f"[{SPACES}]", " ")


def _has(cells: Any, row: int, mark: str) -> bool:
    return mark in str(cells[row].as_py())


def _between(decimal: str, thousands: str | None) -> str:
    """Return the signs that may stand between thousands: what was asked for, or any that is not the decimal mark."""
    if thousands is not None:
        return SPACES if thousands == " " else thousands
    return "".join(sign for sign in ",.'" if sign != (decimal or ".")) + SPACES
