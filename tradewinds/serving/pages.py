"""What a browser reads: the page at `/`, and the pages of runs as they lie in their folders."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tradewinds.operate.status_words import lines_of
from tradewinds.report.index import finished, index_page

PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")  # of a path: nothing that leads up, and nothing hidden
SHOWN = {".html": "text/html", ".png": "image/png", ".gif": "image/gif", ".mp4": "video/mp4"}
PAPER = "*/paper/*.html"  # pages of paper accounts


def page_at(runs: Path, path: str) -> Path | None:
    """Return the file of a page or a picture under a folder of runs; None where there is none to be shown.

    Args:
        runs: the folder of all runs.
        path: below it, as it stands in an address.
    """
    parts = path.split("/")
    if not all(PART.fullmatch(part) for part in parts):
        return None
    file = runs.joinpath(*parts)
    try:
        is_shown = file.suffix in SHOWN and file.is_file() and file.resolve().is_relative_to(runs.resolve())
    except OSError:  # such as a name that is too long
        return None
    return file if is_shown else None


def home_page(runs: Path, status: Mapping[str, Any] | None, trouble: str) -> str:
    """Return the page of the status of a model, of its paper account if there is one, and of all finished runs.

    Args:
        runs: the folder of all runs.
        status: of the model; None where it cannot be told.
        trouble: why nothing is answered; empty where something is.
    """
    warnings = [trouble] if status is None and trouble else []
    if status is not None:
        warnings = [str(alarm["text"]) for alarm in status["alarms"]]
    papers = sorted(page.relative_to(runs).as_posix() for page in runs.glob(PAPER))
    links = [(name, name) for name in ("signal", "forecast", "health", "metrics", "models", "openapi.json")]
    links += [(f"paper account of {page.split('/')[0]}", f"runs/{page}") for page in papers]
    return index_page(
        runs,
        finished(runs),
        place="runs/",
        title="Tradewinds" if status is None else str(status["model"]),
        facts=[] if status is None else lines_of(dict(status)),
        warnings=warnings,
        links=links,
    )
