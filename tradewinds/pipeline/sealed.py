"""The test rows of a request, put away until the judge asks for them: once, and never while anything learns.

What trains and what chooses is handed a shorter series; the rest lies here. Must not know what is judged, nor how.
"""

import pandas as pd

from forecaster.data.series import Series
from tradewinds.core.errors import GateError
from tradewinds.data.assemble.loaded import Parts

JUDGE = "judge"


class SealedRows:
    """A series whose last bars nothing may learn from or be chosen on.

    Attributes:
        index: starts of all bars, sealed ones included: times are no secret.
        close_time: their closes.
        openings: who has opened it, in order: at most the judge, once.
    """

    def __init__(self, panel: Series, parts: Parts | None) -> None:
        self._panel, self._parts = panel, parts
        self.index: pd.DatetimeIndex = panel.index
        self.close_time: pd.DatetimeIndex = panel.close_time
        self.openings: list[str] = []

    def open(self, opener: str) -> tuple[Series, Parts | None]:
        """Return all bars and what they were joined from; every call is remembered.

        Raises:
            GateError: it is not the judge who asks, or the rows have been opened before.
        """
        before = list(self.openings)
        self.openings.append(opener)
        if opener != JUDGE:
            raise GateError(f"the test rows are sealed: '{opener}' asked for them; the judge alone opens them, once")
        if before:
            raise GateError(
                f"the test rows were opened twice in one run (by {' and '.join(self.openings)}): what was chosen after "
                "the first look was chosen on the rows it is judged on, so nothing is reported"
            )
        return self._panel, self._parts
