"""docs/architecture.md speaks of files that are there, and leaves no folder of the product out."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROOMS = ("forecaster", "trading_env", "trading_agent", "tradewinds")
PATH = re.compile(r"`((?:forecaster|trading_env|trading_agent|tradewinds|conf|data|docs|tests)/[\w./-]*)`")


def test_every_path_on_the_page_is_there():
    paths = PATH.findall(PAGE)
    assert len(paths) > 30
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_of_the_product_stands_in_the_tree():
    tree = PAGE.split("```")[1]
    for room in ROOMS:
        folders = {init.parent.name for init in (ROOT / room).glob("*/__init__.py")}
        part = tree.split(f"{room}/", 1)[1]
        assert [folder for folder in sorted(folders) if f"{folder}/" not in part] == []


def test_the_layers_on_the_page_are_those_of_the_contract():
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.search(r"layers = \[(\s+\"tradewinds\.__main__\".*?)\]", contract, re.DOTALL)[1]
    held = [line.strip(' ",').replace("tradewinds.", "") for line in layers.strip().splitlines()]
    told = re.search(r"^__main__ > .*$", PAGE, re.MULTILINE)[0].split(" > ")
    assert told == held
