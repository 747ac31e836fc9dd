"""`tradewinds retrain`: a challenger is trained up to the newest bar; it replaces the champion only if it wins."""

from typing import Any

from tradewinds.core.console import Console
from tradewinds.operate.retrain import retrain
from tradewinds.request.schema import Config


def main(config: Config, console: Console) -> dict[str, Any]:
    """Bring the data up to date, train, and duel."""
    return retrain(config, console)
