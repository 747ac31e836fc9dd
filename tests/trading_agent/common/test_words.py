"""The agents' room knows no market: only `direct` may speak of what an account holds and earns."""

import ast
import re
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[3] / "trading_agent"
OUTSIDE = [path for path in sorted(ROOM.rglob("*.py")) if "direct" not in path.relative_to(ROOM).parts]
MARKET_WORDS = re.compile(r"exposure|ledger|equity|portfolio|\bmarkets?\b|\btrad(er|es|ing account)", re.IGNORECASE)


def identifiers(tree):
    """Every name that a module defines or uses."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def docstrings(tree):
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_no_algorithm_but_direct_speaks_of_markets(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    spoken = [name for name in identifiers(tree) if MARKET_WORDS.search(name.replace("_", " "))]
    if path != ROOM / "__init__.py":  # says what the room knows and what not
        spoken += [word.group() for text in docstrings(tree) for word in MARKET_WORDS.finditer(text)]
    assert spoken == []


def test_the_word_list_finds_what_it_is_for():
    tree = ast.parse('def equity_of(market_value):\n    """Return the ledger."""\n')
    assert [name for name in identifiers(tree) if MARKET_WORDS.search(name)] == ["equity_of"]
    assert MARKET_WORDS.search(docstrings(tree)[1])
