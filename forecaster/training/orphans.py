"""A worker ends when its parent does, however that went. Light: no torch. Must not know what workers do."""

import os
import threading
import time

ORPHAN_SECONDS = 0.1  # after which a worker notices that its parent is gone


def end_with(parent: int) -> None:
    """End this process once the process `parent`, which started it, is gone: a killed command leaves nobody at work."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)
