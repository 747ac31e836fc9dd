"""`tradewinds classify`: tell cases apart, from files to a report; `run env=classification` with its own settings."""

from typing import Any

from tradewinds.commands.run import whole_path
from tradewinds.core.console import Console
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Fit a classifier on some cases, then judge it on others."""
    return whole_path(config, console, "classify")
