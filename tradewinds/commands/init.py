"""`tradewinds init NAME`: write a project of plug-ins, one of each kind, with an experiment and tests that pass."""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.core.files import write_text
from tradewinds.request.schema import Config

TEMPLATE = "my_project"  # the name that the files of the template go by
LEFT_OUT = {"__pycache__"}


def main(config: Config, console: Console) -> dict[str, Any]:
    """Write the template into `init.folder`, under the name of that folder.

    Raises:
        RequestError: no folder is named, its name is none of a package, or it is there and not empty.
    """
    folder = _folder(config.init.folder)
    name = folder.name
    for path, text in _template():
        target = folder / path.replace(TEMPLATE, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text(target, text.replace(TEMPLATE, name))
    console.wrote(folder)
    console.result(
        f"next: install it with pip, as {folder}/README.md says, and run its tests: python -m pytest {folder}"
    )
    return {"project": str(folder)}


def _folder(named: str | None) -> Path:
    if named is None:
        raise RequestError("init needs the name of a folder to write, such as: tradewinds init my_project")
    folder = Path(named)
    name = folder.resolve().name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or iskeyword(name):
        raise RequestError(
            f"init needs a folder whose name Python can import, lower-case letters, digits and _, such as "
            f"my_project, was '{name}'"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(f"{folder} is there and not empty, and nothing is written over; name another folder")
    if find_spec(name) is not None:
        raise RequestError(f"'{name}' is the name of a package that is installed; name another folder")
    return folder if folder.name == name else folder.resolve()


def _template() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file of the template."""
    top = Path(str(files("tradewinds"))) / "template"
    for path in sorted(top.rglob("*")):
        if path.is_file() and not LEFT_OUT & set(path.parts):
            yield str(path.relative_to(top)), path.read_text(encoding="utf-8")
