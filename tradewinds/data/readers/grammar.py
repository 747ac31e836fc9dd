"""How people write times: the shapes that are known, and the numbers in them. No zone is applied, nothing is guessed.

A shape is a pattern of RE2 with named parts, so that a column of a million cells is taken apart in one sweep.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]
CLOCK = (
    r"(?:(?:[TD ,;]+| - | *-)(?P<H>\d{1,2})(?:[:.h](?P<M>\d{2})(?:[:.](?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
    r"(?:[ -]*(?P<p>[AaPp]\.?[Mm]\.?))?)?"
)
ZONE = r"(?: *(?P<z>Z|UTC|GMT|CET|CEST|MEZ|MESZ|EST|EDT|PST|PDT|(?:UTC|GMT)?[+-]\d\d:?(?:\d\d)?)(?:\[[A-Za-z_/]+\])?)?"
WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*[., ]+)?"
NAME = "[A-Za-zÀ-ÿ]{3,10}"
SHAPES: Mapping[str, str] = {  # by name, tried in this order
    "ymd": rf"^{WEEKDAY}(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){CLOCK}{ZONE}$",
    "either": rf"^{WEEKDAY}(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){CLOCK}{ZONE}$",
    "compact": r"^(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"
    rf"(?:(?:[T_:-]| {{1,2}})?(?P<H>\d\d):?(?:(?P<M>\d\d):?(?:(?P<S>\d\d)(?:[.,](?P<f>\d{{1,9}}))?)?)?)?{ZONE}$",
    "day_name": rf"^{WEEKDAY}(?P<d>\d{{1,2}})\.?[ -]*(?P<n>{NAME})\.?[ ,-]*(?P<y>\d{{4}}|\d{{2}}){CLOCK}{ZONE}$",
    "name_day": rf"^{WEEKDAY}(?P<n>{NAME})\.?[ -]+(?P<d>\d{{1,2}}),?[ -]+(?P<y>\d{{4}}){CLOCK}{ZONE}$",
    "year_name": rf"^(?P<y>\d{{4}})-(?P<n>[A-Za-zÀ-ÿ]{{3}})-(?P<d>\d{{1,2}}){CLOCK}{ZONE}$",
    "month": r"^(?P<y>\d{4})(?:[-/.]|-?M)(?P<m>\d{1,2})$",
    "compact_month": r"^(?P<y>19\d\d|20\d\d)(?P<m>0[1-9]|1[0-2])$",
    "quarter": r"^(?P<y>\d{4})[- ]?Q(?P<q>[1-4])$",
    "name_month": rf"^(?P<n>{NAME})\.?[ -](?P<y>\d{{4}}|\d{{2}})$",
}
COMPILED = {shape: re.compile(pattern, re.ASCII) for shape, pattern in SHAPES.items()}
WORDS = {  # for messages and the layout
    "ymd": "yyyy-mm-dd", "either": "day and month by their numbers", "compact": "yyyymmdd", "day_name": "5 Jan 2024",
    "name_day": "Jan 5, 2024", "year_name": "2024-Jan-05", "month": "yyyy-mm", "compact_month": "yyyymm",
    "quarter": "2024-Q1", "name_month": "Jan 2024",
}  # fmt: skip
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan ene janv", "feb fev fevr febr", "mar mrz maer marz mars", "apr avr abr avri", "may mai mayo",
            "jun juin juni", "jul juil juli", "aug aou aout ago", "sep sept set", "oct okt", "nov", "dec dez dic",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
OFFSETS = {
    "Z": 0, "UTC": 0, "GMT": 0, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120, "EST": -300, "EDT": -240,
    "PST": -480, "PDT": -420,
}  # fmt: skip
UNITS = {9: 10**9, 10: 10**9, 12: 10**6, 13: 10**6, 15: 10**3, 16: 10**3, 18: 1, 19: 1}  # ns, by the digits of a count
UNIT_NAMES = {10**9: "seconds", 10**6: "milliseconds", 10**3: "microseconds", 1: "nanoseconds"}


@dataclass(frozen=True, eq=False)
class TimeParts:
    """Times taken apart.

    Attributes:
        shape: of SHAPES.
        fits: (N,) whether a cell has the shape.
        parts: (N,) each: `y m d` or `y a b`, `H M S f` in nanoseconds, 0 where they do not stand.
        offset: (N,) minutes east of Greenwich.
        zoned: (N,) whether a zone is named.
        clocked: (N,) whether a time of day is written.
    """

    shape: str
    fits: NDArray[np.bool_]
    parts: dict[str, Ints]
    offset: Ints
    zoned: NDArray[np.bool_]
    clocked: NDArray[np.bool_]


def shape_of(text: str) -> str | None:
    """Return the first shape that a trimmed text has, or None."""
    return next((shape for shape, pattern in COMPILED.items() if pattern.match(text)), None)


def is_time(text: str) -> bool:
    """Say whether a trimmed text has the shape of a time, its month, if it has a name, being one."""
    match = next((match for pattern in COMPILED.values() if (match := pattern.match(text))), None)
    return match is not None and ("n" not in match.groupdict() or _month(match["n"]) > 0)


def taken_apart(cells: Any) -> TimeParts:
    """Take (N,) trimmed cells apart by the shape that most of them have."""
    best: tuple[int, str, NDArray[np.bool_], Any] = (-1, "ymd", np.zeros(len(cells), dtype=bool), None)
    likely = (shape_of(cells[0].as_py()) if len(cells) else None) or "ymd"
    for shape in (likely, *(other for other in SHAPES if other != likely)):
        groups = pc.extract_regex(cells, SHAPES[shape])
        fits = np.asarray(pc.is_valid(groups))
        if int(fits.sum()) > best[0]:
            best = (int(fits.sum()), shape, fits, groups)
        if best[0] == len(cells):
            break
    _, shape, fits, groups = best
    names = [field.name for field in groups.type]
    texts = {name: pc.fill_null(pc.struct_field(groups, name), "") for name in names}
    parts = {name: _ints(texts[name]) for name in names if name not in "npzf"}
    if "f" in names:
        parts["f"] = _ints(pc.utf8_rpad(texts["f"], 9, "0"))
    if "n" in names:
        parts["m"] = _months(texts["n"])
    if "q" in names:
        parts["m"] = 3 * parts["q"] - 2
    short = parts["y"] < 100
    written = np.asarray(pc.utf8_length(texts["y"])) == 2
    parts["y"] = np.where(short & written, parts["y"] + np.where(parts["y"] < 69, 2000, 1900), parts["y"])
    parts.setdefault("d", np.ones(len(cells), dtype=np.int64))
    clocked = np.asarray(pc.not_equal(texts["H"], "")) if "H" in names else np.zeros(len(cells), dtype=bool)
    fits = fits & ~_halved(texts, parts, names)
    zones = texts.get("z", None)
    zoned = np.asarray(pc.not_equal(zones, "")) if zones is not None else np.zeros(len(cells), dtype=bool)
    offset = _offsets(zones) if zones is not None and zoned.any() else np.zeros(len(cells), dtype=np.int64)
    return TimeParts(shape, fits, parts, offset, zoned, clocked)


def _halved(texts: Mapping[str, Any], parts: dict[str, Ints], names: list[str]) -> NDArray[np.bool_]:
    """Turn hours of AM and PM into those of the day, and return which are none."""
    wrong = np.zeros(len(parts["y"]), dtype=bool)
    if "p" not in names:
        return wrong
    half = np.asarray(pc.utf8_slice_codeunits(pc.utf8_lower(texts["p"]), 0, 1).to_pylist())
    marked = half != ""
    if marked.any():
        hour = parts["H"]
        wrong = marked & ((hour < 1) | (hour > 12))
        parts["H"] = np.where(marked, hour % 12 + np.where(half == "p", 12, 0), hour)
    bare = ~marked & np.asarray(pc.and_(pc.equal(texts["M"], ""), pc.not_equal(texts["H"], "")))
    return np.asarray(wrong | bare)  # an hour alone is told from a year only by its AM or PM


def nanoseconds(parts: Mapping[str, Ints]) -> tuple[Ints, NDArray[np.bool_]]:
    """Return (N,) nanoseconds since 1970 by the calendar, and which are moments of the years 1700 to 2200."""
    zero = np.zeros(len(parts["y"]), dtype=np.int64)
    year, month, day = parts["y"], parts["m"], parts["d"]
    hour, minute, second, part = (parts.get(name, zero) for name in ("H", "M", "S", "f"))
    whole_day = (hour == 24) & (minute == 0) & (second == 0)
    good = (year >= 1700) & (year <= 2200) & (month >= 1) & (month <= 12) & (day >= 1)
    good &= ((hour < 24) | whole_day) & (minute < 60) & (second < 60)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[M]").astype("datetime64[D]") - first).astype(np.int64)
    good &= day <= length
    days = np.where(good, first.astype(np.int64) + day - 1, 0)
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return np.where(good, seconds * 10**9 + part, 0), good


def counts(cells: Any) -> tuple[Ints, NDArray[np.bool_], set[str]]:
    """Read (N,) cells as counts since 1970: nanoseconds, which of them are such counts, and in what units they count.

    The unit is told by the digits of each, so that it may change inside a file.
    """
    digits = np.minimum(np.asarray(pc.utf8_length(pc.replace_substring_regex(cells, r"\.\d*$", ""))), 20)
    stamps, good = np.zeros(len(digits), dtype=np.int64), np.zeros(len(digits), dtype=bool)
    units = set()
    for number in np.unique(digits).tolist():
        if number in UNITS:
            rows = np.flatnonzero(digits == number)
            stamps[rows], good[rows] = counted_in(cells.take(pa.array(rows)), UNITS[number])
            units |= {UNIT_NAMES[UNITS[number]]} if good[rows].any() else set()
    return stamps, good, units


def counted_in(cells: Any, unit: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Read (N,) cells as counts since 1970 of one unit, so many nanoseconds: nanoseconds, and which are such counts."""
    good = np.asarray(pc.match_substring_regex(cells, r"^\d{1,18}(\.\d{0,9})?$|^[0-8]\d{18}$"))
    whole = pc.replace_substring_regex(cells.filter(pa.array(good)), r"\.\d*$", "")
    number, fraction = np.zeros(len(good), dtype=np.int64), np.zeros(len(good))
    number[good] = _ints(whole)
    pointed = good & np.asarray(pc.match_substring(cells, "."))
    if pointed.any():
        texts = pc.replace_substring_regex(cells.filter(pa.array(pointed)), r"^\d*\.?", "0.")
        fraction[pointed] = np.asarray(pc.cast(texts, pa.float64()))
    good &= number < np.iinfo(np.int64).max // unit
    return np.where(good, number * unit, 0) + np.rint(fraction * unit).astype(np.int64), good


