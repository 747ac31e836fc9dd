"""`tradewinds search`: settings chosen on validation rows, by trials of one study."""

from importlib.util import find_spec
from typing import Any

from tradewinds.core.console import Console
from tradewinds.core.errors import RequestError
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Try settings, and tell which are the best and whether luck suffices for it."""
    if find_spec("optuna") is None:
        raise RequestError("search needs Optuna; type pip install 'tradewinds[search]'")
    from tradewinds.search.search import search

    return search(config, console)
