"""Public holidays of a country, by the package `holidays`: known years ahead, so at every gate. Extra `holidays`."""

from collections.abc import Collection
from datetime import date

import pandas as pd


def holidays_of(country: str | None, index: pd.DatetimeIndex) -> Collection[date]:
    """Return the holidays of the years of an index, and of the next; none where no country is named.

    Args:
        country: ISO 3166 code, after a hyphen that of a part which has holidays of its own: `NO`, `DE`, `US-TX`.
        index: moments.

    Raises:
        ValueError: the package is not installed, or knows no such country.
    """
    if country is None:
        return ()
    try:
        import holidays
    except ImportError:
        raise ValueError("recalibration.holidays needs a package; type pip install 'tradewinds[holidays]'") from None
    years = range(int(index[0].year) - 1, int(index[-1].year) + 2)
    code, _, part = country.partition("-")
    try:
        return set(holidays.country_holidays(code, subdiv=part or None, years=years))
    except NotImplementedError:
        known = ", ".join(sorted(holidays.list_supported_countries())[:8])
        raise ValueError(
            f"recalibration.holidays must be the code of a country, such as {known}, was '{country}'"
        ) from None
