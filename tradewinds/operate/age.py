"""How old a series is, in bars that its own calendar has closed since; and a refusal of what is too old."""

from datetime import datetime

import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.errors import GateError
from tradewinds.data.due import bars_due, calendar_words
from tradewinds.pipeline.task import Prepared


def is_live(prepared: Prepared) -> bool:
    """Whether bars are to be added to the series at all: a shipped sample and a made-up world end where they end."""
    return bool(getattr(prepared.config.series, "IS_LIVE", True))


def bars_missed(series: Series, moment: datetime) -> int:
    """Return how many bars of the series' calendar have closed after its last one, up to `moment`."""
    return len(bars_due(series, pd.Timestamp(moment)))


def refuse_old(prepared: Prepared, moment: datetime) -> str:
    """Refuse a series that is older than `signal.max_age` allows.

    Returns:
        A sentence where the series is none that grows, else nothing.

    Raises:
        GateError: it is too old.
    """
    last, most = prepared.last_close, prepared.config.signal.max_age
    if not is_live(prepared):
        return f"{prepared.series.name} is no live source: it ends {last:%Y-%m-%d}, and its age is not judged"
    missed = bars_missed(prepared.series, moment)
    if most is not None and missed > most:
        raise GateError(
            f"{prepared.series.name}: {prepared.age}: {missed} bars of {calendar_words(prepared.series)} have closed "
            f"since, and signal.max_age allows {most:g}; bring the series up to date, or ask the champion all the same "
            f"with signal.max_age={missed}"
        )
    return ""
