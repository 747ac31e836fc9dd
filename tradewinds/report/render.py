"""How a page is written: the templates beside this file, and how their numbers look. Knows no run and no report."""

from functools import cache
from typing import Any

from bokeh.document import Document
from bokeh.embed import components
from bokeh.resources import Resources
from jinja2 import Environment, PackageLoader, StrictUndefined

PLACE, RESOURCES = "<\0box of ", "<\0resources>"  # where figures go, which no text of a page can hold


def render(template: str, figures: dict[str, Any], **values: Any) -> str:
    """Return a self-contained page: the template, its Bokeh figures as `boxes`, and `values`.

    A figure that the template leaves out is left out of the script, too: a browser that finds no place for one figure
    draws none.
    """
    places = {name: f"{PLACE}{name}>" for name in ("", *figures)}
    boxes = {name: places[name] for name in figures}
    template_values = {"script": places[""], "boxes": boxes, "resources": RESOURCES, **values}
    page = _environment().get_template(template).render(**template_values)
    drawn = {name: figure for name, figure in figures.items() if places[name] in page}
    script, divisions = components(_together(drawn)) if drawn else ("", {})
    for name, division in {**divisions, "": script}.items():
        page = page.replace(places[name], division)
    return page.replace(RESOURCES, Resources(mode="inline", components=["bokeh"]).render() if drawn else "")


@cache
def _environment() -> Environment:
    """Return where templates are found, each read and compiled once."""
    environment = Environment(
        loader=PackageLoader("tradewinds.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"shown": shown, "shade": shade}
    return environment


def _together(figures: dict[str, Any]) -> dict[str, Any]:
    """Put figures on one document at once: Bokeh would walk all of them again for each that it adds."""
    document = Document()
    with document.models.freeze():
        for figure in figures.values():
            document.add_root(figure)
    return figures


def shade(value: float | None) -> str:
    """Return the background of a month's return: blue for gains, orange for losses, full at ten percent."""
    if value is None:
        return ""
    return f"background: rgba(var(--{'up' if value >= 0.0 else 'down'}), {min(abs(value) / 0.10, 1.0) * 0.65:.2f})"


def shown(value: Any, form: str = "number") -> str:
    """Write a number as its form asks, a text as it is, and a dash for what could not be computed."""
    if value is None:
        return "\u2013"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}".replace("-", "\u2212")
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {shown(number)}" for name, number in value.items())
    if isinstance(value, list):
        return " to ".join(shown(number) for number in value)
    if form in ("percent", "cost") and abs(value) >= 1e3:  # beyond belief, and too wide for a table
        return f"{100.0 * value:.2e}%"
    forms = {
        "percent": f"{value:.1%}",
        "cost": f"{value:.2%}",
        "small": f"{value:.5f}",
        "count": f"{value:,.0f}",
        "money": f"{value:,.0f}",
        "number": f"{value:.2f}",
    }
    text = forms[form]
    return text.lstrip("-") if not text.strip("-0.,%") else text.replace("-", "\u2212")  # no minus before a zero
