"""What memory and sense allow of a file: what would not fit is refused before it is read, with its size and a cure."""

import bz2
import gzip
import io
import lzma
import os
from pathlib import Path

from tradewinds.core.errors import RequestError

NEEDED = 15.0  # bytes of memory for each byte of text, from the file to a series that is split: benchmarks/reading.py
MOST_PACKED = 1032.0  # bytes that deflate makes of one at most
PIECE = 2**20  # bytes that are unpacked at a time to count them
LONGEST_LINE = 1_000_000  # characters of one of the first lines; a panel of 50,000 columns has fewer
CURE = "cut it to fewer years or columns, make its bars longer, or use a machine with more memory"
GIB = 2.0**30


def refuse_large(name: str, size: float, *, at_least: bool = False) -> None:
    """Refuse a file whose content, unpacked, needs more memory than is free.

    Args:
        name: of the file, for the message.
        size: of its content, bytes.
        at_least: whether its content may be larger than that.

    Raises:
        RequestError: it does.
    """
    free = free_memory()
    if size * NEEDED > free:
        more = "more than " if at_least else ""
        raise RequestError(
            f"{name} holds {more}{_amount(size)} unpacked; reading it takes about {_amount(size * NEEDED)} of memory, "
            f"and {_amount(free)} are free: {CURE}"
        )


def refuse_long_lines(name: str, text: str) -> None:
    """Refuse a text whose first lines are too long for a table's.

    Raises:
        RequestError: one is.
    """
    start = 0
    for line in range(1, 11):
        end = text.find("\n", start)
        length = (end if end >= 0 else len(text)) - start
        if length > LONGEST_LINE:
            raise RequestError(
                f"{name}, row {line}: {length:,} characters on one line, and a table's have at most {LONGEST_LINE:,}; "
                "write one row a line, and at most some thousand columns"
            )
        if end < 0:
            return
        start = end + 1


def gunzipped(name: str, content: bytes) -> bytes:
    """Return what was gzipped, counted first where its last bytes, which tell its size modulo 4 GiB, do not suffice.

    Raises:
        RequestError: it is too large.
        OSError, EOFError, zlib.error: it is damaged.
    """
    said, most = int.from_bytes(content[-4:], "little"), free_memory() / NEEDED
    if not said <= most or len(content) * MOST_PACKED > most:
        size = 0
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            while piece := file.read(PIECE):
                size += len(piece)
                if size > most:
                    refuse_large(name, max(size, said), at_least=said < size)
    return gzip.decompress(content)


def streamed(name: str, file: bz2.BZ2File | lzma.LZMAFile) -> bytes:
    """Return what a packed file that does not tell its size unpacks to.

    Raises:
        RequestError: it is too large.
        OSError, EOFError, lzma.LZMAError: it is damaged.
    """
    most, pieces, size = free_memory() / NEEDED, [], 0
    while piece := file.read(PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most:
            refuse_large(name, size, at_least=True)
    return b"".join(pieces)


def free_memory() -> float:
    """Return the bytes of memory that this process may still take; inf where the system does not tell."""
    return min(_of_machine(), _of_group(), _of_process())


def _of_machine() -> float:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) * 1024.0
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * float(os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, OSError, AttributeError):
        return float("inf")


def _of_group() -> float:
    """What a container leaves: the limit of its control group less what is used."""
    limit, used = _lines("/sys/fs/cgroup/memory.max"), _lines("/sys/fs/cgroup/memory.current")
    if not limit or not used or not limit[0].isdecimal():
        return float("inf")
    return max(float(limit[0]) - float(used[0]), 0.0)


def _of_process() -> float:
    """What `ulimit -v` leaves."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        pages = int(_lines("/proc/self/statm")[0].split()[0])
        return float("inf") if limit == resource.RLIM_INFINITY else max(limit - pages * resource.getpagesize(), 0.0)
    except (ImportError, OSError, IndexError):
        return float("inf")


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []


def _amount(size: float) -> str:
    return f"{size / GIB:.1f} GiB" if size >= GIB / 10.0 else f"{size / 2.0**20:.1f} MiB"
