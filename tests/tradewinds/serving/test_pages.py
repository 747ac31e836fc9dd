"""Which files a browser is shown: pages and pictures under the folder of runs, and no other of this machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.serving.pages import home_page, page_at


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs beside a secret, with a page and much that is none."""
    folder = tmp_path_factory.mktemp("house")
    run = folder / "runs" / "sp500" / "20261201T101500.000000-ab12"
    run.mkdir(parents=True)
    (folder / "secret.html").write_text("secret")
    for name in ("report.html", "report.png", "manifest.json", ".hidden.html"):
        (run / name).write_text("x")
    (folder / "runs" / "registry.db").write_text("x")
    (folder / "runs" / "index.html").write_text("x")
    (folder / "runs" / "out.html").symlink_to(folder / "secret.html")
    (folder / "runs" / "up").symlink_to(folder)
    return folder / "runs"


@pytest.mark.parametrize("path", ["index.html", "sp500/20261201T101500.000000-ab12/report.html"])
def test_a_page_of_a_run_is_found(runs, path):
    assert page_at(runs, path) == runs / path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        ".",
        "..",
        "../secret.html",
        "sp500/../../secret.html",
        "sp500/../index.html",
        "/etc/passwd",
        "//secret.html",
        "sp500//20261201T101500.000000-ab12/report.html",
        "..\\secret.html",
        "index.html\0",
        "index.html\n",
        "%2e%2e/secret.html",
        "out.html",
        "up/secret.html",
        "registry.db",
        "sp500",
        "sp500/20261201T101500.000000-ab12/manifest.json",
        "sp500/20261201T101500.000000-ab12/.hidden.html",
        "x" * 5000 + ".html",
    ],
    ids=lambda path: repr(path[:40]),
)
def test_nothing_else_is(runs, path):
    assert page_at(runs, path) is None


@given(
    st.lists(st.sampled_from(["..", ".", "", "up", "sp500", "secret.html", "index.html", "out.html", "~"]), max_size=6)
)
def test_no_path_leads_out_of_the_folder(runs, parts):
    file = page_at(runs, "/".join(parts))
    assert file is None or file == runs / "index.html"


def test_a_page_without_a_status_tells_the_trouble_and_lists_papers(runs):
    paper = runs / "sp500" / "paper"
    paper.mkdir()
    (paper / "paper.html").write_text("x")
    page = home_page(runs, None, "the registry <is> gone")
    assert "the registry &lt;is&gt; gone" in page
    assert '<a href="runs/sp500/paper/paper.html">paper account of sp500</a>' in page
