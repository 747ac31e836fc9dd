"""Sections of other people's at the end of a page, called by a name (`backtest.sections`)."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from tradewinds.core.plugins import SECTIONS
from tradewinds.report.render import render

Section = Callable[[Mapping[str, Any], Path], str]
PLACE = "<!-- sections -->"  # of a page, where they go; a page without it gets them at the end of its body


def with_sections(page: str, document: Mapping[str, Any], folder: Path) -> str:
    """Return a page with the sections its request names, each under its name as a heading.

    One that fails says so in its own place: the numbers of a run are written by then, and do not depend on it.

    Args:
        page: report.html.
        document: report.json; a section is a function of it and of the folder, and returns HTML that opens no address.
        folder: of the artifact behind it, with its tables.
    """
    names = document["run"]["config"]["backtest"].get("sections", ())  # older reports have none
    drawn = "".join(_drawn(name, document, folder) for name in names)
    place = PLACE if PLACE in page else "</body>"
    return page.replace(place, f"{drawn}{place}", 1) if drawn else page


def _drawn(name: str, document: Mapping[str, Any], folder: Path) -> str:
    try:
        section: Section = SECTIONS.load(name)
        html = section(document, folder)
    except Exception as error:  # other people's code
        html = f"<p>This section could not be drawn: {escape(f'{type(error).__name__}: {error}')}</p>"
    words = name.replace("_", " ")
    return render("section.html", {}, title=f"{words[:1].upper()}{words[1:]}", name=name, html=html)
