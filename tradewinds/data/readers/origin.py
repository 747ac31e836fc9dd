"""Where rows come from: the file and the line behind each, so that every refusal can point at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewinds.core.errors import RequestError
from tradewinds.data.readers.text import listed

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Origin:
    """The files and lines of N rows.

    Attributes:
        files: names of one or more files, or of what stands in for one (`AAPL of yahoo`).
        file: (N,) which of them each row is from.
        lines: (N,) the line on which it stands there.
        owners: symbols of the instruments whose rows they are, where they are of several; or none.
        owner: (N,) which of them each row is of, or None.
    """

    files: tuple[str, ...]
    file: NDArray[np.int64]
    lines: NDArray[np.int64]
    owners: tuple[str, ...] = ()
    owner: NDArray[np.int64] | None = None

    @classmethod
    def counted(cls, name: str, number: int, *, first: int = 1) -> "Origin":
        """Return the origin of `number` rows of one file, counted from `first`."""
        return cls((name,), np.zeros(number, dtype=np.int64), np.arange(first, first + number))

    @property
    def name(self) -> str:
        """The files, for messages about all of them; of many the first."""
        return listed(self.files, 3)

    def row(self, number: int) -> str:
        """Return the words for one row."""
        owner = "" if self.owner is None else f" of {self.owners[self.owner[number]]}"
        return f"{self.files[self.file[number]]}, row {self.lines[number]}{owner}"

    def take(self, rows: Any) -> "Origin":
        """Return the origin of some of the rows: a slice, a mask or numbers."""
        owner = None if self.owner is None else self.owner[rows]
        return Origin(self.files, self.file[rows], self.lines[rows], self.owners, owner)

    def alone(self) -> "Origin":
        """Return the origin of the same rows, without the files that none of them is from."""
        used, file = np.unique(self.file, return_inverse=True)
        return Origin(tuple(self.files[number] for number in used), file, self.lines, self.owners, self.owner)

    def refuse_first(self, bad: Mask, say: Callable[[int], str], law: str) -> None:
        """Refuse the first bad row, if there is one.

        Args:
            bad: (N,) rows that break the law.
            say: called with the row's number; what is found there, such as `high 3.5`.
            law: what must hold, and the cure.

        Raises:
            RequestError: there is one.
        """
        rows = np.flatnonzero(bad)
        if len(rows):
            more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
            raise RequestError(f"{self.row(int(rows[0]))}, {say(int(rows[0]))} {law}{more}")
