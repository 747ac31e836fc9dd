"""Folds of a walk forward: nobody is tested on what came before, and no bar is left out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import SplitConfig
from forecaster.data.splits import Split, walk_forward_folds

NEEDS = {"context_length": 4, "horizon": 2, "first_row": 3, "stop_fraction": 0.15}


@given(
    st.integers(400, 3000),
    st.integers(1, 9),
    st.sampled_from(["anchored", "rolling"]),
    st.floats(0.2, 0.6),
    st.integers(0, 5),
)
def test_tests_follow_one_another_to_the_last_bar_and_come_after_all_that_was_learned(size, folds, mode, share, gap):
    made = walk_forward_folds(size, SplitConfig(embargo_bars=gap), folds=folds, mode=mode, test_share=share, **NEEDS)
    assert len(made) == folds
    tested = []
    for fold in made:
        split, start = fold.split, fold.rows.start
        parts = (split.forecaster, split.agent, split.validation, split.test)
        for before, after in pairwise(parts):
            assert before.stop + gap <= after.start <= before.stop + gap + 1
        assert fold.rows == range(start, start + split.test.stop)
        tested.extend(range(start + split.test.start, start + split.test.stop))
        assert start == 0 if mode == "anchored" else split.test.start == made[0].split.test.start
    assert tested == list(range(size - round(share * size), size))


@given(st.integers(1500, 4000), st.integers(1, 6), st.sampled_from(["anchored", "rolling"]), st.integers(1, 48))
def test_tests_that_begin_at_a_boundary_still_follow_one_another_to_the_last_bar(size, folds, mode, day):
    settings = {"folds": folds, "mode": mode, "test_share": 0.5, **NEEDS}
    snapped = walk_forward_folds(size, SplitConfig(), boundary=lambda row: row - row % day, **settings)
    starts = [fold.rows.start + fold.split.test.start for fold in snapped]
    assert all(start % day == 0 for start in starts)
    tested = [row for fold in snapped for row in range(fold.rows.start + fold.split.test.start, fold.rows.stop)]
    assert tested == list(range(starts[0], size))
    free = walk_forward_folds(size, SplitConfig(), **settings)
    assert all(
        0 <= other.rows.start + other.split.test.start - start < day for start, other in zip(starts, free, strict=True)
    )
    assert walk_forward_folds(size, SplitConfig(), boundary=lambda row: row, **settings) == free
    for fold in snapped:
        split = fold.split
        for before, after in pairwise((split.forecaster, split.agent, split.validation, split.test)):
            assert before.stop + split.embargo_bars <= after.start
        assert fold.rows.start == 0 if mode == "anchored" else split.test.start == starts[0]


def test_boundaries_that_leave_a_fold_no_test_are_refused():
    with pytest.raises(ValueError, match="the test part of fold 1 gets 0 rows and needs 4"):
        walk_forward_folds(
            2000, SplitConfig(), folds=4, mode="anchored", test_share=0.5, boundary=lambda row: 900, **NEEDS
        )


def test_too_many_folds_are_refused_with_what_is_missing():
    with pytest.raises(
        ValueError, match=r"200 rows are too few for 60 folds: the validation part of fold 1 gets 3 rows and needs 4"
    ):
        walk_forward_folds(200, SplitConfig(), folds=60, mode="anchored", test_share=0.5, **NEEDS)
    with pytest.raises(ValueError, match=r"the forecaster part of fold 1 gets \d+ rows and needs 16"):
        walk_forward_folds(200, SplitConfig(), folds=2, mode="rolling", test_share=0.9, **NEEDS)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            (range(60), range(65, 110), range(65, 110), range(115, 140)),
            "the validation part must begin 5 rows after the",
        ),
        (
            (range(60), range(65, 80), range(85, 110), range(100, 140)),
            "the test part must begin 5 rows after the valid",
        ),
        (
            (range(60), range(62, 80), range(85, 110), range(115, 140)),
            "the agent part must begin 5 rows after the fore",
        ),
    ],
)
def test_parts_that_overlap_or_touch_are_refused_before_anything_is_fitted(parts, words):
    with pytest.raises(ValueError, match=words):
        Split(*parts, 5).refuse_overlap()
    Split(range(60), range(65, 80), range(85, 110), range(115, 140), 5).refuse_overlap()
