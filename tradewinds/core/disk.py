"""A full disk, told apart from other faults whoever reports it. Knows errors; not what was to be written."""

import errno
import os
import re
from collections.abc import Iterator

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no block, no quota, and a file larger than `ulimit -f` allows
IN_WORDS = re.compile(  # of libraries that raise something of their own
    "no space left on device|file too large|quota exceeded|disk is full|disk i/o error|os error (?:27|28|122)|"
    "PytorchStreamWriter",
    re.IGNORECASE,
)


def full_disk(error: BaseException) -> str:
    """Return in words why nothing more could be written, or an empty text where an error is of another kind."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in FULL:
            return os.strerror(cause.errno)
        if (match := IN_WORDS.search(str(cause))) is not None:
            return match.group(0)
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
