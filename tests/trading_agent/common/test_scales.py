"""Moments of all rows so far, however they came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trading_agent.common.scales import Moments


@given(st.integers(0, 2**31), st.lists(st.integers(1, 9), min_size=1, max_size=5), st.floats(-1e3, 1e3))
def test_moments_in_parts_are_those_of_the_whole(seed, lengths, centre):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(centre, 1.0 + place, (length, 2)) for place, length in enumerate(lengths)]
    moments = Moments(2)
    for part in parts:
        moments.add(part)
    rows = np.concatenate(parts)
    assert moments.count == len(rows)
    np.testing.assert_allclose(moments.mean, rows.mean(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(moments.deviation, rows.std(axis=0), rtol=1e-6, atol=1e-9)
