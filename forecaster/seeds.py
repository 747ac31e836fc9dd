"""One seed, and from it one of their own for each thing that is drawn."""

import hashlib

import numpy as np

FORECASTER = "forecaster"  # the part of a run that is the network's weights and the order of its batches


def seed_for(seed: int, part: str) -> int:
    """Derive the seed of one part of a run, independent of the other parts' seeds."""
    digits = int.from_bytes(hashlib.sha256(part.encode()).digest()[:4], "big")
    return int(np.random.SeedSequence([seed, digits]).generate_state(1)[0] % 2**31)
