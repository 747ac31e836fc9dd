"""Leaks, each planted in the pipeline as it is by changing one function: what the checks have to find.

`table` has the machinery; the leaks stand by subject in `forecasts`, `choice`, `columns`, `money`, `senses` and
`universes`; `requests` are the requests they show in. `make bench` plays them all (benchmarks/leaks.py), a test those
that show in a second.
"""

from leaks import choice, columns, forecasts, money, senses, universes
from leaks.table import CALLS, PLANTS, planted, sow

__all__ = ["CALLS", "PLANTS", "choice", "columns", "forecasts", "money", "planted", "senses", "sow", "universes"]
