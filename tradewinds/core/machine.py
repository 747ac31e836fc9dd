"""What this process may take of the machine: cores and memory."""

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
LIMIT, USED = (Path(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))  # of a container


def cores() -> int:
    """Return how many cores this process may run on, at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory() -> int | None:
    """Return how many bytes can be had without swapping; None where the system does not tell."""
    sizes = []
    try:
        lines = dict(line.split(":") for line in MEMINFO.read_text(encoding="ascii").splitlines())
        sizes.append(int(lines["MemAvailable"].split()[0]) * 1024)
        sizes.append(int(LIMIT.read_text(encoding="ascii")) - int(USED.read_text(encoding="ascii")))
    except (OSError, ValueError, KeyError):  # no Linux; or no container, or one without a limit ("max")
        pass
    return min(sizes, default=None)
