"""When bars close, reckoned a second time: what the audit of a leak check compares the pipeline with.

Must not use what the pipeline reckons it by (`forecaster.data.series.closes_of`).
"""

import pandas as pd

from forecaster.data.series import Series


def closes(series: Series) -> pd.DatetimeIndex:
    """Return (T,) closes: a bar's length after its start, but no later than the next bar begins."""
    starts = series.index.to_series()
    ends = starts + series.bar_length
    following = starts.shift(-1)
    return pd.DatetimeIndex(ends.mask(following < ends, following)).as_unit("ns")
