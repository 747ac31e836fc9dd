"""`tradewinds walk-forward`: models fitted anew for each fold and seed, their tests joined into one account."""

from tradewinds.walk_forward.joined import main

__all__ = ["main"]
