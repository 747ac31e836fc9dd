"""Cells that tell a start and an end: which columns hold such intervals, and the starts in them."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tradewinds.data.readers.grammar import taken_apart

INTERVALS = (
    "^(?P<start>.+?[0-9ZMm]) +[-\u2013\u2014] +(?P<end>[0-9].*)$",
    "^(?P<start>[0-9]{4}-.+?[0-9Z])/(?P<end>[0-9]{4}-.*)$",
    "^(?P<start>.+[0-9] *[T ,;] *[0-9]{1,2}[:.][0-9]{2})[-\u2013\u2014](?P<end>[0-9].*)$",
)
SPAN = r"(?P<H>\d{1,2})[:.](?P<M>\d\d)-(?P<h>\d\d):?(?P<m>\d\d)$"  # a time of day, and an end or an offset from UTC


def starts_of(cells: Any) -> tuple[Any, Any] | None:
    """Return starts and ends of (N,) trimmed cells; None where they are no intervals."""
    first = cells[0].as_py()
    pattern = next((pattern for pattern in INTERVALS if re.fullmatch(pattern, first)), None)
    match = None if pattern is None else re.fullmatch(pattern, first)
    if match is None or not taken_apart(pa.array([match[1].strip()])).fits[0]:
        return None
    if taken_apart(pa.array([first])).fits[0] and not _are_spans(cells):
        return None
    groups = pc.extract_regex(cells, pattern)
    starts, ends = (pc.fill_null(pc.struct_field(groups, name), "") for name in ("start", "end"))
    odd = pc.is_null(groups)
    return pc.utf8_trim_whitespace(pc.if_else(odd, cells, starts)), pc.if_else(odd, "0", ends)


def _are_spans(cells: Any) -> bool:
    """Say whether 00:00-01:00 is an hour and no offset: a zone has two offsets, and ends go with starts."""
    groups = pc.drop_null(pc.extract_regex(cells, SPAN))
    if 2 * len(groups) <= len(cells):
        return False
    hour, minute, end_hour, end_minute = (
        np.asarray(pc.cast(pc.struct_field(groups, name), pa.int64())) for name in ("H", "M", "h", "m")
    )
    start, end = hour * 60 + minute, end_hour * 60 + end_minute
    lengths = np.unique((end - start) % (24 * 60))
    return len(np.unique(end)) > 2 or (len(np.unique(start)) > 1 and len(lengths) == 1)
