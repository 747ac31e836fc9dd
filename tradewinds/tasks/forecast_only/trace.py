"""What a forecast nobody acts on came to, bar by bar: its errors."""

from tradewinds.pipeline.records import TraceTables
from tradewinds.pipeline.task import Models, Prepared
from tradewinds.tasks.bar_forecasts import score_tables


def trace(prepared: Prepared, models: Models, rows: range) -> tuple[TraceTables, None]:
    """Return the scores on `rows`."""
    return score_tables(prepared, models, rows), None
