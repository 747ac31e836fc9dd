"""Which task a request is for is read in one room: everywhere else there is a task to ask."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("forecaster", "trading_env", "trading_agent", "tradewinds")
TASKS = ROOT / "tradewinds" / "tasks"


def kinds_read(source):
    """Return the lines on which `env.kind` is read, however it is written."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if _kind_of_env(node)]


def _kind_of_env(node):
    match node:
        case ast.Attribute(value=env, attr="kind"):
            return _is_env(env)
        case ast.Subscript(value=env, slice=ast.Constant(value="kind")):
            return _is_env(env)
        case ast.Call(func=ast.Name(id="getattr"), args=[env, ast.Constant(value="kind"), *_]):
            return _is_env(env)
        case ast.Call(func=ast.Attribute(value=env, attr="get"), args=[ast.Constant(value="kind"), *_]):
            return _is_env(env)
    return False


def _is_env(node):
    match node:
        case ast.Name(id="env") | ast.Attribute(attr="env") | ast.Subscript(slice=ast.Constant(value="env")):
            return True
    return False


def test_only_tasks_read_the_kind_of_an_env():
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if TASKS not in path.parents]
    assert len(paths) > 100
    found = {
        f"{path.relative_to(ROOT)}:{line}" for path in paths for line in kinds_read(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "config.env.kind == 'battery'",
        "env.kind",
        'plain["env"]["kind"]',
        'document["run"]["config"]["env"]["kind"]',
        'getattr(config.env, "kind")',
        'getattr(env, "kind", None)',
        'plain["env"].get("kind")',
    ],
)
def test_a_kind_that_is_read_is_found_however_it_is_written(source):
    assert kinds_read(source) == [1]


@pytest.mark.parametrize("source", ["config.agent.kind", 'config["env"]["id"]', "env.kinds", 'reward["kind"]'])
def test_other_kinds_may_be_read_by_all(source):
    assert kinds_read(source) == []
