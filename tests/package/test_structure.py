"""What the sources must be like, read as sources: names that mislead nobody, and pages that a reader can open."""

import ast
import re
import sys
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("forecaster", "trading_env", "trading_agent", "tradewinds")
SOUGHT = {"coverage"}  # what installed packages import where it is there: numba would take ours for it
UNSHIPPED = re.compile(r"\b(DESIGN|STYLE|MOVES)\b|\bnotes/|\bissues? #?\d", re.IGNORECASE)
WORDS = {"design", "style", "moves"}  # which mean a page only in capitals


def sources():
    """Every module of the four packages as (path, tree)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def citations(text):
    """What a text names that is not in the repository."""
    return [found[0] for found in UNSHIPPED.finditer(text) if found[0].lower() not in WORDS or found[0].isupper()]


def test_no_two_public_classes_share_a_name():
    places = defaultdict(list)
    for path, tree in sources():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_no_docstring_and_no_page_cites_what_is_not_in_the_repository():
    cited = {}
    for path, tree in sources():
        nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        docstrings = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, nodes)]
        if names := citations("\n".join(docstrings)):
            cited[str(path)] = names
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "conf").rglob("*.yaml"),
    ]
    for path in pages:
        if names := citations(path.read_text(encoding="utf-8")):
            cited[str(path.relative_to(ROOT))] = names
    assert cited == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The law of DESIGN 3.4", ["DESIGN"]),
        ("see notes/ops.md and issue #14", ["notes/", "issue #1"]),
        ("by design it moves in style; a footnote says more", []),
    ],
)
def test_a_citation_is_told_from_a_word(text, names):
    assert citations(text) == names


def test_no_script_or_package_of_ours_is_named_as_somebody_else_s():
    """A script's folder comes first on its path: a module there hides an installed one of that name from everyone."""
    owners = packages_distributions()
    scripts = {path.stem for folder in ("benchmarks", "tests") for path in (ROOT / folder).glob("*.py")}
    installed = {name for name, distributions in owners.items() if set(distributions) != {"tradewinds"}}
    taken = installed | set(sys.stdlib_module_names) | SOUGHT
    assert (scripts - {"conftest"} | set(PACKAGES)) & taken == set()
