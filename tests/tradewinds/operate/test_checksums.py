"""What a table held is known again: any one change with its row and old value, any more that they are there."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewinds.operate.checksums import BLOCK, checksums_from, checksums_of, first_change

ROWS = 3 * BLOCK + 11
INDEX = pd.date_range("2020-01-01", periods=ROWS, tz="UTC")
CLOSE = 50.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, ROWS)))


def table(close=CLOSE, heat=None):
    return {"close": close, "heat": np.where(np.arange(ROWS) % 7 == 0, np.nan, 1.5) if heat is None else heat}


THEN = checksums_of(INDEX, table())


@given(st.integers(0, ROWS - 1), st.sampled_from([-1.0, 0.0, 0.5, 1.00001, 1e9]))
def test_one_changed_value_is_found_with_its_row_and_what_it_was(row, factor):
    close = CLOSE.copy()
    close[row] *= factor
    change = first_change(THEN, INDEX, table(close))
    assert (change.column, change.first, change.last, change.blocks) == ("close", INDEX[row], INDEX[row], 1)
    assert change.was == pytest.approx(CLOSE[row], rel=1e-8)
    assert change.value == pytest.approx(close[row], rel=1e-8)


@given(st.sets(st.integers(0, ROWS - 1), min_size=2, max_size=9))
def test_of_several_changes_the_first_is_told_to_the_block(rows):
    close = CLOSE.copy()
    close[list(rows)] += 1.0
    change = first_change(THEN, INDEX, table(close))
    assert change.column == "close"
    assert change.first <= INDEX[min(rows)] <= max(change.last, change.first + pd.Timedelta(days=BLOCK))
    assert change.blocks == len({row // BLOCK for row in rows})


@given(st.integers(0, ROWS - 1), st.integers(0, 40))
def test_what_begins_later_or_goes_on_has_not_changed(begin, more):
    index = pd.date_range(INDEX[begin], periods=ROWS - begin + more, tz="UTC")
    values = {name: np.append(column[begin:], np.ones(more)) for name, column in table().items()}
    assert first_change(THEN, index, values) is None


def test_a_row_that_went_or_came_is_told_as_such():
    for row in (0, 70, ROWS - 5):
        change = first_change(THEN, INDEX.delete(row), {n: np.delete(v, row) for n, v in table().items()})
        assert change is None if row == 0 else (change.column == "" and change.first <= INDEX[row] <= change.last)


def test_a_parser_s_rounding_is_no_change_and_a_missing_value_that_came_is_one():
    assert first_change(THEN, INDEX, table(np.nextafter(CLOSE, 0.0))) is None
    heat = np.where(np.arange(ROWS) % 7 == 0, np.nan, 1.5)
    heat[7] = 2.0
    change = first_change(THEN, INDEX, table(heat=heat))
    assert (change.column, change.first, change.value) == ("heat", INDEX[7], 2.0)
    assert np.isnan(change.was)


def test_checksums_are_read_back_as_they_were_written_and_are_small():
    file = io.BytesIO()
    np.savez(file, **THEN.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = checksums_from(dict(arrays))
    assert first_change(again, INDEX, table()) is None
    assert sum(array.nbytes for array in checksums_of(INDEX, {"close": CLOSE}).arrays().values()) < 0.2 * CLOSE.nbytes