def _ints(cells: Any) -> Ints:
    return np.asarray(pc.cast(pc.if_else(pc.equal(cells, ""), "0", cells), pa.int64()), dtype=np.int64)


def _months(cells: Any) -> Ints:
    encoded = cells.dictionary_encode() if not isinstance(cells, pa.DictionaryArray) else cells
    numbers = np.array([_month(name) for name in encoded.dictionary.to_pylist()], dtype=np.int64)
    return numbers[np.asarray(encoded.indices)] if len(numbers) else np.zeros(len(cells), dtype=np.int64)


def _month(name: str) -> int:
    """Return 1 to 12, or 0: by the first letters that tell the months of four languages apart."""
    plain = name.lower().replace("é", "e").replace("û", "u").replace("ä", "ae")
    return next((MONTHS[plain[:length]] for length in (4, 3) if plain[:length] in MONTHS), 0)


def _offsets(zones: Any) -> Ints:
    encoded = zones.dictionary_encode()
    minutes = np.array([_offset(zone) for zone in encoded.dictionary.to_pylist()], dtype=np.int64)
    offsets: Ints = minutes[np.asarray(encoded.indices)]
    return offsets


def _offset(zone: str) -> int:
    if zone in OFFSETS or not zone:
        return OFFSETS.get(zone, 0)
    digits = re.sub(r"\D", "", zone)
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if "-" in zone else minutes
