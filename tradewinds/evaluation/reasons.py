"""When a number cannot be computed: it is None with the reason beside it, never NaN, inf or 0 in its place."""

import math
from typing import Any

FEWEST = 20  # periods below which no interval, test or probability is attempted
FLAT = 1e-12  # standard deviation below which increments do not vary
NO_VARIANCE = "the bar returns have no variance"


def number_or_reason(name: str, value: Any, reason: str) -> dict[str, Any]:
    """Return `{name: value}`; where the value is None, NaN or infinite, None and the reason under `<name>_reason`."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return {name: None, f"{name}_reason": reason}
    return {name: value}
