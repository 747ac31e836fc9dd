"""The names that docs/metrics.md explains in its table of what trainings log."""

import re
from pathlib import Path


def explained():
    """Return the names in the first column of the table "Training of agents"."""
    text = (Path(__file__).parents[1] / "docs/metrics.md").read_text(encoding="utf-8")
    table = text.split("## Training of agents")[1].split("\n## ")[0]
    return {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
