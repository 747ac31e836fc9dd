"""What a training measured, as a table beside its agent: `history.csv`. The names are explained in docs/metrics.md."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

HISTORY = "history.csv"


def write_history(history: Sequence[Mapping[str, float]], folder: Path) -> None:
    """Write one row per validation: env steps, score, and the losses of the moment; empty where there was none."""
    names = list(dict.fromkeys(name for entry in history for name in entry))
    with (folder / HISTORY).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, names, lineterminator="\n")
        table.writeheader()
        table.writerows(history)
