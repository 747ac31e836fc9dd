"""What a leak check found: one leak, or none; and how often it asked."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tradewinds.pipeline.task import Prepared
from tradewinds.report.document import CLEAN, NOT_PROBED

PROBES = ("reload", "audit", "split", "frozen", "fresh", "stream", "account", "warm_up", "refit", "rescore", "placebo")


@dataclass(frozen=True)
class Leak:
    """Where the future reached the past.

    Attributes:
        probe: one of `PROBES`.
        stage: one of `tradewinds.leakcheck.trace.STAGES`.
        row: the first bar that knew too much, as a row of the series.
        bar: its start, ISO 8601.
        what: what was seen there, in words.
    """

    probe: str
    stage: str
    row: int
    bar: str
    what: str

    def __str__(self) -> str:
        return f"leak at {self.stage}, bar {self.bar} (probe {self.probe}): {self.what}"


Question = tuple[str, Callable[[], Leak | None]]  # a probe, and one comparison of it


@dataclass
class Verdict:
    """What was asked, how often, and the leak that was found.

    Attributes:
        asked: per probe that was run, how many comparisons it made.
        leak: the first one found, or None.
        notes: what is worth knowing beside that.
        unprobed: what could not be asked, and why; with any of it nothing is called clean.
        columns: the audit's table (`tradewinds.leakcheck.columns.AuditedColumn`).
    """

    asked: dict[str, int] = field(default_factory=dict)
    leak: Leak | None = None
    notes: list[str] = field(default_factory=list)
    unprobed: list[str] = field(default_factory=list)
    columns: list[Any] = field(default_factory=list)

    def count(self, probe: str) -> None:
        """Note one more comparison."""
        self.asked[probe] = self.asked.get(probe, 0) + 1

    @property
    def word(self) -> str:
        """`clean`, what was not probed, or where the leak is."""
        if self.leak is not None:
            return str(self.leak)
        return f"{NOT_PROBED}{'; '.join(self.unprobed)}" if self.unprobed else CLEAN

    def block(self) -> dict[str, Any]:
        """Return its part of `honesty` in report.json."""
        return {"leakcheck": self.word, "leakcheck_detail": self.plain()}

    def plain(self) -> dict[str, Any]:
        """Return plain data for report.json."""
        leak = None if self.leak is None else dataclasses.asdict(self.leak)
        return {"verdict": self.word, "comparisons": self.asked, "leak": leak, "notes": [*self.notes, *self.unprobed]}


def leak_at(prepared: Prepared, probe: str, stage: str, row: int, what: str) -> Leak:
    """Return the leak at a row of the request's series."""
    index = prepared.series.index
    return Leak(probe, stage, row, index[min(row, len(index) - 1)].isoformat(), what)
