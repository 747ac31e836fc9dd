"""A page finds a place for every figure that its script draws, whichever its template leaves out."""

import re

import pytest
from bokeh.plotting import figure
from jinja2 import DictLoader, Environment

from tradewinds.report import render as rendering


def roots(page):
    """The places that a page's script looks for."""
    return re.findall(r'"roots":\{"[^"]+":"([^"]+)"\}', page) or re.findall(r'"[pn]\d+":"([0-9a-f-]{36})"', page)


@pytest.fixture
def template(monkeypatch):
    """Let a text be the template."""

    def choose(text):
        monkeypatch.setattr(rendering, "_environment", lambda: Environment(loader=DictLoader({"page": text})))

    return choose


def test_a_figure_that_is_left_out_of_the_page_is_left_out_of_its_script(template):
    template("<body>{{ boxes.one | safe }}{{ resources | safe }}{{ script | safe }}</body>")
    page = rendering.render("page", {"one": figure(), "other": figure()})
    (place,) = roots(page)
    assert f'id="{place}"' in page
    assert "\0" not in page


def test_a_page_that_shows_no_figure_carries_no_script(template):
    template("<body>{% if false %}{{ boxes.one | safe }}{% endif %}{{ resources | safe }}{{ script | safe }}</body>")
    assert rendering.render("page", {"one": figure()}) == "<body></body>"
