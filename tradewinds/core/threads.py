"""How many threads do the arithmetic: pinned, since a sum that more threads share ends in other digits.

torch takes `run.threads`; NumPy's BLAS takes one, since nothing here is large enough for two. Must not load torch.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BLAS = ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")  # of NumPy, read when it is loaded
TORCH = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # read when torch is loaded


def pin_blas() -> None:
    """Give NumPy's BLAS one thread, whatever the environment says; to be called before NumPy is loaded."""
    os.environ.update(dict.fromkeys(BLAS, "1"))


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Give torch so many threads meanwhile, whether it is loaded already or will be, in this process and its children.

    Args:
        threads: at least 1.
    """
    before = {name: os.environ.get(name) for name in TORCH}
    torch = sys.modules.get("torch")
    loaded = None if torch is None else torch.get_num_threads()
    os.environ.update(dict.fromkeys(TORCH, str(threads)))
    if torch is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if torch is not None:
            torch.set_num_threads(loaded)
