"""A training's state on disk: as it was, or the one before; never something between."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from trading_agent.common.checkpoint import FILE, read_checkpoint, write_checkpoint

names = st.text("abc_.", min_size=1, max_size=4)
dtypes = st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8, np.bool_])
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
rows = arrays(dtypes, array_shapes(min_dims=0, max_dims=3, min_side=0))
leaves = plain | st.lists(plain, max_size=3) | rows | rows.map(np.transpose)  # laid out column by column, too
states = st.recursive(
    st.dictionaries(names, leaves, max_size=3), lambda inner: st.dictionaries(names, inner, max_size=3)
)


def equal(one, other):
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and one == other


@given(states)
def test_a_state_comes_back_as_it_went(tmp_path_factory, state):
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder, state)
    assert equal(read_checkpoint(folder), state)
    assert os.listdir(folder) == [FILE]


def test_arrays_that_come_back_can_be_written_to(tmp_path):
    write_checkpoint(tmp_path, {"a": {"b": np.zeros(2)}})
    read_checkpoint(tmp_path)["a"]["b"][0] = 1.0


def test_a_write_that_fails_leaves_the_one_before(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, {"step": 1})

    def full_disk(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_checkpoint(tmp_path, {"step": 2})
    assert read_checkpoint(tmp_path) == {"step": 1}


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path):
    write_checkpoint(tmp_path, {"weights": np.ones(100)})
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (whole[:-10], b"", b"\x80\x04pickle"):
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(ValueError, match=f"resume must name a folder .* was '{tmp_path}'"):
            read_checkpoint(tmp_path)
