"""The policy of a table of values."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class TablePolicy:
    """The action a table values most, at an observation cut into cells (kind `q_table`).

    Args:
        columns: the C observation columns that count.
        edges: per column the borders between its cells, increasing; a value on a border belongs above it.
        table: (cells of column 1, ..., cells of column C, A) values in units of reward.
    """

    kind = "q_table"

    def __init__(
        self, columns: tuple[int, ...], edges: tuple[NDArray[np.float64], ...], table: NDArray[np.float64]
    ) -> None:
        self.columns, self.edges, self.table = columns, edges, table

    def cells(self, observations: NDArray[np.floating[Any]]) -> tuple[NDArray[np.intp], ...]:
        """Return per column the (N,) cells of (N, O) observations: an index into `table`."""
        return tuple(
            np.searchsorted(edges, observations[:, column], side="right")
            for column, edges in zip(self.columns, self.edges, strict=True)
        )

    def values(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the (N, A) values of all actions, in units of reward."""
        return np.asarray(self.table[self.cells(observations)])

    def act(self, observations: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """Return the (N,) best actions at (N, O) observations."""
        return np.asarray(self.values(observations).argmax(axis=1))

    def settings(self) -> dict[str, Any]:
        """Return the columns."""
        return {"columns": list(self.columns)}

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return copies of the borders and the table."""
        borders = {f"edges.{place}": edges.copy() for place, edges in enumerate(self.edges)}
        return {**borders, "table": self.table.copy()}

    @classmethod
    def from_saved(cls, settings: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """Build it anew."""
        edges = tuple(tensors[f"edges.{place}"].copy() for place in range(len(settings["columns"])))
        return cls(tuple(settings["columns"]), edges, tensors["table"].copy())
