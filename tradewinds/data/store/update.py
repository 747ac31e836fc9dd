"""Bring a table of the store up to date: ask only for what is new, and believe it only where it agrees with the old.

Equal where they overlap: append. One ratio throughout: a split has restated the history; fetch it whole. Anything else:
refuse, and say which days. Knows tables and replies; not who is asked.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from tradewinds.core.errors import GateError, RequestError
from tradewinds.data.readers.text import listed, moment
from tradewinds.data.store.store import Store, Stored

Status = Literal["ok", "empty", "rate_limited", "unreachable", "malformed", "conflict", "missing"]
OVERLAP = 10  # rows asked for again
SAME = 1e-6  # relative difference of two floats that went through somebody's 32 bits
STEADY = 1e-3  # relative spread of a ratio that counts as one
FIXED = ("currency", "zone")  # facts of an instrument that do not change under it
TRANSIENT = ("rate_limited", "unreachable")


@dataclass(frozen=True, eq=False)
class Reply:
    """What a source answered.

    Attributes:
        status: ok, or what went wrong.
        frame: rows by start, UTC, if ok.
        reason: what went wrong, one sentence.
        facts: what it said of the instrument.
        notes: what was left out.
    """

    status: Status
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FetchResult:
    """What became of one instrument.

    Attributes:
        source: such as yahoo/1d.
        instrument: the key in the store.
        status: ok, or why the store is as it was.
        rows: in the store now.
        added: new ones.
        first: start of the first row, or null.
        last: start of the last.
        sha256: of the table.
        reason: what went wrong, or what is worth knowing.
    """

    source: str
    instrument: str
    status: Status
    rows: int = 0
    added: int = 0
    first: str | None = None
    last: str | None = None
    sha256: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Asking:
    """How a source is asked for one instrument.

    Attributes:
        ask: called with the first moment wanted, or None for all that was asked for.
        check: holds a whole table against the laws and returns what is odd; raises RequestError.
        parameters: what is asked; `first` is a date, or None for all there is.
        compared: columns that must agree where two fetches overlap, if both have them.
        scaled: columns a split restates by one ratio.
    """

    ask: Callable[[pd.Timestamp | None], Reply]
    check: Callable[[pd.DataFrame, Mapping[str, Any]], list[str]]
    parameters: Mapping[str, Any]
    compared: tuple[str, ...]
    scaled: tuple[str, ...] = ()


def update(store: Store, key: str, asking: Asking, *, refetch: bool) -> FetchResult:
    """Fetch what is new of one instrument, and store it if it can be believed; else the store stays as it is.

    Returns:
        What became of it; nothing is raised for what a source may do.

    Raises:
        GateError: the stored table is damaged, and `refetch` was not asked for.
    """
    old = None if refetch else store.read(key)
    before = None if old is None else old.frame
    whole = old is None or _wider(asking.parameters, old.sidecar["parameters"])
    since = None if whole or before is None else before.index[max(len(before) - OVERLAP, 0)]
    reply = asking.ask(since)
    notes = list(reply.notes)
    if reply.status == "ok" and before is not None:
        filled = _without_price(old)
        verdict, dates = compare(before.loc[since:], reply.frame.loc[since : before.index[-1]], asking, filled)
        if verdict == "restated" and not whole:
            whole, reply = True, asking.ask(None)
            verdict, dates = (verdict, dates) if reply.status != "ok" else compare(before, reply.frame, asking, filled)
        if verdict == "conflict":
            return _said(store, key, "conflict", old, reason=_disagreement(dates))
        if verdict == "restated":
            notes = [*reply.notes, f"a split restated the history: all {len(reply.frame)} rows were fetched again"]
    if reply.status != "ok":
        return _said(store, key, reply.status, old, reason=reply.reason)
    frame, facts = reply.frame, dict(reply.facts)
    if old is not None and before is not None:
        changed = [
            name for name in FIXED if facts.get(name) and old.sidecar["facts"].get(name, facts[name]) != facts[name]
        ]
        if changed:
            was, now = old.sidecar["facts"][changed[0]], facts[changed[0]]
            reason = f"its {changed[0]} was {was} and is now {now}; data.refetch=true replaces what is stored"
            return _said(store, key, "conflict", old, reason=reason)
        if not whole:
            fresh = frame.loc[~frame.index.isin(before.index)]
            frame = pd.concat([before, fresh[before.columns]]).sort_index() if len(fresh) else before
            notes = list(dict.fromkeys([*old.sidecar["facts"].get("notes", []), *notes]))
            facts["without_price"] = sorted(
                {*old.sidecar["facts"].get("without_price", []), *facts.get("without_price", [])}
            )
    try:
        notes = list(dict.fromkeys([*notes, *asking.check(frame, facts)]))
    except RequestError as error:
        return _said(store, key, "malformed", old, reason=str(error))
    parameters = asking.parameters if whole or old is None else old.sidecar["parameters"]
    stored = store.write(key, frame, parameters=parameters, facts={**facts, "notes": notes})
    added = len(frame) if before is None else len(frame.index.difference(before.index))
    return _said(store, key, "ok", stored, added=added, reason="; ".join(notes))


def compare(
    before: pd.DataFrame, after: pd.DataFrame, asking: Asking, filled: Collection[str] = ()
) -> tuple[Literal["same", "restated", "conflict"], pd.DatetimeIndex]:
    """Compare two fetches over the span of the earlier one.

    Args:
        before: the stored rows.
        after: the new rows of the same span, and perhaps some outside it.
        asking: which columns must agree, and which a split scales.
        filled: days that had no price before, and may have one now.

    Returns:
        `same`; `restated`, if all scaled columns differ by one ratio; or `conflict` and its rows.
    """
    after = after.loc[before.index[0] : before.index[-1]]
    shared = before.index.intersection(after.index)
    lost = before.index.symmetric_difference(after.index)
    lost = lost[[moment(day) not in filled for day in lost]] if filled else lost
    earlier, later = before.loc[shared], after.loc[shared]
    differing = pd.Series(False, index=shared)
    for name in set(asking.compared) & set(before.columns):
        differing |= ~np.isclose(earlier[name], later[name], rtol=SAME, atol=1e-12, equal_nan=True)
    if len(lost) == 0 and len(shared) and not differing.any():
        return "same", pd.DatetimeIndex([])
    if len(lost) == 0 and len(shared) and asking.scaled:
        ratios = np.concatenate([(later[name] / earlier[name]).to_numpy(dtype=np.float64) for name in asking.scaled])
        middle = float(np.median(ratios))
        steady = abs(middle - 1.0) > STEADY and bool((np.abs(ratios / middle - 1.0) < STEADY).all())
        if steady and _is_split(middle) and _events_agree(earlier, later, middle):
            return "restated", pd.DatetimeIndex([])
    return "conflict", pd.DatetimeIndex(shared[differing].union(lost))


def _is_split(ratio: float) -> bool:
    """Whether a ratio of whole numbers explains it, as 1/4, 2/3 or 8/1 do; a hundredth is another unit, not a split."""
    return any(abs(ratio * new - old) < 2.0 * STEADY * old for new in range(1, 51) for old in range(1, 51)) and (
        1.0 / 60.0 < ratio < 60.0
    )


def _events_agree(before: pd.DataFrame, after: pd.DataFrame, ratio: float) -> bool:
    """Whether dividends have been scaled like the prices, and no earlier split has changed."""
    if "dividends" not in before.columns:
        return True
    paid = np.isclose(before["dividends"] * ratio, after["dividends"], rtol=1e-2, atol=1e-6)
    return bool(paid.all()) and bool(np.isclose(before["splits"], after["splits"]).all())


def _without_price(old: Stored | None) -> list[str]:
    return [] if old is None else list(old.sidecar["facts"].get("without_price", []))


def _disagreement(dates: pd.DatetimeIndex) -> str:
    if len(dates) == 0:
        return "the source has none of the last rows that are stored; data.refetch=true replaces what is stored"
    days = listed([moment(date) for date in dates], 5)
    return f"the source now disagrees with what is stored on {days}; data.refetch=true replaces it"


def _wider(parameters: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether more is asked for than is stored: an earlier first date, or anything else than before."""
    first, stored_first = parameters["first"], stored.get("first")
    earlier = stored_first is not None and (first is None or first < stored_first)
    return earlier or {**parameters, "first": None} != {**stored, "first": None}


def _said(store: Store, key: str, status: Status, stored: Stored | None, *, reason: str, added: int = 0) -> FetchResult:
    if stored is None:
        return FetchResult(store.source, key, status, reason=reason)
    sidecar = stored.sidecar
    return FetchResult(
        store.source, key, status, sidecar["rows"], added, sidecar["first"], sidecar["last"], sidecar["sha256"], reason
    )


def look(store: Store, key: str) -> FetchResult:
    """Say what is stored of an instrument, without asking anybody."""
    try:
        stored = store.read(key)
    except GateError as error:
        return FetchResult(store.source, key, "conflict", reason=str(error))
    if stored is None:
        return FetchResult(store.source, key, "missing", reason="it was never fetched")
    return _said(store, key, "ok", stored, reason=f"fetched {stored.sidecar['fetched_at']}")
