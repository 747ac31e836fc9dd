"""`tradewinds walk-forward`: models fitted anew for each fold and seed, their tests joined into one account."""

from typing import Any

from tradewinds.commands.words import say_series
from tradewinds.core.console import Console
from tradewinds.request.schema import Config
from tradewinds.tasks import job_of


def main(config: Config, console: Console) -> dict[str, Any]:
    """Fit and test all folds and seeds that are not there yet, and join their tests."""
    prepared = job_of(config, whole=True)
    say_series(prepared, console)
    from tradewinds.walk_forward.joined import walk

    return walk(prepared, console)
