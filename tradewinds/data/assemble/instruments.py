"""The instruments of a request side by side, which is refused where they cannot be put so."""

from collections.abc import Mapping

import forecaster.data.instruments as leaf
from forecaster.data.instruments import Facts as Facts
from forecaster.data.instruments import Whole as Whole
from forecaster.data.series import Series
from tradewinds.core.errors import RequestError
from tradewinds.data.checks.bars import Bars


def series_of(instruments: Mapping[str, Bars], facts: Facts, whole: Whole | None = None) -> tuple[Series, list[str]]:
    """Put A instruments side by side, as `forecaster.data.instruments.series_of` does.

    Raises:
        RequestError: the instruments have no time in common, and are not read whole.
    """
    try:
        return leaf.series_of(instruments, facts, whole)
    except ValueError as error:
        raise RequestError(str(error)) from None
